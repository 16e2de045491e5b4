"""W3C trace context: `traceparent: 00-<32 hex>-<16 hex>-<2 hex flags>`, and `tracestate`."""

from __future__ import annotations

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tracekit.span import SpanContext

_HEX = frozenset("0123456789abcdef")
_MAX_STATE = 512


def parse(text: str, fields: Mapping[str, str]) -> SpanContext | None:
    """The context, or None if the header breaks the specification's rules (section 3.2)."""
    parts = text.strip().split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    version, trace, span, flags = parts[:4]
    if version == "ff" or (version == "00" and len(parts) > 4):
        return None
    if not _HEX.issuperset(version + trace + span + flags):
        return None
    state = fields.get("tracestate", "").strip()
    return context_of(trace, span, bool(int(flags, 16) & 1), state if len(state) <= _MAX_STATE else "")


def write(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets `traceparent`, and `tracestate` if there is one."""
    carrier["traceparent"] = f"00-{context.trace_id}-{context.span_id}-{'01' if context.sampled else '00'}"
    if context.state:
        carrier["tracestate"] = context.state
