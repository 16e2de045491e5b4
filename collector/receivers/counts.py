"""What the receivers did since the start, for /metrics and the status page."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from collector.payload import Signal

_SECONDS_KEPT = 120


class Counts:
    """Counted from the event loop and read from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._seconds: dict[int, Counter[str]] = {}
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
            self._this_second()[signal] += items

    def rates(self, window_s: int) -> dict[str, float]:
        """Items acknowledged a second over the last whole seconds, two minutes of them at most, by signal."""
        now = self._clock()
        with self._lock:
            seconds = [s for s in self._seconds if now - window_s - 1 <= s < int(now)]
            totals = sum((self._seconds[s] for s in seconds), Counter[str]())
        lasted = max(1.0, min(float(window_s), now - self._started))
        return {signal: count / lasted for signal, count in totals.items()}

    def _this_second(self) -> Counter[str]:
        second = int(self._clock())
        if second not in self._seconds:
            self._seconds[second] = Counter()
            for old in [s for s in self._seconds if s < second - _SECONDS_KEPT]:
                del self._seconds[old]
        return self._seconds[second]

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
