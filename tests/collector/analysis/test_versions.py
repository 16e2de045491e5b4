"""Versions compared: what may be claimed, and what may be chance."""

from __future__ import annotations

import math

from collector.analysis.versions import compare, error_factor
from collector.storage.base import SeriesPoint


def whole(name: str, calls: int, errors: int, p95_ns: float = 10.0, start_ns: int = 0) -> SeriesPoint:
    return SeriesPoint(name, start_ns, calls, errors, 0, 5.0, p95_ns, 20.0)


def test_a_version_that_fails_six_times_as_often_is_told() -> None:
    factor = error_factor(whole("v2", 1000, 61), whole("v1", 1000, 10))
    assert factor is not None and round(factor, 1) == 6.1


def test_one_failure_in_three_calls_proves_nothing() -> None:
    assert error_factor(whole("v2", 3, 1), whole("v1", 1000, 100)) is None


def test_failing_less_is_no_claim() -> None:
    assert error_factor(whole("v2", 1000, 10), whole("v1", 1000, 61)) is None


def test_a_baseline_without_errors_has_no_finite_factor() -> None:
    assert error_factor(whole("v2", 1000, 50), whole("v1", 1000, 0)) == math.inf


def test_no_errors_at_all_is_no_claim() -> None:
    assert error_factor(whole("v2", 10, 0), whole("v1", 10, 0)) is None


def test_the_baseline_is_the_version_seen_first() -> None:
    over_time = [whole("v1", 5, 0, start_ns=100), whole("v2", 5, 0, start_ns=50)]
    found = compare([whole("v1", 5, 0), whole("v2", 5, 0)], over_time)
    assert [(v.name, v.is_baseline) for v in found] == [("v2", True), ("v1", False)]


def test_a_slower_p95_is_told_only_with_enough_calls() -> None:
    base = whole("v1", 100, 0)
    (_, slow), (_, few) = (
        compare([base, whole("v2", calls, 0, 25.0)], [base, whole("v2", 1, 0, start_ns=1)])
        for calls in (100, 19)
    )
    assert (slow.p95_factor, few.p95_factor) == (2.5, None)
