"""Figures of calls by name, over time, in all or by group: what a dashboard's panel of calls shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from collector.storage.base import SeriesBy, SeriesPoint, SeriesQuery, SpanReader, Window, bucket_index
from collector.storage.usage import Usage, UsageQuery
from dashboards.charts.scale import Unit
from dashboards.charts.timeseries import Line
from dashboards.colours import COLOURS
from dashboards.metriclines import NO_VALUE, OTHERS, MetricLines

# Measure: unit, its value of one part of one group (calls, seconds of the part), whether groups add up.
_SERIES: dict[str, tuple[Unit, Callable[[SeriesPoint, float], float | None], bool]] = {
    "rate": ("rate", lambda p, seconds: p.calls / seconds, True),
    "count": ("count", lambda p, _: p.calls, True),
    "errors": ("count", lambda p, _: p.errors, True),
    "error rate": ("percent", lambda p, _: p.errors / p.calls if p.calls else None, False),
    "p50": ("duration", lambda p, _: p.p50_ns, False),
    "p95": ("duration", lambda p, _: p.p95_ns, False),
    "p99": ("duration", lambda p, _: p.p99_ns, False),
    "cold starts": ("count", lambda p, _: p.cold_starts, True),
}
_USAGE: dict[str, tuple[Unit, Callable[[Usage, float], float | None], bool]] = {
    "memory": ("bytes", lambda u, _: u.memory_bytes, False),
    "processor": ("number", lambda u, _: u.cpu, False),
    "timeouts": ("count", lambda u, _: u.timeouts, True),
    "billed": ("number", lambda u, _: u.gb_seconds, True),  # GiB-seconds
}
MEASURES = (*_SERIES, *_USAGE)
# Beyond so many calls what they used is of a sample of the time.
_SAMPLED_FROM = 100_000


def call_lines(
    reader: SpanReader, window: Window, measure: str, by: str, service: str, buckets: int
) -> MetricLines:
    """Lines of the groups with most calls; of what adds up, the others too."""
    if measure in _SERIES:
        unit, value, adds = _SERIES[measure]
        points: Sequence[SeriesPoint | Usage] = reader.series(
            SeriesQuery(window, service, _series_by(by), buckets)
        )
    else:
        unit, value, adds = _USAGE[measure]  # type: ignore[assignment]
        points = reader.used.usage(_usage_query(reader, window, by, service, buckets))
    seconds = window.seconds / buckets
    found = _grouped(points, lambda point: value(point, seconds), window, buckets, adds)  # type: ignore[arg-type]
    lines = [
        replace(line, name=line.name if by and line.name else (NO_VALUE if by else measure)) for line in found
    ]
    drawn = lines[:COLOURS]
    if adds and len(lines) > COLOURS:
        drawn.append(_others(lines[COLOURS:]))
    return MetricLines(tuple(drawn), unit, 1.0, max(len(lines) - COLOURS, 0))


def _series_by(by: str) -> SeriesBy:
    return by  # type: ignore[return-value]


def _usage_query(reader: SpanReader, window: Window, by: str, service: str, buckets: int) -> UsageQuery:
    calls = sum(point.calls for point in reader.series(SeriesQuery(window, service, buckets=1)))
    one_in = max(calls // _SAMPLED_FROM, 1)
    grouped = "" if by == "version" else by
    return UsageQuery(window, service, grouped, buckets, one_in=one_in)  # type: ignore[arg-type]


def _grouped(
    points: Sequence[SeriesPoint | Usage],
    value: Callable[[SeriesPoint | Usage], float | None],
    window: Window,
    buckets: int,
    adds: bool,
) -> list[Line]:
    """A line a group, those with most calls first."""
    calls: dict[str, int] = {}
    values: dict[str, list[float | None]] = {}
    for point in points:
        calls[point.group] = calls.get(point.group, 0) + point.calls
        line = values.setdefault(point.group, [0.0 if adds else None] * buckets)
        line[bucket_index(window, buckets, point.start_ns)] = value(point)
    ranked = sorted(calls, key=lambda group: (-calls[group], group))
    return [
        Line(group, f"s{min(rank, COLOURS)}", tuple(values[group])) for rank, group in enumerate(ranked, 1)
    ]


def _others(lines: Sequence[Line]) -> Line:
    columns = zip(*(line.values for line in lines), strict=True)
    return Line(OTHERS, "s0", tuple(float(sum(value or 0 for value in column)) for column in columns))
