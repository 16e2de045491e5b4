"""Payloads of the recent past by digest: log records and data points have no identity of their own."""

from __future__ import annotations

from collections.abc import Iterable

# How long a payload is remembered, counted from when it was received. A later retry counts twice.
REMEMBERED_NS = 15 * 60 * 1_000_000_000


class RecentDigests:
    """What was received within REMEMBERED_NS before the newest. 16 bytes each, about 150 in memory."""

    def __init__(self, known: Iterable[tuple[bytes, int]] = ()) -> None:
        self._received: dict[bytes, int] = {}
        self._newest = 0
        for digest, received_ns in sorted(known, key=lambda entry: entry[1]):
            self.add(digest, received_ns)

    def holds(self, digest: bytes, received_ns: int) -> bool:
        """Whether a payload received at that moment was received before, within REMEMBERED_NS."""
        before = self._received.get(digest) if digest else None
        return before is not None and received_ns - before <= REMEMBERED_NS

    @property
    def since_ns(self) -> int:
        """Payloads received before are forgotten."""
        return max(self._newest - REMEMBERED_NS, 0)

    def add(self, digest: bytes, received_ns: int) -> None:
        """Payloads arrive nearly in order, so the oldest stand first."""
        if not digest:
            return
        self._received[digest] = received_ns
        self._newest = max(self._newest, received_ns)
        oldest = next(iter(self._received))
        while self._received[oldest] < self.since_ns:
            del self._received[oldest]
            oldest = next(iter(self._received))
