"""Room for payloads: bytes on their way in, and bytes acknowledged but not yet inserted."""

from __future__ import annotations

import threading
from types import TracebackType

from collector.storage.base import RetryLater


class Busy(RetryLater):
    """The queue is full or closing (HTTP 429); other RetryLater come from the engine (503)."""


class Budget:
    """Two counts against two limits. A payload counts as arriving from its first byte to its answer, and as
    waiting from its decoding to its insert: the second is what grows when the store falls behind."""

    def __init__(self, max_arriving: int, max_waiting: int) -> None:
        self._max_arriving = max_arriving
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._arriving = 0
        self._waiting = 0
        self._refused = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def arriving(self) -> int:
        return self._arriving

    @property
    def waiting(self) -> int:
        return self._waiting

    @property
    def crowded(self) -> bool:
        """Whether so much waits that nobody should let it become more for the sake of larger groups."""
        return self._waiting >= self._max_waiting * 3 // 4

    @property
    def refused(self) -> int:
        return self._refused

    def take(self, count: int, alone: int) -> None:
        """Raises Busy. `alone`: what the asking payload holds already."""
        with self._lock:
            full = self._arriving + count > self._max_arriving and self._arriving > alone
            behind = self._waiting >= self._max_waiting
            if full or behind or self._closed:
                self._refused += 1
                raise Busy(self._why(behind), 1.0)
            self._arriving += count

    def _why(self, behind: bool) -> str:
        if self._closed:
            return "shutting down"
        return "the store is falling behind" if behind else "the ingest queue is full"

    def give_back(self, count: int) -> None:
        with self._lock:
            self._arriving -= count

    def wait(self, count: int) -> None:
        """Count memory of a payload that waits for its insert; a negative count when it is over."""
        with self._lock:
            self._waiting += count

    def close(self) -> None:
        """Refuse from now on."""
        with self._lock:
            self._closed = True


class Reservation:
    """Bytes of one payload in the budget, from its first byte read to its answer."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def grow(self, count: int) -> None:
        """Raises Busy if the budget is spent. A payload that is alone may pass it, or it could never pass."""
        self._budget.take(count, alone=self._held)
        self._held += count

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self._held)
        self._held = 0
