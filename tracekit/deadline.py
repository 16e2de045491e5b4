"""What is left behind if a call is killed: snapshots of its open spans, sent while it still runs.

One thread for the process looks at calls that last: shortly before a call's deadline (the event
`tracekit.timeout_imminent`, and every open span at once), and at spans that have been open for a while. A
snapshot is the span so far (tracekit.unfinished); the finished span replaces it.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock, start_new_thread

from tracekit import ending
from tracekit.guard import report
from tracekit.invocation import Observer
from tracekit.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.config import Config
    from tracekit.invocation import Call

NEVER = float("inf")
# A short timeout must not be half over when it is said to be imminent.
LARGEST_MARGIN_SHARE = 0.2
_UNIX_MS = 10**12  # a deadline above this is a moment, not a length of time


def observe(call: Call, config: Config) -> Observer:
    """Watches a recorded call until it ends."""
    if not isinstance(call.span, Span):
        return Observer()
    watched = Watched(call.span, config, remaining_s(call.context))
    WATCHER.add(watched)
    return watched


class Watched(Observer):
    """One call and when to look at it next. Moments are of time.monotonic, in seconds."""

    __slots__ = ("deadline", "look_at", "over", "root", "sent", "snapshot_after_s", "warn_at")

    def __init__(self, root: Span, config: Config, remaining: float | None) -> None:
        now = time.monotonic()
        margin = config.timeout_margin_ms / 1000
        self.root = root
        self.over = False
        self.deadline = now + remaining if remaining else NEVER
        self.warn_at = NEVER
        if remaining and margin:
            self.warn_at = self.deadline - min(margin, remaining * LARGEST_MARGIN_SHARE)
        self.snapshot_after_s = config.snapshot_after_ms / 1000
        self.look_at = now + self.snapshot_after_s if self.snapshot_after_s else NEVER
        self.sent: dict[Span, float] = {}

    @property
    def due(self) -> float:
        """When something is to be done for this call."""
        return min(self.warn_at, self.look_at)

    def ended(self, call: Call) -> None:
        WATCHER.remove(self)


class Watcher:
    """The calls under watch and the thread that looks at them, started with the first."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._bell = allocate_lock()
        self._bell.acquire()
        self._calls: list[Watched] = []
        self._wake_at = NEVER
        self._running = False

    def add(self, watched: Watched) -> None:
        """Watches a call. Costs the thread nothing if it would have woken up early enough anyway."""
        with self._lock:
            self._calls.append(watched)
            if not self._running:
                start_new_thread(self._run, ())
                self._running = True
                if self._leave not in ending.LAST_WORDS:
                    ending.LAST_WORDS.append(self._leave)
            if watched.due < self._wake_at:
                self._wake_at = watched.due
                if self._bell.locked():
                    self._bell.release()

    def remove(self, watched: Watched) -> None:
        """Forgets a call that has ended: nothing is done for it any more."""
        with self._lock:
            watched.over = True
            if watched in self._calls:
                self._calls.remove(watched)

    def forget(self) -> None:
        """After a fork: the thread is the parent's, and so are the calls."""
        self.__init__()  # type: ignore[misc]

    def _run(self) -> None:
        while True:
            try:
                self._sleep()
                self._look()
            except Exception as error:
                report(error, "open spans")

    def _sleep(self) -> None:
        with self._lock:
            self._wake_at = min((watched.due for watched in self._calls), default=NEVER)
            pause = self._wake_at - time.monotonic()
        if pause > 0:
            self._bell.acquire(timeout=min(pause, 3600.0))

    def _look(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = [watched for watched in self._calls if watched.due <= now]
        if due:
            from tracekit import unfinished  # with the first call that lasts

            unfinished.tell(due, self._lock)

    def _leave(self) -> None:
        """The process ends while calls run: their open spans are sent as they are."""
        # SIGTERM may have interrupted whoever holds the lock, and then nobody will ever give it back.
        held = self._lock.acquire(timeout=0.2)
        roots = [watched.root for watched in self._calls[:]]
        if held:
            self._lock.release()
        if roots:
            from tracekit import unfinished

            unfinished.leave_behind(roots)


def remaining_s(context: Any) -> float | None:
    """Seconds until the platform ends the call that begins now; None where it does not say."""
    try:
        moment = getattr(context, "deadline_ms", None)  # Function Compute's custom runtime
        if isinstance(moment, int) and moment > _UNIX_MS:
            left = moment - time.time_ns() / 1e6
        else:
            from tracekit.usage import remaining_ms

            left = remaining_ms(context, 0) or 0
    except Exception as error:  # the context is the host's object
        report(error, "deadline")
        return None
    return left / 1000 if left > 0 else None


WATCHER = Watcher()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WATCHER.forget)
