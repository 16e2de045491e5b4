"""Batches become rows: the store's single writer, in groups."""

from __future__ import annotations

import dataclasses
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence

from collector.decode import choice
from collector.decode.result import Decoded
from collector.ingest.budget import Budget
from collector.ingest.job import NOTHING, Job, answer
from collector.ingest.quarantine import Quarantine
from collector.ingest.stage import Stage
from collector.ingest.stats import Counts
from collector.journal import Journal
from collector.payload import Payload
from collector.storage.base import (
    BlockResult,
    BlockWriter,
    Grace,
    Rejected,
    RetryLater,
    SpanWriter,
    StorageError,
)

log = logging.getLogger(__name__)

# One INSERT: larger groups cost less a span, but memory and every reader's wait grow with them.
_GROUP_ROWS = 50_000
# An INSERT has a fixed cost of 1.5 ms: worth it at once for this many, for fewer after a moment.
_ENOUGH_ROWS = 16_384
_LINGER_S = 0.025
# While so many spans come that this many wait by then, it is worth waiting longer: groups of a few hundred
# cost three times as much a span, and where Python decodes they keep it from its work.
_LINGER_FOR_GROUP_S, _GROUP_SPANS = 0.25, 4_096
# While so many spans come that a block of the engine fills within this time, it is waited for: each costs a
# third then.
_LINGER_FOR_BLOCK_S = 1.5
# Where nothing came for so long, no block will be filled soon.
_QUIET_S = 0.2
# Some of a block may turn out to be stored already.
_BLOCK_SLACK = 17 / 16
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
        self._rows = self._spans = 0  # that wait
        self._most_spans = _GROUP_ROWS
        self._enough_spans = _ENOUGH_ROWS
        self._looked_at = time.monotonic()
        # Why nothing can be stored at the moment; None when the last write went well.
        self.trouble: RetryLater | None = None

    def put(self, jobs: Sequence[Job]) -> None:
        with self._wake:
            first = not self._waiting
            self._waiting.extend(jobs)
            self._count(jobs)
            if first or self._is_enough():  # who lingers need not hear of every payload
                self._wake.notify()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            if group:
                self._guarded(group)
            else:
                choice.give_back()
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
        """What waits, up to a bound; [] if nothing came for a while, None at the end of all."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closing, _LOOK_EVERY_S)
            self._linger()
            if self._closing and not self._waiting:
                return None
            return self._take()

    def _take(self) -> list[Job]:
        group: list[Job] = []
        spans = others = 0
        # (The last may pass the bound: what is left of it after a block comes with the next one.)
        while self._waiting and spans < self._most_spans and others < _GROUP_ROWS:
            group.append(self._waiting.popleft())
            spans += group[-1].spans
            others += group[-1].rows - group[-1].spans
        self._count(group, -1)
        return group

    def _count(self, jobs: Sequence[Job], sign: int = 1) -> None:
        self._rows += sign * sum(job.rows for job in jobs)
        self._spans += sign * _spans_of(jobs)

    def _is_enough(self) -> bool:
        others = self._rows - self._spans
        return self._spans >= self._enough_spans or others >= _ENOUGH_ROWS or self._budget.crowded

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


def _spans_of(jobs: Sequence[Job]) -> int:
    return sum(job.spans for job in jobs)


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
        self._blocks = writer if isinstance(writer, BlockWriter) else None
        # Spans that surely hold a block; none is ever waited for where the engine has no such thing.
        self._block_spans = int(self._blocks.block_spans * _BLOCK_SLACK) if self._blocks else sys.maxsize
        self._most_spans = self._block_spans if self._blocks else _GROUP_ROWS
        self._taken_at = time.monotonic()  # the last group
        self._left_spans = 0  # that waited still when it was taken
        self._spans_per_s = 0.0  # that came, in the second before

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
        left = self._store_most(group)
        with self._wake:
            self._waiting.extendleft(reversed(left))
            self._count(left)
            self._left_spans += _spans_of(left)

    def _replay(self) -> None:
        began = time.monotonic()
        total = self._journal.replay_bytes
        group: list[Job] = []
        rows = 0
        for end, payload in self._journal.replay():
            group.append(self._again(end, payload))
            rows += group[-1].rows
            if rows >= self._most_spans:
                group = self._store_most(group)
                rows = _spans_of(group)
        while group:
            group = self._store_most(group)
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
        until = self._waiting[0].since + _LINGER_S
        self._enough_spans = _ENOUGH_ROWS
        if self._spans_per_s * _LINGER_FOR_GROUP_S >= _GROUP_SPANS:
            until = self._waiting[0].since + _LINGER_FOR_GROUP_S
        if self._spans_per_s * _LINGER_FOR_BLOCK_S >= self._block_spans:
            # (What is left over from the last block began to wait long ago.)
            until = self._taken_at + _LINGER_FOR_BLOCK_S
            self._enough_spans = self._block_spans
        before = -1
        while (left := until - time.monotonic()) > 0 and before < self._spans:
            before = self._spans
            if self._wake.wait_for(self._has_waited_enough, min(left, _QUIET_S)):
                return

    def _has_waited_enough(self) -> bool:
        return bool(self._closing or self._hurry or self._is_enough())

    def _take(self) -> list[Job]:
        now, came = time.monotonic(), self._spans - self._left_spans
        took = max(now - self._taken_at, 1e-3)
        self._spans_per_s += (came / took - self._spans_per_s) * min(took, 1.0)
        group = super()._take()
        self._taken_at, self._left_spans = now, self._spans
        return group

    def _store_most(self, group: list[Job]) -> list[Job]:
        """Store the group, or as much of it as the engine likes best; what is left comes with the next."""
        found = self._try_block(group)
        if found is None:
            self._store(group)
            self._drop(group)
            return []
        done, left = group[: found.whole], group[found.whole :]
        if found.rest is not None:
            left[0].decoded = dataclasses.replace(left[0].decoded, batch=found.rest)
        if done:
            self._stored_up_to(done[-1].end)
        self._drop(done)
        return left

    def _try_block(self, group: list[Job]) -> BlockResult | None:
        """None if there is none in it, or it failed: then it is written as any group, with all that can go
        wrong."""
        if self._blocks is None or _spans_of(group) < self._blocks.block_spans:
            return None
        began = time.perf_counter()
        try:
            found = self._blocks.write_block([job.decoded.batch for job in group], [job.end for job in group])
        except StorageError as error:
            log.info("a block was not written: %s", error)
            return None
        except Exception:
            log.exception("the writer failed in a way it does not know")
            return None
        self._counts.committed(found.result, time.perf_counter() - began)
        return found

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
        if any(job.rows for job in group):
            self._in_a_row = 0
        self._stored_up_to(group[-1].end)
        return None

    def _stored_up_to(self, position: int) -> None:
        self.trouble = None
        self._reached(position)

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
