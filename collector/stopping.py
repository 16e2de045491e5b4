"""The end of a server has one deadline, whatever still runs then (docs/running.md, "As a service")."""

from __future__ import annotations

import faulthandler
import signal
import time

# From SIGTERM to the end of the process. Kubernetes waits 30 s unless told otherwise.
STOP_S = 25.0
# Where even telling what still runs takes for ever, because nobody reads stderr, the kernel ends it.
MUTE_S = 2.0


class Deadline:
    """Of one process's end. What was acknowledged is on disk whenever it passes, as after `kill -9`."""

    def __init__(self, seconds: float = STOP_S) -> None:
        self._seconds = seconds
        self._ends: float | None = None

    def begin(self) -> None:
        """From now on it counts; a second time changes nothing.

        When it has passed, the stack of every thread goes to stderr and the process is gone, with exit status
        1. Neither takes Python to run, so that no lock of ours, nor of a library's, holds it up.
        """
        if self._ends is not None:
            return
        self._ends = time.monotonic() + self._seconds
        faulthandler.dump_traceback_later(self._seconds, exit=True)
        if hasattr(signal, "setitimer"):  # not on Windows
            signal.setitimer(signal.ITIMER_REAL, self._seconds + MUTE_S)

    def left_s(self, keep_s: float) -> float:
        """Seconds that a step of the end may take if `keep_s` are kept for those after it; at least one."""
        ends = time.monotonic() + self._seconds if self._ends is None else self._ends
        return max(ends - time.monotonic() - keep_s, 1.0)
