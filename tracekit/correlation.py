"""Which span something was said in. Light: needed where `logging` may not be loaded."""

from __future__ import annotations

from _thread import _local

from tracekit import context
from tracekit.span import NonRecordingSpan, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.otlp_logs import LogRecord
    from tracekit.span import SpanContext

# `depth` is set while handlers of `logging` run on this thread: what they print is the same record again.
handling = _local()


def active() -> SpanContext | None:
    """The identity of the active span; None where there is none."""
    parent, _ = context.active()
    found = parent.context if isinstance(parent, (Span, NonRecordingSpan)) else parent
    return found if found is not None and found.tid else None


def correlate(said: LogRecord) -> None:
    """Gives a record the ids of the active span."""
    found = active()
    if found is not None:
        said.trace_id, said.span_id, said.sampled = found.tid, found.sid, found.sampled
