"""What happened to this process between two calls: how long nothing ran, and how long its clocks stood still.

A platform freezes an instance that has nothing to do. A cgroup's freezer leaves the clocks running, so the
time is part of the idle time and nothing tells it apart. A suspended or restored virtual machine does not:
its monotonic clock stands still, and the wall clock is set right afterwards.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Below this the wall clock was merely corrected.
FROZEN_NS = 100 * 10**6


class Pauses:
    """Calls that come and go; `begins` and `ended` once for each."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._running = 0
        self._idle_since: tuple[int, int] | None = None
        self._flush_ns = 0

    def begins(self) -> dict[str, Any]:
        """A call begins. Attributes that say what was before: none at the first call, or beside another."""
        now = _now()
        with self._lock:
            before, flush_ns = self._idle_since, self._flush_ns
            self._running += 1
            self._idle_since, self._flush_ns = None, 0
        found: dict[str, Any] = {}
        if flush_ns:
            found["tracekit.previous_flush_ms"] = flush_ns / 1e6
        if before is not None:
            idle, ran = max(now[0] - before[0], 0), now[1] - before[1]
            found["tracekit.idle_ms"] = idle / 1e6
            if idle - ran >= FROZEN_NS:
                found["tracekit.frozen_ms"] = (idle - ran) / 1e6
        return found

    def ended(self) -> None:
        """A call has ended. The process is idle if it was the only one."""
        with self._lock:
            self._running = max(self._running - 1, 0)
            if not self._running:
                self._idle_since = _now()

    def flushed(self, took_ns: int) -> None:
        """A delivery has held the process up for so long after a call."""
        with self._lock:
            self._flush_ns = took_ns
            if not self._running:
                self._idle_since = _now()


def _now() -> tuple[int, int]:
    """Nanoseconds of the wall clock and of the one that stands still with the machine."""
    return time.time_ns(), time.monotonic_ns()


PAUSES = Pauses()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PAUSES.__init__)  # type: ignore[misc]
