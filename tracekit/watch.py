"""Tells when a module has finished importing, without replacing its loader; and what waits for which.

importlib sets `module.__spec__._initializing` to True, runs the module, and sets it to False. While that
lasts, the spec's class is swapped for a subclass whose property sees the change; then it is put back. For a
module that nobody imports yet, a finder at the head of sys.meta_path waits. It finds nothing itself: it lets
the others find, and steps aside after its one module. Other imports pay one comparison.

opentelemetry is waited for to connect the bridge (tracekit.otel), `logging` to take what is logged.
"""

from __future__ import annotations

import sys

from tracekit.guard import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from tracekit.config import Config

# Parts of opentelemetry's API and what connects each. They are waited for once the package itself is there.
OPENTELEMETRY = (
    ("opentelemetry.trace", "install"),  # it imports opentelemetry.context itself, so both are there
    ("opentelemetry._logs", "install_logs"),
    ("opentelemetry.metrics", "install_metrics"),
)

_callbacks: dict[int, tuple[ModuleSpec, list[Callable[[str], None]]]] = {}
_classes: dict[type, type] = {}
_watched: set[str] = set()


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


class Finder:
    """Watches the import of one module."""

    def __init__(self, target: str, connect: Callable[[str], None]) -> None:
        self._target = target
        self._connect = connect

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._target:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                on_spec(spec, self._connect)
                return spec
        return None


def when_loaded(target: str, connect: Callable[[str], None]) -> None:
    """Calls `connect(target)` now if the module is imported already, else when it is."""
    module = sys.modules.get(target)
    spec = getattr(module, "__spec__", None)
    if module is None:
        sys.meta_path.insert(0, Finder(target, connect))
    elif spec is not None and spec.__dict__.get("_initializing"):
        on_spec(spec, connect)
    else:
        connect(target)


def opentelemetry() -> None:
    """Installs the bridge now if opentelemetry is imported already, else when it is. Once is enough."""
    when_loaded("opentelemetry", _opentelemetry_found)


def _opentelemetry_found(name: str) -> None:
    for part, connector in OPENTELEMETRY:
        when_loaded(part, _caller("tracekit.otel", connector))


def output(config: Config) -> None:
    """Takes what user code logs or prints from now on, as far as the configuration asks. Never raises."""
    try:
        if config.logs and "logging" not in _watched:
            _watched.add("logging")
            when_loaded("logging", _caller("tracekit.logs", "install"))
        if config.stdout:
            _caller("tracekit.stdio", "install")("")
    except Exception as error:
        report(error, "captured output")


def _caller(module: str, function: str) -> Callable[[str], None]:
    # By name: what connects needs the pipeline, which needs this module.
    def connect(name: str) -> None:
        found = getattr(__import__(module, fromlist=(function,)), function, None)
        if found is not None:  # else it is being loaded for another part, and has imported this one
            found()

    return connect
