"""Zipkin's B3: `b3: trace-span-sampled-parent`, or `X-B3-TraceId`, `X-B3-SpanId`, `X-B3-Sampled`.

Rules: openzipkin/b3-propagation. Trace ids of 16 or 32 digits; a decision that is left out means "decide
yourself", which is yes here; `d` (or X-B3-Flags: 1) means debug, which is yes too.
"""

from __future__ import annotations

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tracekit.span import SpanContext

_NO = ("0", "false")
_HEX = frozenset("0123456789abcdefABCDEF")


def parse(text: str, fields: Mapping[str, str]) -> SpanContext | None:
    """The context of the single field (it has hyphens) or of the several ones, or None."""
    single = text.strip().split("-")
    if len(single) > 1:
        return _context(single[0], single[1], single[2] if len(single) > 2 else "")
    if "x-b3-traceid" not in fields:
        return None
    sampled = "1" if fields.get("x-b3-flags") == "1" else fields.get("x-b3-sampled", "")
    return _context(fields["x-b3-traceid"].strip(), fields.get("x-b3-spanid", "").strip(), sampled)


def write(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets `b3`."""
    carrier["b3"] = f"{context.trace_id}-{context.span_id}-{'1' if context.sampled else '0'}"


def write_multi(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets the `X-B3-*` fields."""
    carrier["X-B3-TraceId"] = context.trace_id
    carrier["X-B3-SpanId"] = context.span_id
    carrier["X-B3-Sampled"] = "1" if context.sampled else "0"


def _context(trace: str, span: str, sampled: str) -> SpanContext | None:
    if len(trace) not in (16, 32) or len(span) != 16 or not _HEX.issuperset(trace + span):
        return None
    return context_of(trace, span, sampled.strip().lower() not in _NO)
