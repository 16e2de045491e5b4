"""How the interpreter shares itself among the collector's threads. Imports nothing of ours."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator

# Longest turn of a thread while others wait for theirs, of 5 ms by default. An answer changes threads six
# times on its way, and a page that is being drawn made each of them wait: at 100,000 spans/s beside
# dashboards the 99th percentile of answers fell from 70 to 24 ms. Shorter ones cost throughput.
_TURN_S = 0.0005
# Decoding makes many short-lived tuples and no cycles: at the defaults (700, 10, 10) the collector of garbage
# walks the whole heap over and over, a quarter of the decoder's time. One walk holds up every thread: of
# 100,000 objects for 25 ms, of these for 5.
_GARBAGE = (20_000, 20, 50)


@contextlib.contextmanager
def shared_fairly() -> Iterator[None]:
    """While the context lasts no thread waits long for another one's Python."""
    turn, garbage = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_TURN_S)
    gc.set_threshold(*_GARBAGE)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        gc.set_threshold(*garbage)
