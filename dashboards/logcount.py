"""Log records as a metric that nobody had to send: how many, or what numbers they say, by what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from collector.storage.base import bucket_index
from collector.storage.figures import FigureLine
from collector.storage.logs import LogReader, LogSeriesQuery, LogsQuery, LogStatistic
from dashboards.charts.timeseries import Line
from dashboards.colours import COLOURS
from dashboards.i18n import _
from dashboards.loglines import css_of, severity_lines
from dashboards.metriclines import NO_VALUE, OTHERS, QUANTILES, MetricLines, beyond

COUNT = "count"
MEASURES = (COUNT, "sum", "avg", "min", "max", *QUANTILES)
# What adds up over groups.
_ADDING = (COUNT, "sum")
# Fields whose names say what their numbers are: durations in so many nanoseconds.
_DURATIONS = {"_ms": 1e6, ".ms": 1e6, "_us": 1e3, "_ns": 1.0, "_seconds": 1e9, "_s": 1e9}


@dataclass(frozen=True, slots=True)
class LogFigure:
    """What is drawn of the records that match: a measure of MEASURES, of a field unless they are counted, by
    `service`, `level`, `scope` or a field."""

    query: LogsQuery
    measure: str = COUNT
    field: str = ""
    by: str = ""


def log_lines(reader: LogReader, asked: LogFigure, buckets: int) -> MetricLines:
    """A line a group: those with most records, then all the others together where that makes sense."""
    window = asked.query.window
    if asked.by == "level" and asked.measure == COUNT:
        lines = severity_lines(reader.histogram(asked.query, buckets), window, buckets)
        return MetricLines(tuple(lines), "count", 1.0, 0)
    query = _query(asked, buckets)
    found = reader.series(query)
    factor = _factor(asked)
    lines = [
        Line(_name(line.group, asked), _css(line.group, rank, asked), _values(line, query, factor))
        for rank, line in enumerate(found.lines, 1)
    ]
    if found.left_out and asked.measure in _ADDING:
        (whole,) = reader.series(replace(query, by="", groups=1)).lines
        lines.append(Line(OTHERS, "s0", beyond(_values(whole, query, factor), lines)))
    unit = "count" if asked.measure == COUNT else "duration" if factor != 1.0 else "number"
    return MetricLines(tuple(lines), unit, factor, found.left_out)  # type: ignore[arg-type]


def title_of(asked: LogFigure) -> str:
    said = {"measure": asked.measure, "field": asked.field, "key": asked.by}
    if asked.measure == COUNT:
        return _("Log records by %(key)s", **said) if asked.by else _("Log records")
    if asked.by:
        return _("%(measure)s of %(field)s by %(key)s", **said)
    return _("%(measure)s of %(field)s", **said)


def _query(asked: LogFigure, buckets: int) -> LogSeriesQuery:
    statistic: LogStatistic = "quantile" if asked.measure in QUANTILES else asked.measure  # type: ignore[assignment]
    quantile = QUANTILES.get(asked.measure, 0.5)
    return LogSeriesQuery(asked.query, statistic, asked.field, quantile, asked.by, buckets, COLOURS)


def _factor(asked: LogFigure) -> float:
    return next((ns for ending, ns in _DURATIONS.items() if asked.field.endswith(ending)), 1.0)


def _name(group: str, asked: LogFigure) -> str:
    if asked.by == "level":
        return group.capitalize()
    if asked.by:
        return group or NO_VALUE
    return "records" if asked.measure == COUNT else f"{asked.measure} of {asked.field}"


def _css(group: str, rank: int, asked: LogFigure) -> str:
    return css_of(group) if asked.by == "level" else f"s{rank}"


def _values(line: FigureLine, query: LogSeriesQuery, factor: float) -> tuple[float | None, ...]:
    """Where there are no records their number is zero, and of what they say there is nothing."""
    values: list[float | None] = [0.0 if query.statistic == COUNT else None] * query.buckets
    for point in line.points:
        values[bucket_index(query.logs.window, query.buckets, point.start_ns)] = point.value * factor
    return tuple(values)
