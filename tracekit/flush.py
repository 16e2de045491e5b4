"""Delivery on a thread of our own, waited for under a deadline.

The caller waits at most its budget, whatever the endpoint does; the delivery itself goes on behind its back,
so that an endpoint that is merely slow still gets everything. One delivery runs at a time. Others who ask
meanwhile wait for it within their own budget, unless somebody has waited for it in vain already: an outage
costs a function its budget once and then nearly nothing. After a failure attempts are spaced out.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from time import monotonic

from tracekit import guard
from tracekit.exporters.base import DONE, RETRY, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from typing import Any

    from tracekit.exporters.base import Exporter
    from tracekit.payload import Payload
    from tracekit.queue import Queue
    from tracekit.spool import Spool

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
# The longest one exchange with the endpoint may take. Nobody waits that long; it bounds our thread.
PATIENCE_S = 5.0
NUDGE_EVERY_S = 5.0
LAST_LOOK_S = 0.025
# At exit, for a delivery that has been interrupted: a TLS context takes some 30 ms to make, or more.
STOP_S = 3.0
# Bytes of payloads sent as one request: a backlog goes quickly, and no receiver finds it too large.
GROUP_BYTES = 1 << 20


class Flusher:
    """Moves payloads from a queue to an exporter."""

    def __init__(self, queue: Queue, exporter: Exporter, budget_s: float, spool: Spool | None = None) -> None:
        self.queue = queue
        self.exporter = exporter
        self.budget_s = budget_s
        self.spool = spool
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = allocate_lock()
        self._waiting: list[LockType] = []
        self._busy = False
        self._overdue = False
        self._answers = False
        self._not_before = 0.0
        self._pause_s = 0.0
        self._nudged_at = monotonic()
        self.exporter.forget_connection()

    def flush(self, budget_s: float | None = None, force: bool = False) -> bool:
        """Delivers what is queued; True if all of it was acknowledged within the budget (seconds).

        `force` tries even during the pause that follows a failure, and waits even for a delivery that has
        kept others waiting in vain: for the last flush of a process.
        """
        budget_s = self.budget_s if budget_s is None else budget_s
        encoded = self._seal()
        # Other threads may queue more meanwhile; whether theirs got through is their question.
        mine = self.queue.outstanding()
        if not mine:
            return encoded
        if not force and (self._overdue or monotonic() < self._not_before):
            return False
        if not self._ask(budget_s).acquire(timeout=budget_s):
            self._overdue = self._busy
        return encoded and all(payload.delivered for payload in mine)

    def last_budget(self, grace_s: float, has_time: bool = False) -> float:
        """Seconds that the last flush of a process may take: all of `grace_s` (at least the usual budget)
        with an endpoint that has been answering, the usual budget with one not heard of yet, and next to
        nothing with one that somebody has waited for in vain, or that failed: it had its budget.

        Where nobody waits for the process (`has_time`), one that has merely not answered yet gets the grace
        too: the process may have been frozen, or short of processor time, since it was asked.
        """
        if self._answers or (has_time and not self._pause_s):
            return max(grace_s, self.budget_s)
        return min(LAST_LOOK_S, self.budget_s) if self._overdue or self._pause_s else self.budget_s

    @property
    def busy(self) -> bool:
        """Whether a delivery is running."""
        return self._busy

    def stop(self) -> None:
        """At exit: ends a delivery that still runs where the process must not end before it."""
        with self._lock:
            if not self._busy:
                return
            ended = allocate_lock()
            ended.acquire()
            self._waiting.append(ended)
        if self.exporter.interrupt():
            ended.acquire(timeout=STOP_S)

    def nudge(self) -> None:
        """Starts a delivery without waiting, at most every few seconds: for processes never frozen."""
        now = monotonic()
        if now - self._nudged_at < NUDGE_EVERY_S or now < self._not_before:
            return
        self._nudged_at = now
        self._seal()
        self._ask(NUDGE_EVERY_S)

    def _seal(self) -> bool:
        try:
            self.queue.seal()
        except Exception as error:
            guard.report(error, "encode")
            return False
        return True

    def _ask(self, budget_s: float) -> LockType:
        """A lock that opens when the delivery that runs, or else a new one, ends."""
        done = allocate_lock()
        done.acquire()
        with self._lock:
            self._waiting.append(done)
            start = not self._busy
            self._busy = True
        if start:
            try:
                start_new_thread(self._deliver, (PATIENCE_S,))
            except RuntimeError:  # no thread to be had (limits, or the interpreter is shutting down)
                self._deliver(budget_s)
        return done

    def _deliver(self, patience_s: float) -> None:
        try:
            if self._drain(patience_s) and self.spool is not None:
                self._empty_spool(self.spool, patience_s)
        except BaseException as error:  # the thread is ours: nothing may print through the host's excepthook
            guard.report(error, "flush")
        finally:
            with self._lock:
                self._busy = self._overdue = False
            self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for lock in waiting:
            lock.release()

    def _drain(self, patience_s: float) -> bool:
        """Sends everything queued; False if the endpoint would not have it now."""
        single = False
        while group := self.queue.group(0 if single else GROUP_BYTES):
            joined = self.exporter.join([payload.body for payload in group]) if len(group) > 1 else None
            if joined is None:
                del group[1:]
            result = self._send(group[0].body if joined is None else joined, monotonic() + patience_s)
            if result.outcome == RETRY:
                self._back_off(result)
                return False
            self._answered()
            if result.outcome != DONE and joined is not None:
                single = True  # one of them is not to its liking, or all together: find out which
                continue
            self._forget(group, result)
        return True

    def _forget(self, group: list[Payload], result: Result) -> None:
        for payload in group:
            self.queue.remove(payload, lost=result.outcome != DONE)
        if result.message:
            guard.say(result.message)

    def _answered(self) -> None:
        self._answers = True
        self._overdue = False
        self._pause_s = self._not_before = 0.0

    def _empty_spool(self, spool: Spool, patience_s: float) -> None:
        """Sends what earlier processes left behind, now that the endpoint answers and nobody waits."""
        self._wake()
        for claim in spool.claims(self.exporter.spools_as):
            with claim:
                result = self._send(claim.body, monotonic() + patience_s)
                if result.outcome == RETRY:
                    self._back_off(result)
                    return
                claim.remove()
                if result.message:
                    guard.say(result.message)
            if not self._drain(patience_s):  # what this process did meanwhile goes first
                return
            self._wake()

    def _send(self, body: Any, deadline: float) -> Result:
        try:
            return self.exporter.send(body, min(deadline, monotonic() + self.exporter.timeout_s))
        except Exception as error:  # an official exporter may raise anything
            guard.report(error, "export")
            return Result(RETRY, f"the exporter failed ({type(error).__name__})")

    def _back_off(self, result: Result) -> None:
        self._answers = False
        self._pause_s = min(max(FIRST_PAUSE_S, self._pause_s * 2), LONGEST_PAUSE_S)
        self._not_before = monotonic() + max(self._pause_s, result.retry_after_s)
        guard.say(f"{result.message}; spans stay queued and go with a later flush", key="retry")
