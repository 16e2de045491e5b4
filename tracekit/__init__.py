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
    from collections.abc import Callable
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
    """What `load` returns, without the garbage collector looking at what it makes again and again: modules
    stay, and looking costs as much as loading half of them (0.7 ms of a cold start). They are left to the
    oldest generation. Whoever has switched the collector off, or frozen objects, is not interfered with."""
    if not gc.isenabled() or not hasattr(gc, "freeze") or gc.get_freeze_count():
        return load(*args)
    gc.disable()
    try:
        return load(*args)
    finally:
        # Everything alive to the permanent generation, which was empty, and from there to the oldest.
        gc.freeze()
        gc.unfreeze()
        gc.enable()


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
