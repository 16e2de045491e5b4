"""Figures of calls by name, over time, in all or by group: what a dashboard's panel of calls shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from collector.analysis.cost import Price, cost_of
from collector.storage.base import (
    FunctionsQuery,
    SeriesBy,
    SeriesPoint,
    SeriesQuery,
    SpanReader,
    Window,
    bucket_index,
)
from collector.storage.usage import SLICES, Usage, UsageQuery
from dashboards.charts.scale import Unit
from dashboards.charts.timeseries import Line
from dashboards.colours import COLOURS
from dashboards.functionlist import sample_of
from dashboards.metriclines import NO_VALUE, OTHERS, MetricLines

Prices = Mapping[str, Price]  # by cloud.platform

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
COST = "cost"  # in the currency of the prices


def call_lines(
    reader: SpanReader, window: Window, measure: str, by: str, service: str, buckets: int, prices: Prices
) -> MetricLines:
    """Lines of the groups with most calls; of what adds up, the others too."""
    if measure == COST:
        return _cost_lines(reader, window, by, service, buckets, prices)
    if measure in _SERIES:
        unit, value, adds = _SERIES[measure]
        points: Sequence[SeriesPoint | Usage] = reader.series(
            SeriesQuery(window, service, _series_by(by), buckets)
        )
    else:
        unit, of_usage, adds = _USAGE[measure]
        query, one_in = _usage_query(reader, window, by, service, buckets)
        buckets, points = query.buckets, reader.used.usage(query)
        value = _scaled(of_usage, one_in if adds else 1)  # type: ignore[assignment]
    seconds = window.seconds / buckets
    found = _grouped(points, lambda point: value(point, seconds), window, buckets, adds)  # type: ignore[arg-type]
    return _drawn(found, by, measure, unit, adds)


def _drawn(found: Sequence[Line], by: str, measure: str, unit: Unit, adds: bool) -> MetricLines:
    """Lines as many as there are colours, named; of what adds up, the others too."""
    lines = [
        replace(line, name=line.name if by and line.name else (NO_VALUE if by else measure)) for line in found
    ]
    drawn = lines[:COLOURS]
    if adds and len(lines) > COLOURS:
        drawn.append(_others(lines[COLOURS:]))
    return MetricLines(tuple(drawn), unit, 1.0, max(len(lines) - COLOURS, 0))


def _cost_lines(
    reader: SpanReader, window: Window, by: str, service: str, buckets: int, prices: Prices
) -> MetricLines:
    """What calls cost by the list price of their function's platform; functions without a price are left
    out. Told by function, else all together."""
    query, one_in = _usage_query(reader, window, "service", service, buckets)
    platforms = {f.service: f.platform for f in reader.functions(FunctionsQuery(window, service, buckets=1))}
    priced = {name: prices[platform] for name, platform in platforms.items() if platform in prices}
    points = [usage for usage in reader.used.usage(query) if usage.group in priced]

    def cost(point: Usage) -> float:
        return cost_of(priced[point.group], point.gb_seconds * one_in, point.calls * one_in)

    found = _grouped(points, cost, window, query.buckets, True)  # type: ignore[arg-type]
    if by != "service":
        found = [replace(_others(found), css="s1")] if found else []
    return _drawn(found, by if by == "service" else "", COST, "number", True)


def _series_by(by: str) -> SeriesBy:
    return by  # type: ignore[return-value]


def _usage_query(
    reader: SpanReader, window: Window, by: str, service: str, buckets: int
) -> tuple[UsageQuery, int]:
    """The query, and how many calls each that it reads stands for. A sample is of so many slices of time, and
    a part of the window without one would look like nothing."""
    calls = sum(point.calls for point in reader.series(SeriesQuery(window, service, buckets=1)))
    one_in = sample_of(calls)
    grouped = "" if by == "version" else by
    parts = min(buckets, SLICES) if one_in > 1 else buckets
    return UsageQuery(window, service, grouped, parts, one_in=one_in), one_in  # type: ignore[arg-type]


UsageValue = Callable[[Usage, float], float | None]


def _scaled(value: UsageValue, times: int) -> UsageValue:
    def scaled(usage: Usage, seconds: float) -> float | None:
        found = value(usage, seconds)
        return None if found is None else found * times

    return scaled


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
