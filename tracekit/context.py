"""The active span of this thread or task.

One context variable serves tracekit and opentelemetry, which keeps their order exact. It holds None, a Span,
a NonRecordingSpan, or an opentelemetry Context that was attached (tracekit.otel puts it there, and tells us
through `foreign_parent` what it means).
"""

from __future__ import annotations

import sys
from time import time_ns

from tracekit.queue import QUEUE
from tracekit.span import NO_SPAN, NonRecordingSpan, Span, SpanContext, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar
    from typing import Any

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: not set for the interpreter's own classes


def _context_variable() -> type[ContextVar[Any]]:
    """The interpreter's ContextVar. The module that gives it its name holds nothing else, and is a shared
    library: loading it takes 0.2 to 0.5 ms, asking the interpreter for its classes 0.02."""
    if "_contextvars" not in sys.modules:
        for kind in object.__subclasses__():
            if kind.__name__ == "ContextVar" and not kind.__flags__ & _HEAP_TYPE:
                return kind  # type: ignore[return-value]
    from _contextvars import ContextVar as found

    return found


_current: ContextVar[Any] = _context_variable()("tracekit", default=None)
get = _current.get
attach = _current.set
detach = _current.reset

# Set by tracekit.otel: what an attached opentelemetry Context means to us, and the baggage in one.
foreign_parent: Callable[[Any], Span | NonRecordingSpan | SpanContext | None] | None = None
foreign_baggage: Callable[[Any], str] | None = None


def current_span() -> Span | NonRecordingSpan:
    """The active span; a no-op span where there is none."""
    parent, _ = active()
    if isinstance(parent, SpanContext):
        return NonRecordingSpan(parent)
    return NO_SPAN if parent is None else parent


def outgoing() -> SpanContext | None:
    """What a call that is made now carries: the active span's identity and the baggage; None without one."""
    span = current_span()
    found = span.context
    if not found.tid:
        return None
    _, outer = active()
    if outer is not None and foreign_baggage is not None:
        baggage = foreign_baggage(outer) or found.baggage
        return SpanContext(found.tid, found.sid, found.sampled, found.state, found.remote, baggage)
    return found


def active() -> tuple[Span | NonRecordingSpan | SpanContext | None, Any]:
    """What a new span would have as its parent, and the opentelemetry Context around it if there is one."""
    return around(get())


def around(node: Any) -> tuple[Span | NonRecordingSpan | SpanContext | None, Any]:
    """The same for something that is, or could be, the active node."""
    if node is None:
        return None, None
    if type(node) is Span:
        return node, node.trace.outer
    if type(node) is NonRecordingSpan:
        return node, node.outer
    if foreign_parent is None:
        return None, None
    return foreign_parent(node), node


def start(name: str, kind: int, attributes: dict[str, Any] | None = None) -> Span | NonRecordingSpan:
    """A new span below the active one, or the root of a new trace. It is not made active."""
    parent, outer = active()
    return start_below(parent, outer, name, kind, attributes)


def start_below(
    parent: Span | NonRecordingSpan | SpanContext | None,
    outer: Any,
    name: str,
    kind: int,
    attributes: dict[str, Any] | None = None,
    started: int = 0,
) -> Span | NonRecordingSpan:
    """A new span below what `around` gave. `started`: Unix nanoseconds, 0 for now."""
    if isinstance(parent, NonRecordingSpan):
        return parent if outer is parent.outer else NonRecordingSpan(parent.context, outer)
    if isinstance(parent, Span):
        trace = parent.trace
        if outer is not trace.outer:  # opentelemetry put more keys (baggage) around our span
            trace = Trace(parent.tid, trace.state, outer, trace.baggage)
            trace.sampling = parent.trace.sampling
        return Span(name, kind, parent, trace, started or time_ns(), attributes)
    return start_root(name, kind, attributes, parent, outer, started)


def start_root(
    name: str,
    kind: int,
    attributes: dict[str, Any] | None,
    parent: SpanContext | None,
    outer: Any = None,
    started: int = 0,
    baggage: str = "",
) -> Span | NonRecordingSpan:
    """A local root below `parent` or of a new trace, if sampled. `started`: Unix nanoseconds, 0 for now.
    `baggage`: the caller's, where it has no span (the parent's comes with the parent)."""
    from tracekit import pipeline  # with the first span, not with the decoration of a function

    trace = Trace(parent.tid if parent else 0, parent.state if parent else "", outer)
    trace.baggage = (parent.baggage if parent else "") or baggage
    if not pipeline.get().sampler.admit(trace, parent, name, kind, attributes):
        from tracekit.ids import new_span_id

        unsampled = SpanContext(trace.tid, new_span_id(), False, trace.state, False, trace.baggage)
        return NonRecordingSpan(unsampled, outer)
    return Span(name, kind, parent, trace, started or time_ns(), attributes)


def finish(span: Span | NonRecordingSpan, end: int = 0) -> None:
    """Ends a recorded span now, or at `end` (Unix nanoseconds), and queues it."""
    if type(span) is Span and not span.end:
        span.end = end or time_ns()
        if span.trace.sampling is not None and not isinstance(span.parent, Span):
            span.trace.sampling.ended(span)
        QUEUE.add(span)


def release(token: Any) -> None:
    """Like `detach`, for code that may be closed from another context (a coroutine dropped half-way)."""
    try:
        detach(token)
    except ValueError:  # that context is not the one we changed, and goes away with its owner
        return


def is_ours(token: Any) -> bool:
    """Whether a token of a context variable is of the one used here."""
    return token.var is _current


def is_local_root(span: Span | NonRecordingSpan) -> bool:
    """Whether nothing of this process is above the span."""
    return type(span) is Span and not isinstance(span.parent, Span)
