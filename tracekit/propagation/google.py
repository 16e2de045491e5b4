"""Google Cloud: `X-Cloud-Trace-Context: TRACE/SPAN;o=1`, the trace hexadecimal and the span decimal."""

from __future__ import annotations

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tracekit.span import SpanContext


def parse(text: str, fields: Mapping[str, str]) -> SpanContext | None:
    """The context, or None."""
    trace, _, rest = text.strip().partition("/")
    span, _, options = rest.partition(";")
    if len(trace) != 32 or not span.isdigit() or len(span) > 20:
        return None
    return context_of(trace, f"{int(span):x}", "o=0" not in options)


def write(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets `X-Cloud-Trace-Context`."""
    carrier["X-Cloud-Trace-Context"] = f"{context.trace_id}/{context.sid};o={1 if context.sampled else 0}"
