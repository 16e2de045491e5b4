"""While the collector serves, no thread waits long for another one's Python; afterwards all is as before."""

from __future__ import annotations

import gc
import sys

from collector import interpreter


def test_turns_are_short_and_walks_of_garbage_small_while_it_lasts() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    with interpreter.shared_fairly():
        assert sys.getswitchinterval() < before[0]
        assert 10 * before[1][0] < gc.get_threshold()[0] <= 20_000
    assert (sys.getswitchinterval(), gc.get_threshold()) == before
