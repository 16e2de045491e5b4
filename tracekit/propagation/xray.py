"""AWS X-Ray: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0|1`.

The W3C trace id is the 8 and the 24 digits.
"""

from __future__ import annotations

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracekit.span import SpanContext


def parse(text: str, fields: Mapping[str, str]) -> SpanContext | None:
    """The context, or None (also where no Parent is given)."""
    pairs = [item.partition("=") for item in text.split(";")]
    values = {name.strip().lower(): value.strip() for name, _, value in pairs}
    root = values.get("root", "").split("-")
    if len(root) != 3 or root[0] != "1" or len(root[1]) != 8 or len(root[2]) != 24:
        return None
    return context_of(root[1] + root[2], values.get("parent", ""), values.get("sampled") != "0")
