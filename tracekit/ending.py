"""The last flush of a process: at exit, and when SIGTERM would end it without one."""

from __future__ import annotations

import atexit
import os
from _signal import SIG_DFL, SIGTERM, getsignal, signal  # type: ignore[import-not-found]
from _thread import allocate_lock, start_new_thread

from tracekit.guard import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# A little over what `close` allows itself; platforms give a process at least two seconds after SIGTERM.
GRACE_S = 1.7
# Called before that flush, to queue what is worth having then. They must not take long.
LAST_WORDS: list[Callable[[], None]] = []


def at_end(close: Callable[[bool], None]) -> None:
    """Calls `close` at exit, and on SIGTERM where nobody handles it. A host's own handler is left alone.

    It is given whether there is time: somebody waits for a process that exits, and platforms send SIGTERM
    to one that nobody waits for.
    """
    atexit.register(_end, close, False)
    if getsignal(SIGTERM) != SIG_DFL:
        return
    try:
        signal(SIGTERM, lambda number, frame: _terminate(lambda: _end(close, True)))
    except ValueError:  # not the main thread: only it may set handlers
        return


def last_words() -> None:
    """Lets everybody queue what is worth having when the process ends. Never raises."""
    for speak in LAST_WORDS:
        try:
            speak()
        except Exception as error:
            report(error, "end of the process")


def _end(close: Callable[[bool], None], has_time: bool) -> None:
    last_words()
    close(has_time)


def _terminate(close: Callable[[], None]) -> None:
    # On a thread and under a deadline, because the interrupted code may hold a lock that `close` needs.
    done = allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            close()
        finally:
            done.release()

    start_new_thread(run, ())
    done.acquire(timeout=GRACE_S)
    signal(SIGTERM, SIG_DFL)
    os.kill(os.getpid(), SIGTERM)
