"""A metric over time as the lines of a chart: by statistic, by group, the rest of the groups added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from collector.model_metrics import MetricType
from collector.storage.base import InvalidQuery, Window, bucket_index
from collector.storage.metrics import (
    MEASURED,
    STATISTICS,
    MetricInfo,
    MetricReader,
    MetricSelector,
    MetricsQuery,
    RangeLine,
    RangeQuery,
    Statistic,
)
from dashboards.charts.scale import Unit
from dashboards.charts.timeseries import Line
from dashboards.colours import COLOURS
from dashboards.metricunits import chart_unit

# Each drawn line has a colour of its own.
MOST_LINES = COLOURS
QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
# A chart has at least so many parts, however few points there are.
FEWEST_BUCKETS = 10
# Three of them in one chart.
SPREAD = "quantiles"
# Its buckets, as a chart of another kind.
HEATMAP = "heatmap"
_SPREAD = (("p99", "s2"), ("p90", "s3"), ("p50", "s1"))
OTHERS = "others"
NO_VALUE = "not set"


@dataclass(frozen=True, slots=True)
class MetricLines:
    """`lines` are in the chart's unit. `left_out` groups are not among them; `OTHERS` adds them up where
    values can be added."""

    lines: tuple[Line, ...]
    unit: Unit
    factor: float
    left_out: int


def statistics_of(kind: MetricType) -> tuple[str, ...]:
    """What people may ask of a metric of this type: quantiles by name."""
    plain = tuple(name for name in STATISTICS[kind] if name != "quantile")
    heatmap = (HEATMAP,) if kind in MEASURED else ()
    return (SPREAD, *heatmap, *QUANTILES, *plain) if "quantile" in STATISTICS[kind] else plain


def default_statistic(info: MetricInfo) -> str:
    """What is most often meant: how fast a counter grows, where a gauge stands, how measurements spread."""
    if info.type is MetricType.SUM:
        return "rate" if info.monotonic else "last"
    return {MetricType.GAUGE: "avg", MetricType.SUMMARY: "avg"}.get(info.type, SPREAD)


def found_metric(
    reader: MetricReader, window: Window, name: str, kind: MetricType | None = None, unit: str | None = None
) -> MetricInfo | None:
    """The metric of this name in the window; of several of one name that with most points."""
    known = [
        info
        for info in reader.catalogue(MetricsQuery(window, text=name))
        if info.name == name and kind in (None, info.type) and unit in (None, info.unit)
    ]
    return max(known, key=lambda info: info.points, default=None)


def fitting_buckets(reader: MetricReader, selector: MetricSelector, most: int) -> int:
    """So many parts that the series with most points has two in each: with less, lines are full of holes."""
    longest = reader.series(selector, 1)
    return max(min(longest[0].points // 2, most), FEWEST_BUCKETS) if longest else most


def metric_lines(
    reader: MetricReader, selector: MetricSelector, statistic: str, by: str, buckets: int
) -> MetricLines:
    """InvalidQuery if metrics of this type have no such statistic."""
    unit, factor = chart_unit(selector.unit or "", selector.type, statistic)
    if statistic == HEATMAP:
        raise InvalidQuery("a heatmap has no lines")
    if statistic == SPREAD:
        return MetricLines(tuple(_spread(reader, selector, buckets, factor)), unit, factor, 0)
    query = RangeQuery(
        selector, _statistic(statistic), QUANTILES.get(statistic, 0.5), by, buckets, MOST_LINES
    )
    found = reader.range(query)
    lines = [
        Line(_name(line, selector, by), f"s{rank}", _values(line, query, factor))
        for rank, line in enumerate(found.lines, 1)
    ]
    if found.left_out and _adds_up(selector.type, statistic):
        lines.append(_others(reader, query, lines, factor))
    return MetricLines(tuple(lines), unit, factor, found.left_out)


def _statistic(name: str) -> Statistic:
    return "quantile" if name in QUANTILES else name  # type: ignore[return-value]


def _spread(reader: MetricReader, selector: MetricSelector, buckets: int, factor: float) -> list[Line]:
    lines = []
    for name, css in _SPREAD:
        query = RangeQuery(selector, "quantile", QUANTILES[name], "", buckets, 1)
        lines += [Line(name, css, _values(line, query, factor)) for line in reader.range(query).lines]
    return lines


def _name(line: RangeLine, selector: MetricSelector, by: str) -> str:
    return (line.group or NO_VALUE) if by else selector.name


def _values(line: RangeLine, query: RangeQuery, factor: float) -> tuple[float | None, ...]:
    values: list[float | None] = [None] * query.buckets
    for point in line.points:
        values[bucket_index(query.selector.window, query.buckets, point.start_ns)] = point.value * factor
    return tuple(values)


def _adds_up(kind: MetricType, statistic: str) -> bool:
    return statistic in ("rate", "increase") or (kind is MetricType.SUM and statistic == "last")


def _others(reader: MetricReader, query: RangeQuery, lines: Sequence[Line], factor: float) -> Line:
    """What all groups together have beyond those that are drawn."""
    whole = reader.range(replace(query, group_by="", groups=1)).lines
    totals = _values(whole[0], query, factor) if whole else (None,) * query.buckets
    return Line(OTHERS, "s0", beyond(totals, lines))


def beyond(totals: Sequence[float | None], lines: Sequence[Line]) -> tuple[float | None, ...]:
    """What is left of totals without the lines that are drawn."""
    drawn = [sum(line.values[part] or 0 for line in lines) for part in range(len(totals))]
    return tuple(None if total is None else max(total - sum_, 0.0) for total, sum_ in zip(totals, drawn))
