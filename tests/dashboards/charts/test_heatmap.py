"""Durations over time as cells on whole numbers."""

from __future__ import annotations

from collector.storage.base import Window, bucket_start
from collector.storage.usage import HeatmapCell
from dashboards.charts.heatmap import BOUNDS, MOST_ROWS, heatmap

WINDOW = Window(0, 60 * 10**9)


def cell(part: int, duration_ns: int, calls: int = 1) -> HeatmapCell:
    row = sum(bound < duration_ns for bound in BOUNDS)
    return HeatmapCell(bucket_start(WINDOW, 60, part), row, calls, 0)


def test_bounds_are_round_and_ascend() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert {10**6, 2 * 10**6, 5 * 10**9} <= set(BOUNDS)


def test_cells_lie_where_their_calls_do() -> None:
    chart = heatmap("Durations", WINDOW, [cell(0, 10**7), cell(59, 11 * 10**6, 4)])
    assert chart.grid == (60, 2)
    assert [d for _, d in chart.cells] == ["M0 1h1v1h-1z", "M59 0h1v1h-1z"], "the longer on top"
    assert chart.cells[0][0] < chart.cells[1][0]
    assert chart.data["heat"] == [[10**7, 12 * 10**6], [8 * 10**6, 10**7]]


def test_a_wide_span_of_durations_has_fewer_rows_with_round_bounds() -> None:
    chart = heatmap("Durations", WINDOW, [cell(1, 10**5), cell(2, 3 * 10**10), cell(3, 10**14)])
    assert chart.grid[1] <= MOST_ROWS
    lows = [low for low, _ in chart.data["heat"]]
    assert set(lows[:-1]) <= set(BOUNDS)
    assert all(above[0] == below[1] for above, below in zip(chart.data["heat"], chart.data["heat"][1:]))


def test_no_call_is_lost_when_rows_are_put_together() -> None:
    cells = [cell(part, 10**power, part + 1) for part, power in enumerate(range(3, 14))]
    chart = heatmap("Durations", WINDOW, cells)
    shown = [v for line in chart.data["lines"] for v in line["values"] if v]
    assert sum(shown) == sum(c.calls for c in cells)


def test_without_calls_there_is_nothing_to_draw() -> None:
    assert heatmap("Durations", WINDOW, []).is_empty
