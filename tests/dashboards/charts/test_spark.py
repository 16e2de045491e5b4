"""Sparklines."""

from __future__ import annotations

from dashboards.charts.spark import spark


def test_bars_are_scaled_to_the_highest() -> None:
    assert spark([2, 0, 4], [0, 0, 1]).calls == "M0.1 20v-10h.8V20zM2.1 20v-20h.8V20z"


def test_errors_are_on_the_scale_of_calls() -> None:
    assert spark([2, 0, 4], [0, 0, 1]).errors == "M2.1 20v-5h.8V20z"


def test_a_single_call_beside_a_million_still_shows() -> None:
    assert spark([1, 10**6], [0, 0]).calls.startswith("M0.1 20v-1h")


def test_it_says_itself_in_words() -> None:
    assert spark([2, 0, 4], [0, 0, 1]).label == "6 calls, at most 4 a bar, 1 failed"
