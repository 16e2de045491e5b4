"""How long and how much is kept: what to forget is decided here, an engine does it (StorageCare)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from collector.settings import Limit
from collector.storage.base import Holding, Signal, StorageCare, StorageError

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 30.0
_ERRANDS_EVERY_S = 0.5
# What belongs to a trace has come by then: the longest functions run for 15 minutes.
SETTLE_NS = 1_800 * 10**9


Limits = Mapping[Signal, Limit]


def to_forget(holdings: Iterable[Holding], limits: Limits, now_ns: int) -> list[Holding]:
    """What is too old or too much, oldest first. Never what is growing, so a signal may exceed its bytes by
    the file that is being written; `part_bytes` keeps that one small."""
    by_signal: dict[Signal, list[Holding]] = {}
    for holding in holdings:
        by_signal.setdefault(holding.signal, []).append(holding)
    found = [h for signal, held in by_signal.items() for h in _excess(held, limits.get(signal), now_ns)]
    return sorted(found, key=lambda holding: (holding.last_ns, holding.part, holding.signal))


def part_bytes(limits: Limits, largest: int) -> int:
    """How large a file may grow: what is forgotten is whole files, so 1/25 of the smallest limit keeps every
    signal within 5 % of its own, whatever it shares the file with."""
    given = [limit.bytes for limit in limits.values() if limit.bytes]
    return max(min([largest, *(limit // 25 for limit in given)]), 2**20)


def _excess(held: list[Holding], limit: Limit | None, now_ns: int) -> list[Holding]:
    if limit is None:
        return []
    found = []
    total = sum(holding.bytes for holding in held)
    for holding in sorted(held, key=lambda holding: holding.last_ns):
        aged = limit.age_s and holding.last_ns < now_ns - limit.age_s * 1e9
        if not holding.growing and (aged or (limit.bytes and total > limit.bytes)):
            found.append(holding)
            total -= holding.bytes
    return found


def _by_part(holdings: Iterable[Holding]) -> list[list[Holding]]:
    """A file is dropped, or written anew, once for all that is to go from it: that changes its name."""
    found: dict[str, list[Holding]] = {}
    for holding in holdings:
        found.setdefault(holding.part, []).append(holding)
    return list(found.values())


class Caretaker:
    """A thread that looks after a store: every half minute it forgets what the limits say, and keeps one of
    `keep_one_of` ordinary traces. Between that it does `errands`, so that nothing is forgotten while it is
    copied."""

    def __init__(
        self,
        care: StorageCare,
        limits: Limits,
        clock: Callable[[], int] = time.time_ns,
        errands: Callable[[], None] = lambda: None,
        keep_one_of: int = 1,
    ) -> None:
        self._keep_one_of = keep_one_of
        self._errands = errands
        self._care = care
        self._limits = limits
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracekit-caretaker", daemon=True)
        self.forgotten: list[Holding] = []

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def look(self) -> None:
        """One round, on the calling thread. What fails is tried again in the next one."""
        try:
            self._care.care()
            if self._keep_one_of > 1:
                self._care.sample(self._keep_one_of, self._clock() - SETTLE_NS)
            for part in _by_part(to_forget(self._care.holdings(), self._limits, self._clock())):
                self._care.forget(*part)
                self.forgotten += part
                for holding in part:
                    log.info("forgot %s of %s: %d bytes", holding.signal, holding.part, holding.bytes)
        except StorageError as error:
            if not self._stop.is_set():
                log.warning("the store was not looked after, and will be in a while: %s", error)

    def _run(self) -> None:
        looked_at = time.monotonic()
        while not self._stop.wait(_ERRANDS_EVERY_S):
            try:
                self._errands()
                if time.monotonic() - looked_at >= _LOOK_EVERY_S:
                    looked_at = time.monotonic()
                    self.look()
            except Exception:
                log.exception("the store could not be looked after")
