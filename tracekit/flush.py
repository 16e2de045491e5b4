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

    from tracekit.exporters.base import Exporter
    from tracekit.queue import Payload, Queue

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
# The longest one exchange with the endpoint may take. Nobody waits that long; it bounds our thread.
PATIENCE_S = 5.0
NUDGE_EVERY_S = 5.0


class Flusher:
    """Moves payloads from a queue to an exporter."""

    def __init__(self, queue: Queue, exporter: Exporter, budget_s: float) -> None:
        self.queue = queue
        self.exporter = exporter
        self.budget_s = budget_s
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

    def last_budget(self, grace_s: float) -> float:
        """Seconds that the last flush of a process may take: all of `grace_s` (at least the usual budget)
        with an endpoint that has been answering, the usual budget with one that has not."""
        return max(grace_s, self.budget_s) if self._answers else self.budget_s

    @property
    def busy(self) -> bool:
        """Whether a delivery is running."""
        return self._busy

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
            self._drain(patience_s)
        except BaseException as error:  # the thread is ours: nothing may print through the host's excepthook
            guard.report(error, "flush")
        finally:
            with self._lock:
                waiting, self._waiting = self._waiting, []
                self._busy = self._overdue = False
            for lock in waiting:
                lock.release()

    def _drain(self, patience_s: float) -> None:
        while (payload := self.queue.first()) is not None:
            result = self._send(payload, monotonic() + patience_s)
            if result.outcome == RETRY:
                self._back_off(result)
                return
            self._answers = True
            self._overdue = False
            self._pause_s = self._not_before = 0.0
            self.queue.remove(payload, lost=result.outcome != DONE)
            if result.message:
                guard.say(result.message)

    def _send(self, payload: Payload, deadline: float) -> Result:
        try:
            return self.exporter.send(payload.body, deadline)
        except Exception as error:  # an official exporter may raise anything
            guard.report(error, "export")
            return Result(RETRY, f"the exporter failed ({type(error).__name__})")

    def _back_off(self, result: Result) -> None:
        self._answers = False
        self._pause_s = min(max(FIRST_PAUSE_S, self._pause_s * 2), LONGEST_PAUSE_S)
        self._not_before = monotonic() + max(self._pause_s, result.retry_after_s)
        guard.say(f"{result.message}; spans stay queued and go with a later flush", key="retry")
