"""Buckets of histograms as rows: in order, without holes, open ends told as such."""

from __future__ import annotations

import math

from collector.storage.base import Window
from collector.storage.metrics import SpreadCell
from dashboards.charts.spread import spread_chart
from dashboards.charts.timeseries import TimeChart

WINDOW = Window(0, 100)


def drawn(*cells: tuple[int, float, float, int], factor: float = 1.0) -> TimeChart:
    found = [SpreadCell(*cell) for cell in cells]
    return spread_chart("T", WINDOW, found, 2, "duration", factor)


def rows(chart: TimeChart) -> list[str]:
    """From the bottom."""
    return [line["name"] for line in reversed(chart.data["lines"])]


def test_rows_are_the_buckets_of_the_metric_in_its_unit() -> None:
    chart = drawn((0, 0.0, 10.0, 3), (50, 10.0, 50.0, 1), (50, 50.0, math.inf, 2), factor=1e6)
    assert rows(chart) == ["0 ms – 10.0 ms", "10.0 ms – 50.0 ms", "50.0 ms – ∞"]
    assert [line["values"] for line in reversed(chart.data["lines"])] == [[3, None], [None, 1], [None, 2]]
    assert chart.grid == (2, 3) and chart.summary == "6 measurements from 0 ms to ∞"
    assert [tick.label for tick in chart.y_ticks] == ["0 ms", "10.0 ms", "50.0 ms", "∞"]


def test_empty_buckets_between_are_rows_too() -> None:
    chart = drawn((0, 1.0, 2.0, 1), (0, 16.0, 32.0, 1))
    assert rows(chart) == [f"{2**n} ns – {2 ** (n + 1)} ns" for n in range(5)]


def test_a_far_lonely_bucket_does_not_make_endless_rows() -> None:
    assert len(rows(drawn((0, 1.0, 1.001, 1), (0, 1e9, 2e9, 1)))) < 30
    assert len(rows(drawn((0, -5.0, -1.0, 1), (0, 0.0, 0.0, 1), (0, 3.0, 4.0, 1)))) == 5


def test_nothing_measured_is_an_empty_chart() -> None:
    chart = drawn()
    assert chart.is_empty and chart.summary == "no data"
