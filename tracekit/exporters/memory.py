"""Keeps spans in a list. For tests and for looking around."""

from __future__ import annotations

from tracekit.exporters.base import DONE, Exporter, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Span

ESTIMATE = 512


class MemoryExporter(Exporter):
    """`spans` holds what was delivered, `resource` the last one seen, `dropped` the losses reported."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, Any] = {}
        self.dropped = 0

    def encode(self, spans: list[Span], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        return (list(spans), dict(resource), dropped), ESTIMATE * len(spans)

    def send(self, body: Any, deadline: float) -> Result:
        spans, self.resource, dropped = body
        self.spans.extend(spans)
        self.dropped += dropped
        return Result(DONE)
