"""Batches become rows: the store's single writer, in groups."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from collector.decode.result import Decoded
from collector.ingest.budget import Budget
from collector.ingest.job import NOTHING, Job, answer
from collector.ingest.quarantine import Quarantine
from collector.ingest.stage import Stage
from collector.ingest.stats import Counts
from collector.journal import Journal
from collector.payload import Payload
from collector.storage.base import Grace, Rejected, RetryLater, SpanWriter, StorageError

log = logging.getLogger(__name__)

# One INSERT: larger groups cost less a span, but memory and every reader's wait grow with them.
_GROUP_ROWS = 50_000
# An INSERT has a fixed cost of 1.5 ms: worth it at once for this many, for fewer after a moment.
_ENOUGH_ROWS = 16_384
_LINGER_S = 0.025
# How often running spans are looked through for those that were not heard of for too long.
_LOOK_EVERY_S = 1.0
# What the store fails at for no known reason is tried again before each payload is tried alone.
_TRIES = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
# So many payloads set aside in a row are the store's fault, not theirs: nothing is acknowledged for a while.
_MOST_IN_A_ROW = 10
_FUSE_S = 5.0


class Inserting(Stage):
    """Owns the writer. Without a journal: an answer follows the commit, and carries its failure."""

    def __init__(
        self, writer: SpanWriter, budget: Budget, counts: Counts, clock: Callable[[], int], grace: Grace
    ) -> None:
        super().__init__("writer")
        self._writer = writer
        self._budget = budget
        self._counts = counts
        self._clock = clock
        self._grace = grace
        self._started_ns = clock()
        self._rows = 0  # that wait
        self._looked_at = time.monotonic()
        # Why nothing can be stored at the moment; None when the last write went well.
        self.trouble: RetryLater | None = None

    def put(self, jobs: Sequence[Job]) -> None:
        with self._wake:
            first = not self._waiting
            self._waiting.extend(jobs)
            self._rows += sum(job.rows for job in jobs)
            if first or self._rows >= _ENOUGH_ROWS:  # who lingers need not hear of every payload
                self._wake.notify()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            if group:
                self._guarded(group)
            if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
                self._looked_at = time.monotonic()
                self._close_unfinished()

    def _guarded(self, group: list[Job]) -> None:
        try:
            self._store(group)
        except Exception:  # a defect of ours: the thread must go on
            log.exception("the writer's thread failed in a way it does not know")
            answer(group, RetryLater("internal error", 5.0))
        finally:
            self._drop(group)

    def _next_group(self) -> list[Job] | None:
        """What waits, up to _GROUP_ROWS; [] if nothing came for a while, None at the end of all."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closing, _LOOK_EVERY_S)
            self._linger()
            if self._closing and not self._waiting:
                return None
            group: list[Job] = []
            rows = 0
            while self._waiting and (not group or rows + self._waiting[0].rows <= _GROUP_ROWS):
                group.append(self._waiting.popleft())
                rows += group[-1].rows
            self._rows -= rows
            return group

    def _linger(self) -> None:
        """Nothing to wait for: somebody waits for the answer."""

    def _store(self, group: list[Job]) -> None:
        error = self._try(group, None)
        if error is None or isinstance(error, RetryLater) or len(group) == 1:
            answer(group, error)
            return
        # One payload the engine will not take must not fail its neighbours: each on its own.
        for job in group:
            answer([job], self._try([job], None))

    def _try(self, group: list[Job], mark: int | None) -> StorageError | None:
        began = time.perf_counter()
        try:
            result = self._writer.write([job.decoded.batch for job in group if job.rows], mark)
        except StorageError as error:
            return error
        except Exception as error:
            log.exception("the writer failed in a way it does not know")
            return Unknown(f"the store failed: {error}", 5.0)
        self._counts.committed(result, time.perf_counter() - began)
        return None

    def _drop(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._budget.wait(-job.cost)
            job.cost = 0

    def _close_unfinished(self) -> None:
        now = self._clock()
        # While nobody was listening no function could say that it was still running.
        if now < self._started_ns + max(self._grace.ordinary_ns, self._grace.imminent_ns):
            return
        try:
            self._counts.add("closed_unfinished", self._writer.close_unfinished(now, self._grace))
        except StorageError as error:
            log.warning("spans that never finished stay open for now: %s", error)
        except Exception:
            log.exception("spans that never finished could not be closed")


class Abandoned(Exception):
    """Ingest closes while the store takes nothing."""


class Unknown(RetryLater):
    """The store failed for no known reason: trying again may help, and may not."""


class InsertingBehind(Inserting):
    """Behind the journal: everything here is acknowledged, so nothing may be given up."""

    def __init__(
        self,
        writer: SpanWriter,
        budget: Budget,
        counts: Counts,
        clock: Callable[[], int],
        grace: Grace,
        journal: Journal,
        quarantine: Quarantine,
        decode: Callable[[Payload], Decoded],
    ) -> None:
        super().__init__(writer, budget, counts, clock, grace)
        self._journal = journal
        self._quarantine = quarantine
        self._decode = decode
        self._inserted = writer.mark()
        self._hurry = 0
        self._in_a_row = 0  # payloads set aside since one was stored
        self._visible = threading.Condition()

    @property
    def inserted(self) -> int:
        """Position up to which the store has everything."""
        return self._inserted

    def wait_for(self, position: int, timeout_s: float) -> bool:
        """Until the store has everything up to this position; nobody lingers meanwhile."""
        with self._wake:
            self._hurry += 1
            self._wake.notify_all()
        try:
            with self._visible:
                return self._visible.wait_for(lambda: self._inserted >= position, timeout_s)
        finally:
            with self._wake:
                self._hurry -= 1

    # ------------------------------------------------------------ replay

    def _run(self) -> None:
        try:
            self._replay()
            super()._run()
        except Abandoned:
            log.warning("what the store would not take yet is kept in the journal for the next start")
        except Exception:
            # To go on would move the mark past what was acknowledged; the next start finds it in the journal.
            self.trouble = RetryLater("the store's writer has stopped: see the log, and restart", 30.0)
            log.exception("the writer's thread failed in a way it does not know and has stopped")

    def _guarded(self, group: list[Job]) -> None:
        self._store(group)
        self._drop(group)

    def _replay(self) -> None:
        began, group, rows = time.monotonic(), [], 0
        total = self._journal.replay_bytes
        for end, payload in self._journal.replay():
            job = self._again(end, payload)
            group.append(job)
            rows += job.rows
            if rows >= _GROUP_ROWS:
                self._store(group)
                group, rows = [], 0
        if group:
            self._store(group)
        self._reached(self._journal.replay_end)  # a torn tail, too: there is nothing more to come
        if total:
            log.info("%d bytes of the journal were replayed in %.1f s", total, time.monotonic() - began)

    def _again(self, end: int, payload: Payload) -> Job:
        job = Job(None, end=end)
        try:
            job.decoded = self._decode(payload)
        except Exception as error:  # another decoder than the one that took it
            self._give_up(payload, end, f"it cannot be decoded any more: {error}")
        self._counts.add("replayed", job.rows)
        return job

    # ------------------------------------------------------------ groups

    def _linger(self) -> None:
        if not self._waiting or self._closing:
            return
        left = self._waiting[0].since + _LINGER_S - time.monotonic()
        if left > 0:
            self._wake.wait_for(lambda: self._closing or self._hurry or self._rows >= _ENOUGH_ROWS, left)

    def _store(self, group: list[Job]) -> None:
        """Until it is stored, or set aside payload by payload."""
        error = self._insist(group)
        if error is None:
            return
        if len(group) > 1:
            for job in group:
                self._store([job])
            return
        job = group[0]
        payload = self._journal.read(job.end)
        if payload is not None:
            self._give_up(payload, job.end, str(error))
        else:
            log.error("an acknowledged payload is lost: the store said %s; the journal has no copy", error)
        job.decoded = NOTHING
        self._insist(group)  # the mark has to pass it
        self._in_a_row += 1
        if self._in_a_row % _MOST_IN_A_ROW == 0:
            self._blow_fuse()

    def _blow_fuse(self) -> None:
        """Senders keep what they have; a few payloads are let through every now and then, to see."""
        self.trouble = RetryLater(f"the store refused the last {self._in_a_row} payloads", _FUSE_S)
        log.error("%s: nothing is acknowledged for %d s", self.trouble, _FUSE_S)
        self._pause(_FUSE_S)
        self.trouble = None

    def _insist(self, group: list[Job]) -> StorageError | None:
        """Try until the store takes it, refuses it for what it is, or fails too often for no known reason."""
        pause, unknown = _FIRST_PAUSE_S, 0
        while (error := self._try(group, group[-1].end)) is not None:
            if isinstance(error, Rejected):
                return error
            unknown += isinstance(error, Unknown)
            if unknown >= _TRIES:
                return error
            self._counts.add("retries")
            if isinstance(error, RetryLater):
                self.trouble = error
            log.warning("acknowledged payloads wait for the store: %s", error)
            self._pause(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        self.trouble = None
        if any(job.rows for job in group):
            self._in_a_row = 0
        self._reached(group[-1].end)
        return None

    def _reached(self, position: int) -> None:
        with self._visible:
            self._inserted = max(self._inserted, position)
            self._visible.notify_all()

    def _give_up(self, payload: Payload, end: int, why: str) -> None:
        """Set the payload aside, whatever it takes: the mark may not pass it before."""
        while True:
            try:
                self._quarantine.keep(payload, end, why)
            except OSError as error:
                self.trouble = RetryLater(f"an acknowledged payload cannot be set aside: {error}", 5.0)
                log.error("%s", self.trouble)
                self._pause(_LONGEST_PAUSE_S)
            else:
                self._counts.add("quarantined")
                return

    def _pause(self, seconds: float) -> None:
        """Raises Abandoned if ingest closes."""
        with self._wake:
            if self._wake.wait_for(lambda: self._closing, seconds):
                raise Abandoned
