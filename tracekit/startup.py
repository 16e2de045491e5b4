"""A start that never ends: an import or initializer that hangs is told of before the process is ended.

Where it is known how long the platform waits (TRACEKIT_INIT_TIMEOUT_MS; 10 s for Lambda on demand; a header
of Function Compute's custom runtime), a thread sleeps until shortly before that moment. Is the phase still
running then, its open spans leave as snapshots (tracekit.deadline). Nothing is loaded for it before.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

from tracekit import config
from tracekit.guard import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# A short limit must not be half over when it is said to be near.
LARGEST_MARGIN_SHARE = 0.2


def watched(limit_s: float, unfinished: Callable[[], list[Any]]) -> Callable[[], None]:
    """Sends the spans that `unfinished` gives shortly before `limit_s` seconds are over, unless what this
    returns has been called by then. Never raises."""
    margin_s = config.get().timeout_margin_ms / 1000
    over = allocate_lock()
    over.acquire()
    if margin_s and limit_s > 0:
        start_new_thread(_wait, (over, limit_s - min(margin_s, limit_s * LARGEST_MARGIN_SHARE), unfinished))
    return lambda: over.release() if over.locked() else None


def _wait(over: Any, pause_s: float, unfinished: Callable[[], list[Any]]) -> None:
    if over.acquire(timeout=pause_s):
        return
    try:
        # By name, because they know of calls, and calls of what is watched here.
        __import__("tracekit.unfinished", fromlist=("leave",)).leave(unfinished())
    except Exception as error:
        report(error, "start of the process")
