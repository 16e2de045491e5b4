"""From stored calls to the number a rule watches."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

from collector.alerts.rule import Op, Rule, Signal
from collector.alerts.state import Reading
from collector.storage.base import FunctionStats, SeriesPoint

_COMPARE: dict[Op, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What one function did in one window, as far as signals need it."""

    calls: int
    errors: int
    cold_starts: int
    cold_known: int
    p95_ns: float

    @classmethod
    def of_stats(cls, stats: FunctionStats) -> Sample:
        return cls(stats.calls, stats.errors, stats.cold_starts, stats.cold_known, stats.p95_ns)

    @classmethod
    def of_point(cls, point: SeriesPoint) -> Sample:
        """A series does not tell which calls said whether they were cold: all are taken to have said so."""
        return cls(point.calls, point.errors, point.cold_starts, point.calls, point.p95_ns)


def _error_rate(sample: Sample) -> float | None:
    return sample.errors / sample.calls if sample.calls else None


def _p95_ms(sample: Sample) -> float | None:
    return sample.p95_ns / 1e6 if sample.calls else None


def _cold_start_share(sample: Sample) -> float | None:
    return sample.cold_starts / sample.cold_known if sample.cold_known else None


_MEASURE: dict[Signal, Callable[[Sample], float | None]] = {
    "error_rate": _error_rate,
    "p95_ms": _p95_ms,
    "cold_start_share": _cold_start_share,
}


def read_signal(rule: Rule, sample: Sample) -> Reading | None:
    """The rule's signal in a window; None if there were too few calls to tell."""
    if sample.calls < rule.min_calls:
        return None
    value = _MEASURE[rule.signal](sample)
    if value is None:
        return None
    return Reading(value, _COMPARE[rule.op](value, rule.threshold))
