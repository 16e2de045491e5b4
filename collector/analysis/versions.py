"""Versions of one function side by side: did the new one fail more, or run slower?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.analysis.chance import WORTH_SAYING, share_factor
from collector.storage.base import SeriesPoint


@dataclass(frozen=True, slots=True)
class Version:
    """One version over the whole window, against the baseline: the version that was seen first."""

    name: str
    calls: int
    errors: int
    p50_ns: float
    p95_ns: float
    cold_starts: int
    first_ns: int
    is_baseline: bool
    error_factor: float | None  # None: no more errors than the baseline, or too few calls to tell
    p95_factor: float | None

    @property
    def error_rate(self) -> float:
        return self.errors / self.calls if self.calls else 0.0


def compare(wholes: Sequence[SeriesPoint], over_time: Sequence[SeriesPoint]) -> list[Version]:
    """Versions by first call. `wholes` are one point a version, `over_time` tells when each began."""
    firsts: dict[str, int] = {}
    for point in over_time:
        firsts[point.group] = min(point.start_ns, firsts.get(point.group, point.start_ns))
    ordered = sorted(wholes, key=lambda point: (firsts.get(point.group, point.start_ns), point.group))
    return [_version(point, ordered[0], firsts.get(point.group, point.start_ns)) for point in ordered]


def _version(point: SeriesPoint, base: SeriesPoint, first_ns: int) -> Version:
    return Version(
        point.group,
        point.calls,
        point.errors,
        point.p50_ns,
        point.p95_ns,
        point.cold_starts,
        first_ns,
        point is base,
        None if point is base else error_factor(point, base),
        None if point is base else _p95_factor(point, base),
    )


def error_factor(point: SeriesPoint, base: SeriesPoint) -> float | None:
    """How many times the baseline's error rate; inf where it never failed; None if it may be chance."""
    return share_factor(point.errors, point.calls, base.errors, base.calls)


def _p95_factor(point: SeriesPoint, base: SeriesPoint) -> float | None:
    """How many times the baseline's p95. Twenty calls each are the fewest that have a 95th percentile."""
    if min(point.calls, base.calls) < 20 or not base.p95_ns:
        return None
    factor = point.p95_ns / base.p95_ns
    return factor if factor >= WORTH_SAYING else None
