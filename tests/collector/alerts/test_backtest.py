"""What a rule would have done is what the evaluator would have made of the same calls."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.alerts.backtest import MAX_MOMENTS, backtest, plan
from collector.alerts.rule import Rule
from collector.storage.base import SeriesPoint, Window

S = 1_000_000_000
RULE = Rule("Errors", "error_rate", 0.5, window_s=60, for_s=0)


def point(service: str, start_s: int, calls: int = 10, errors: int = 0) -> SeriesPoint:
    return SeriesPoint(service, start_s * S, calls, errors, 0, 5e6, 5e6, 5e6)


def run(rule: Rule, errors_by_minute: list[int | None]):
    """One bucket a minute, from second 0; None is a minute without calls."""
    rule = replace(rule, window_s=60)
    wanted = plan(rule, Window(0, len(errors_by_minute) * 60 * S))
    points = [point("a", 60 * i, errors=e) for i, e in enumerate(errors_by_minute) if e is not None]
    one_phase = replace(wanted, step_ns=wanted.width_ns, start_ns=60 * S)
    return backtest(rule, one_phase, [points])


def test_it_counts_each_time_it_would_have_fired():
    result = run(RULE, [0, 9, 9, 0, 9, 0])
    assert result.fired == 2
    assert [(e.start_ns // S, e.end_ns // S) for e in result.episodes] == [(120, 240), (300, 360)]


def test_for_must_pass_first():
    assert run(replace(RULE, for_s=60), [9, 0, 9, 9, 0]).fired == 1


def test_an_alert_that_still_fires_has_no_end():
    assert [e.end_ns for e in run(RULE, [0, 9, 9]).episodes] == [None]


def test_no_calls_are_no_data():
    result = run(RULE, [9, None, 9])
    assert result.fired == 2
    assert [moment // S for moment, _ in result.lines[0].points] == [60, 180]


@given(st.integers(5, 604_800), st.integers(1, 10**6), st.integers(10**6, 2 * 10**9))
def test_a_plan_is_bounded_and_its_readings_fall_on_its_moments(window_s, length_s, end_s):
    window = Window((end_s - length_s) * S, end_s * S)
    made = plan(replace(RULE, window_s=window_s), window)
    assert 1 <= len(made.moments) <= MAX_MOMENTS
    assert made.moments[-1] == made.end_ns == window.end_ns
    for query in made.queries:
        width = query.window.end_ns - query.window.start_ns
        assert width == query.buckets * window_s * S
        assert (made.end_ns - query.window.end_ns) % made.step_ns == 0


@pytest.mark.parametrize("length_s", [60, 3600, 86_400])
def test_shifted_queries_give_a_reading_for_every_moment(length_s):
    made = plan(RULE, Window(10**6 * S, (10**6 + length_s) * S))
    series = [
        [point("a", (q.window.start_ns // S) + 60 * i, errors=9) for i in range(q.buckets)]
        for q in made.queries
    ]
    (line,) = backtest(RULE, made, series).lines
    assert [moment for moment, _ in line.points] == list(made.moments)
