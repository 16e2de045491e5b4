"""AWS X-Ray: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0|1`.

The W3C trace id is the 8 and the 24 digits.
"""

from __future__ import annotations

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tracekit.span import SpanContext


def parse(text: str, fields: Mapping[str, str]) -> SpanContext | None:
    """The context, or None (also where no Parent is given)."""
    pairs = [item.partition("=") for item in text.split(";")]
    values = {name.strip().lower(): value.strip() for name, _, value in pairs}
    root = values.get("root", "").split("-")
    if len(root) != 3 or root[0] != "1" or len(root[1]) != 8 or len(root[2]) != 24:
        return None
    return context_of(root[1] + root[2], values.get("parent", ""), values.get("sampled") != "0")


def write(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets `X-Amzn-Trace-Id`."""
    trace, sampled = context.trace_id, "1" if context.sampled else "0"
    carrier["X-Amzn-Trace-Id"] = f"Root=1-{trace[:8]}-{trace[8:]};Parent={context.span_id};Sampled={sampled}"
