from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.storage.base import TraceSummary
from dashboards.scatter import scatter

MS = 10**6


def trace(start_ns: int, duration_ns: int) -> TraceSummary:
    return TraceSummary(
        f"{start_ns:032x}", "shop", "GET /", "http", start_ns, duration_ns, 1, 0, 0, (("shop", 1),)
    )


def test_one_trace_makes_no_picture() -> None:
    assert scatter([trace(0, MS)]) is None


def test_later_lies_to_the_right_and_slower_lies_higher() -> None:
    chart = scatter([trace(5_000, 900 * MS), trace(1_000, 2 * MS)])
    assert chart is not None
    early, late = chart.dots
    assert early.trace.start_ns == 1_000 and early.x < late.x and early.y > late.y


def test_gridlines_are_powers_of_ten_around_the_durations() -> None:
    chart = scatter([trace(0, 2 * MS), trace(9, 90 * MS)])
    assert chart is not None
    assert [ns for _, ns in chart.grid] == [MS, 10 * MS, 100 * MS]


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)), min_size=2, max_size=20))
def test_every_dot_lies_inside_the_plot(values: list[tuple[int, int]]) -> None:
    chart = scatter([trace(start, length) for start, length in values])
    assert chart is not None
    assert all(0 <= dot.x <= 100 and 0 <= dot.y <= 100 for dot in chart.dots)
    assert 1 <= len(chart.grid) <= 4
