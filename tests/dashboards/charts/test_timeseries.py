"""Lines and bars stand where their values put them."""

from __future__ import annotations

from collector.storage.base import SeriesPoint, Window, bucket_start
from dashboards.charts.scale import Axis
from dashboards.charts.timeseries import Line, bar_chart, line_chart, lines_of, lone, marked, path

WINDOW = Window(0, 4 * 10**9)


def point(index: int, calls: int) -> SeriesPoint:
    return SeriesPoint("", bucket_start(WINDOW, 4, index), calls, 0, 0, 1.0, 2.0, 3.0)


def test_a_line_goes_through_the_middles_of_buckets() -> None:
    assert path([0, 5, 10, 10], Axis(10, ())) == "M125.0 100.00L375.0 50.00L625.0 0.00L875.0 0.00"


def test_a_line_breaks_where_nothing_was_measured() -> None:
    assert path([5, None, 5, 5], Axis(10, ())) == "M125.0 50.00M625.0 50.00L875.0 50.00"


def test_values_without_neighbours_are_dots() -> None:
    assert lone([5, None, 5, 5], Axis(10, ())) == "M125.0 50.00h0"
    assert lone([None, None, None, 10], Axis(10, ())) == "M875.0 0.00h0"


def test_points_fall_into_their_buckets_and_the_rest_is_missing() -> None:
    (line,) = lines_of([point(1, 7), point(3, 2)], WINDOW, 4, [("Calls", "s1", lambda p: p.calls)])
    assert line == Line("Calls", "s1", (None, 7, None, 2))


def test_bars_stack_and_never_leave_the_plot() -> None:
    chart = bar_chart(
        "Calls", WINDOW, [Line("Failed", "c-err", (1, 0, 0, 3)), Line("Ok", "s1", (3, 4, 0, 1))]
    )
    failed, ok = [r for r in chart.rects if r.x < 25]
    assert (failed.y, failed.height) == (75, 25)
    assert (ok.y, ok.height) == (0, 75)
    assert all(r.y >= 0 and r.y + r.height <= 100 and r.x + r.width <= 100 for r in chart.rects)
    assert [value for _, _, value in chart.legend] == ["4", "8"]


def test_a_threshold_is_on_the_axis_even_above_all_values() -> None:
    chart = line_chart("Errors", WINDOW, [Line("r", "s1", (0.01, 0.02, 0.0, 0.0))], "percent", [(0.05, "5%")])
    (level,) = chart.levels
    assert 0 <= level.y < 100
    assert level.label == "5%"


def test_a_chart_without_values_says_so() -> None:
    chart = line_chart("Duration", WINDOW, [Line("p50", "s1", (None,) * 4)], "duration")
    assert chart.is_empty
    assert chart.summary == "no data"


def test_moments_are_marked_where_they_lie_within_the_window() -> None:
    window = Window(0, 100)
    chart = marked(line_chart("x", window, [], "count"), window, [(0, "v1"), (25, "v2"), (100, "v3")])
    assert [(mark.x, mark.label) for mark in chart.marks] == [(25, "v2")]
