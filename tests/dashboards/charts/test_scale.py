"""Axes have round steps and hold what they must."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.storage.base import Window
from dashboards.charts.scale import Unit, time_ticks, value_axis

SECOND = 10**9
NOON = 1_715_688_000 * SECOND


@pytest.mark.parametrize(
    ("highest", "unit", "labels"),
    [
        (17, "count", ["0", "5", "10", "15", "20"]),
        (0, "count", ["0", "1", "2", "3", "4"]),
        (36e6, "duration", ["0 ms", "10 ms", "20 ms", "30 ms", "40 ms"]),
        (1.9e9, "duration", ["0 ms", "500 ms", "1 s", "1.5 s", "2 s"]),
        (0.6, "percent", ["0%", "20%", "40%", "60%"]),
        (1, "percent", ["0%", "25%", "50%", "75%", "100%"]),
    ],
)
def test_steps_are_round(highest: float, unit: Unit, labels: list[str]) -> None:
    assert [tick.label for tick in value_axis(highest, unit).ticks] == labels


@given(st.floats(0, 1e18), st.sampled_from(["count", "duration", "rate"]))
def test_an_axis_holds_the_highest_value_and_starts_at_zero(highest: float, unit: Unit) -> None:
    axis = value_axis(highest, unit)
    assert axis.top >= highest * (1 - 1e-9)
    assert axis.ticks[0].at == 0
    assert axis.ticks[-1].at == 1
    assert 2 <= len(axis.ticks) <= 6


@given(st.integers(1, 400 * 86400))
def test_ticks_of_time_are_few_rising_and_inside(seconds: int) -> None:
    ticks = time_ticks(Window(NOON - seconds * SECOND, NOON))
    shares = [tick.at for tick in ticks]
    assert len(ticks) <= 6
    assert shares == sorted(set(shares))
    assert all(0 < share < 1 for share in shares)


def test_an_hour_is_ticked_every_ten_minutes() -> None:
    ticks = time_ticks(Window(NOON - 3600 * SECOND, NOON))
    assert [tick.label for tick in ticks] == ["11:10", "11:20", "11:30", "11:40", "11:50"]
    assert ticks[0].stamp == "2024-05-14T11:10:00.000Z"


def test_memory_goes_up_in_powers_of_two() -> None:
    assert [tick.label for tick in value_axis(500 * 2**20, "bytes").ticks] == [
        "0 B",
        "128 MB",
        "256 MB",
        "384 MB",
        "512 MB",
    ]
    assert [tick.label for tick in value_axis(1.9, "number").ticks] == ["0", "0.5", "1", "1.5", "2"]
