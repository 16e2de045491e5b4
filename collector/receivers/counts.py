"""What the receivers did since the start, for /metrics and the status page."""

from __future__ import annotations

import threading
from collections import Counter

from collector.payload import Signal


class Counts:
    """Counted from the event loop and read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()
        self._items: Counter[tuple[str, str]] = Counter()
        self._rejected: Counter[tuple[str, str]] = Counter()

    def answered(self, protocol: str, signal: str, code: str) -> None:
        """One request; `code` is HTTP's status or gRPC's name of it."""
        with self._lock:
            self._requests[protocol, signal, code] += 1

    def took(self, protocol: str, signal: Signal, size: int, items: int, rejected: int) -> None:
        """A payload of `size` bytes (inflated) was acknowledged with `items` of it kept."""
        with self._lock:
            self._bytes[protocol, signal] += size
            self._items[protocol, signal] += items
            self._rejected[protocol, signal] += rejected

    def requests(self) -> dict[tuple[str, str, str], int]:
        """By (protocol, signal, code)."""
        with self._lock:
            return dict(self._requests)

    def bytes_taken(self) -> dict[tuple[str, str], int]:
        """Inflated bytes acknowledged, by (protocol, signal)."""
        with self._lock:
            return dict(self._bytes)

    def items_taken(self) -> dict[tuple[str, str], int]:
        """Spans, log records, data points acknowledged, by (protocol, signal)."""
        with self._lock:
            return dict(self._items)

    def items_rejected(self) -> dict[tuple[str, str], int]:
        """Spans, log records, data points left out of payloads that were taken, by (protocol, signal)."""
        with self._lock:
            return dict(self._rejected)
