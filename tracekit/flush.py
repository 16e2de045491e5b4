"""Delivery under a deadline, on a thread of our own.

The caller waits at most its budget, whatever the endpoint does. One delivery runs at a time; others who ask
meanwhile wait for it, within their own budget. After a failure the next attempts are spaced out, so that an
outage costs a function its budget once and then nearly nothing.
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
        self._worker_deadline = 0.0
        self._not_before = 0.0
        self._pause_s = 0.0
        self._nudged_at = monotonic()
        self.exporter.forget_connection()

    def flush(self, budget_s: float | None = None, force: bool = False) -> bool:
        """Delivers what is queued; True if all of it was acknowledged within the budget (seconds).

        `force` tries even during the pause that follows a failure: for the last flush of a process.
        """
        deadline = monotonic() + (self.budget_s if budget_s is None else budget_s)
        encoded = self._seal()
        # Other threads may queue more meanwhile; whether theirs got through is their question.
        mine = self.queue.outstanding()
        if not mine:
            return encoded
        if not force and monotonic() < self._not_before:
            return False
        done = self._ask(deadline)
        if done is not None:
            done.acquire(timeout=max(0.0, deadline - monotonic()))
        return encoded and all(payload.delivered for payload in mine)

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
        self._ask(now + NUDGE_EVERY_S)

    def _seal(self) -> bool:
        try:
            self.queue.seal()
        except Exception as error:
            guard.report(error, "encode")
            return False
        return True

    def _ask(self, deadline: float) -> LockType | None:
        """A lock that opens when the running or a new delivery ends; None if the running one overran."""
        with self._lock:
            if self._busy and monotonic() > self._worker_deadline:
                return (
                    None  # stuck, say in a name lookup: waiting for it again would cost each call its budget
                )
            done = allocate_lock()
            done.acquire()
            self._waiting.append(done)
            start = not self._busy
            if start:
                self._busy = True
                self._worker_deadline = deadline
        if start:
            self._start(deadline)
        return done

    def _start(self, deadline: float) -> None:
        try:
            start_new_thread(self._deliver, (deadline,))
        except RuntimeError:  # no thread to be had (limits, or the interpreter is shutting down)
            self._deliver(deadline)

    def _deliver(self, deadline: float) -> None:
        try:
            self._drain(deadline)
        except BaseException as error:  # the thread is ours: nothing may print through the host's excepthook
            guard.report(error, "flush")
        finally:
            with self._lock:
                waiting, self._waiting = self._waiting, []
                self._busy = False
            for lock in waiting:
                lock.release()

    def _drain(self, deadline: float) -> None:
        while (payload := self.queue.first()) is not None:
            if monotonic() >= deadline:
                return
            result = self._send(payload, deadline)
            if result.outcome == RETRY:
                self._back_off(result)
                return
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
        self._pause_s = min(max(FIRST_PAUSE_S, self._pause_s * 2), LONGEST_PAUSE_S)
        self._not_before = monotonic() + max(self._pause_s, result.retry_after_s)
        guard.say(f"{result.message}; spans stay queued and go with a later flush", key="retry")
