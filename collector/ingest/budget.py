"""Room for payloads: bytes on their way in, and bytes acknowledged but not yet inserted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType

from collector.storage.base import RetryLater

# Who finds no room waits this long before it is refused: its body would be sent, and read, to be thrown away,
# and once more with the next try. The store takes its largest groups within that time.
PATIENCE_S = 1.0
# More than so many are refused at once: of each that waits, the first 64 KiB are in memory (uvicorn).
_MOST_PATIENT = 256
_LOOK_EVERY_S = 0.01


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
            why = "shutting down" if self._closed else self._lacks(count, alone)
            if why:
                self._refused += 1
                raise Busy(why, 1.0)
            self._arriving += count

    def is_full(self, count: int) -> bool:
        """Whether a payload of so many bytes had better wait."""
        with self._lock:
            return bool(self._lacks(count, 0)) and not self._closed

    def _lacks(self, count: int, alone: int) -> str:
        """What there is too much of already, for so many bytes more; "" if they may come."""
        if self._waiting >= self._max_waiting:
            return "the store is falling behind"
        full = self._arriving + count > self._max_arriving and self._arriving > alone
        return "the ingest queue is full" if full else ""

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


class Turns:
    """Senders that wait for room, on one event loop: in the order they came, the first of them looking."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._first = asyncio.Lock()
        self._patient = 0

    async def wait(self, count: int) -> None:
        """Until so many bytes may come, or PATIENCE_S: taking them tells."""
        if not self._first.locked() and not self._budget.is_full(count):
            return
        if self._patient >= _MOST_PATIENT:
            return
        self._patient += 1
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S), self._first:
                    while self._budget.is_full(count):  # noqa: ASYNC110 (room is given back on threads)
                        await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            self._patient -= 1


class Reservation:
    """Bytes of one payload in the budget, from its first byte read to its answer."""

    def __init__(self, budget: Budget, turns: Turns) -> None:
        self._budget = budget
        self._turns = turns
        self._held = 0

    async def room(self, count: int) -> None:
        """Call before reading a body of so many bytes, 0 if it does not say: waits a moment where there is no
        room for it. Raises nothing: `grow` does."""
        await self._turns.wait(count)

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
