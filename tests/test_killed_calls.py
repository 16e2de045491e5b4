"""Functions killed in the middle of a call, by the real signal, with a real collector watching."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.sdk_kills import kills, run


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_killed_call_leaves_a_trace_that_names_the_span_that_hung(tmp_path: Path) -> None:
    victims = kills(12, seed=3)
    assert run(victims, 4, tmp_path) == {kill.number for kill in victims}
