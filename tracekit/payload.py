"""What is sent and stays until it is acknowledged. Loaded with the first group of spans that is encoded."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Payload:
    """An encoded group of spans. Sent again unchanged until acknowledged, so that a receiver can tell
    a repetition by its span ids."""

    __slots__ = ("body", "delivered", "dropped", "size", "spans")

    def __init__(self, body: Any, size: int, spans: int, dropped: int) -> None:
        self.body = body
        self.size = size
        self.spans = spans
        self.delivered = False
        self.dropped = dropped  # spans lost earlier, whose number this payload reports
