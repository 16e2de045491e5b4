"""Jaeger: `trace:span:parent:flags`, as `uber-trace-id` and in FC's OpenTracing header.

Leading zeros may be missing.
"""

from __future__ import annotations

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tracekit.span import SpanContext


def parse(text: str, fields: Mapping[str, str]) -> SpanContext | None:
    """The context, or None. Accepts the URL-encoded form (%3A)."""
    parts = text.strip().replace("%3A", ":").replace("%3a", ":").split(":")
    if len(parts) != 4:
        return None
    try:
        sampled = bool(int(parts[3], 16) & 1)
    except ValueError:
        return None
    return context_of(parts[0], parts[1], sampled)


def write(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets `uber-trace-id`."""
    carrier["uber-trace-id"] = _text(context)


def write_fc(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets the header Function Compute hands to the function it calls as `context.tracing.span_context`."""
    carrier["x-fc-tracing-opentracing-span-context"] = _text(context)


def _text(context: SpanContext) -> str:
    return f"{context.trace_id}:{context.span_id}:0:{'1' if context.sampled else '0'}"
