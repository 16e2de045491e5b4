"""Tells when a module has finished importing, without replacing its loader.

importlib sets `module.__spec__._initializing` to True, runs the module, and sets it to False. While that
lasts, the spec's class is swapped for a subclass whose property sees the change; then it is put back.
"""

from __future__ import annotations

import sys

from tracekit.guard import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from typing import Any

_callbacks: dict[int, tuple[ModuleSpec, list[Callable[[str], None]]]] = {}
_classes: dict[type, type] = {}


def when_imported(name: str, callback: Callable[[str], None]) -> bool:
    """Calls `callback(name)` when module `name`, which is being imported now, is done. False if it is not
    being imported (or by means that cannot be seen). Never raises."""
    try:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec is None or not spec.__dict__.get("_initializing"):
            return False
        return on_spec(spec, callback)
    except Exception as error:
        report(error, "import watch")
        return False


def on_spec(spec: ModuleSpec, callback: Callable[[str], None]) -> bool:
    """The same for a spec in hand, whose import may not have started yet."""
    known = _callbacks.get(id(spec))
    if known is not None:
        if callback not in known[1]:
            known[1].append(callback)
        return True
    _callbacks[id(spec)] = (spec, [callback])
    spec.__class__ = _watching(type(spec))
    return True


def _watching(base: type) -> type:
    """A subclass of a spec's class with an `_initializing` that is seen when set."""
    if base not in _classes:

        def read(self: Any) -> bool:
            return bool(self.__dict__.get("_initializing", False))

        def write(self: Any, value: bool) -> None:
            self.__dict__["_initializing"] = value
            if not value:
                self.__class__ = base
                _finished(self)

        _classes[base] = type(base.__name__, (base,), {"_initializing": property(read, write)})
    return _classes[base]


def _finished(spec: ModuleSpec) -> None:
    _, callbacks = _callbacks.pop(id(spec), (spec, []))
    if spec.name not in sys.modules:
        return  # the import failed
    for callback in callbacks:
        try:
            callback(spec.name)
        except Exception as error:
            report(error, f"after import of {spec.name}")
