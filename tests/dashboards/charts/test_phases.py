"""Cold starts as bars: places in time, shares of the longest, medians of each phase."""

from __future__ import annotations

from collector.storage.base import ColdStart, Window
from dashboards.charts.phases import phase_chart, phases_over_time

MS = 10**6


def cold(*phases: tuple[str, int, int], call: tuple[int, int]) -> ColdStart:
    timed = tuple((name, start * MS, length * MS) for name, start, length in phases)
    return ColdStart("t", "s", "f", "v1", "i", call[0] * MS, call[1] * MS, False, timed)


FULL = cold(
    ("cold_start", 0, 90), ("runtime_init", 0, 30), ("function_init", 30, 60), call=(90, 10)
)  # fmt: skip


def test_phases_and_the_call_stand_at_their_times() -> None:
    (row,) = phase_chart([FULL], 5).rows
    assert row.total_ns == 100 * MS
    assert [(s.phase, s.x, s.width) for s in row.segments] == [
        ("runtime_init", 0, 30), ("function_init", 30, 60), ("invocation", 90, 10),
    ]  # fmt: skip


def test_all_rows_share_the_scale_of_the_longest() -> None:
    short = cold(("runtime_init", 0, 25), call=(25, 25))
    rows = phase_chart([FULL, FULL, short], 5).rows
    assert rows[2].segments[1].x + rows[2].segments[1].width == 50


def test_a_wait_between_phases_is_left_open() -> None:
    (row,) = phase_chart([cold(("initializer", 0, 10), call=(90, 10))], 5).rows
    assert [(s.x, s.width) for s in row.segments] == [(0, 10), (90, 10)]


def test_medians_are_of_all_even_those_not_shown() -> None:
    starts = [cold(("runtime_init", 0, ms), call=(ms, 10)) for ms in (10, 20, 90)]
    chart = phase_chart(starts, 1)
    assert len(chart.rows) == 1
    assert [(s.phase, s.duration_ns) for s in chart.medians] == [
        ("runtime_init", 20 * MS),
        ("invocation", 10 * MS),
    ]
    assert chart.median_total_ns == 30 * MS


def test_a_sender_without_phases_still_has_its_call() -> None:
    (row,) = phase_chart([cold(call=(5, 10))], 5).rows
    assert [s.phase for s in row.segments] == ["invocation"]


def test_no_cold_starts_make_an_empty_chart() -> None:
    assert phase_chart([], 5).rows == ()


def test_phases_over_time_add_up_to_how_long_starts_were() -> None:
    window = Window(0, 100 * MS)
    colds = [
        cold(("runtime_init", 0, 4), ("function_init", 4, 6), call=(10, 2)),
        cold(("runtime_init", 4, 8), call=(12, 4)),
    ]
    chart = phases_over_time(colds, window, 2)
    first = {line["name"]: line["values"][0] for line in chart.data["lines"]}
    assert first == {"Runtime init": 6 * MS, "Function init": 3 * MS, "Initializer": 0, "Invocation": 3 * MS}
    assert all(line["values"][1] is None for line in chart.data["lines"])
