"""tracekit: shows what happens inside functions.

The public names are resolved on first use (PEP 562): importing the package loads nothing, because
watching a cold start must not cause one.
"""

from __future__ import annotations

import gc
import sys
from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from tracekit.api import add_event as add_event
    from tracekit.api import current_span as current_span
    from tracekit.api import extract as extract
    from tracekit.api import flush as flush
    from tracekit.api import inject as inject
    from tracekit.api import set_attribute as set_attribute
    from tracekit.api import shutdown as shutdown
    from tracekit.api import span as span
    from tracekit.dbapi import trace_connection as trace_connection
    from tracekit.decorator import handler as handler
    from tracekit.decorator import traced as traced
    from tracekit.metrics import metric as metric
    from tracekit.span import Span as Span
    from tracekit.span import SpanContext as SpanContext

    T = TypeVar("T")

__version__ = "0.1.0"

# Unix nanoseconds. Unless a runtime of ours says better, user code started loading about now.
IMPORTED_AT = time_ns()

_HOMES = {
    "traced": "tracekit.decorator",
    "handler": "tracekit.decorator",
    "span": "tracekit.api",
    "current_span": "tracekit.api",
    "set_attribute": "tracekit.api",
    "add_event": "tracekit.api",
    "inject": "tracekit.api",
    "extract": "tracekit.api",
    "flush": "tracekit.api",
    "shutdown": "tracekit.api",
    "trace_connection": "tracekit.dbapi",
    "metric": "tracekit.metrics",
    "Span": "tracekit.span",
    "SpanContext": "tracekit.span",
}

__all__ = [
    "Span",
    "SpanContext",
    "add_event",
    "current_span",
    "extract",
    "flush",
    "handler",
    "inject",
    "metric",
    "set_attribute",
    "shutdown",
    "span",
    "trace_connection",
    "traced",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tracekit' has no attribute {name!r}")
    found: object = getattr(undisturbed(__import__, home, None, None, (name,)), name)
    globals()[name] = found
    return found


def undisturbed(load: Callable[..., T], *args: Any) -> T:
    """What `load`, which imports modules of this package, returns; in half the time it would take.

    The garbage collector does not look again and again at what is made: modules stay, and looking costs as
    much as loading half of them (0.7 ms of a cold start). They are left to the oldest generation. Whoever has
    switched the collector off, or frozen objects, is not interfered with. And modules are found by _near.
    """
    near: Any = _Finder(find_spec=_near)
    sys.meta_path.insert(0, near)
    collects = gc.isenabled() and hasattr(gc, "freeze") and not gc.get_freeze_count()
    if collects:
        gc.disable()
    try:
        return load(*args)
    finally:
        if collects:
            # Everything alive to the permanent generation, which was empty, and from there to the oldest.
            gc.freeze()
            gc.unfreeze()
            gc.enable()
        if near in sys.meta_path:
            sys.meta_path.remove(near)


# Bytes. A compiled module of ours has 20 KiB; room for more costs more than it would save.
_LARGEST = 65_536
# types.SimpleNamespace: a finder is whatever has a find_spec, and a class of ours takes 0.02 ms to make.
_Finder: Any = type(sys.implementation)
_Spec: Any = type(sys.__spec__)
_importlib: Any = sys.modules["_frozen_importlib_external"]
_of_files = __spec__ is not None and type(__spec__.loader) is _importlib.SourceFileLoader


def _near(name: str, path: Sequence[str] | None = None, target: object = None) -> object:
    """Finds this package's modules beside it, and what importlib has compiled of them: a third of the time a
    module takes to import goes into asking around (60 us each, 38 with this). Whatever is not as it usually
    is, importlib is asked for: another loader (of an archive, of a tool), code that is not compiled yet, is
    older than its source or is not kept by its time."""
    if not path or not _of_files or not name.startswith("tracekit."):
        return None
    stem = f"{path[0]}/{name.rpartition('.')[2]}"
    return _spec(name, f"{stem}.py") or _spec(name, f"{stem}/__init__.py", [stem])


def _spec(name: str, source: str, within: list[str] | None = None) -> object:
    try:
        loader = _importlib.SourceFileLoader(name, source)
        spec = _Spec(name, loader, origin=source)
        spec.submodule_search_locations = within
        spec.has_location = True
        cached = spec.cached
        code = _compiled(name, source, cached)
    except Exception:  # nothing compiled, or nothing at all: not for us to tell
        return None
    if code is None:
        return None
    own = loader.__dict__  # for one time each: whoever loads it anew gets it anew

    def get_code(fullname: str) -> object:
        own.pop("get_code", None)
        return code

    def create_module(spec: object) -> object:
        own.pop("create_module", None)
        module = _Module(name)
        # As importlib would set them, after having been told, in words nobody reads, that there are none.
        module.__dict__.update(__file__=source, __cached__=cached)
        return module

    own.update(get_code=get_code, create_module=create_module)
    return spec


def _compiled(name: str, source: str, cached: str) -> object:
    os = _importlib._os  # posix or nt
    file = os.open(cached, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        found = os.read(file, _LARGEST)
    finally:
        os.close(file)
    # As PEP 3147 and 552 have it: magic number, flags (0: valid by time), time and size of the source.
    of = os.stat(source)
    time, size = int(of.st_mtime) & 0xFFFFFFFF, of.st_size & 0xFFFFFFFF
    valid = _importlib.MAGIC_NUMBER + (size << 64 | time << 32).to_bytes(12, "little")
    if len(found) == _LARGEST or found[:16] != valid:
        return None
    return _importlib._compile_bytecode(memoryview(found)[16:], name, cached, source)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))


if TYPE_CHECKING:
    from types import ModuleType as _Module
else:
    _Module = type(sys)  # the module `types` is not worth loading for this


class _Package(_Module):
    """Keeps a submodule from hiding the public name it shares (tracekit.span, tracekit.flush).

    Importing a submodule, by whomever and whenever, sets it as an attribute of its package.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, _Module)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
