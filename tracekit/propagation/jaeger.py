"""Jaeger: `trace:span:parent:flags`, as `uber-trace-id` and in FC's OpenTracing header.

Leading zeros may be missing.
"""

from __future__ import annotations

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

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
