"""Figures of any set of spans as the lines of a chart: by group, the rest of the groups added up."""

from __future__ import annotations

from dataclasses import replace

from collector.analysis.traceql import written_field
from collector.analysis.traceql_series import Series
from collector.storage.base import SpanReader, Window, bucket_index
from collector.storage.figures import FigureLine
from collector.storage.spanseries import COUNTING, SpanSeriesQuery
from collector.storage.spanset import Field
from dashboards.charts.scale import Unit
from dashboards.charts.timeseries import Line
from dashboards.colours import COLOURS
from dashboards.i18n import _
from dashboards.metriclines import NO_VALUE, OTHERS, MetricLines, beyond

SERVICE = Field("resource", "service.name")
# What is duration, in nanoseconds; other fields are numbers without a unit.
_DURATION = Field("intrinsic", "duration")


def span_lines(reader: SpanReader, window: Window, asked: Series, buckets: int) -> MetricLines:
    """Lines of the groups with most spans; of what adds up, the others too."""
    query = SpanSeriesQuery(
        window, asked.spanset, asked.statistic, asked.field, asked.quantile, asked.by, buckets, COLOURS
    )
    found = reader.span_series(query)
    lines = [
        Line(line.group or NO_VALUE if asked.by else figure_name(asked), f"s{rank}", _values(line, query))
        for rank, line in enumerate(found.lines, 1)
    ]
    if found.left_out and asked.statistic in (*COUNTING, "sum"):
        (whole,) = reader.span_series(replace(query, by=None, groups=1)).lines
        lines.append(Line(OTHERS, "s0", beyond(_values(whole, query), lines)))
    return MetricLines(tuple(lines), _unit(asked), 1.0, found.left_out)


def figure_name(asked: Series) -> str:
    """What is drawn, in words: `p95 of duration`."""
    if asked.field is None:
        return _("spans a second") if asked.statistic == "rate" else _("spans")
    name = f"p{100 * asked.quantile:g}" if asked.statistic == "quantile" else asked.statistic
    return _("%(statistic)s of %(metric)s", statistic=name, metric=written_field(asked.field))


def _unit(asked: Series) -> Unit:
    if asked.statistic == "rate":
        return "rate"
    if asked.statistic == "count":
        return "count"
    return "duration" if asked.field == _DURATION else "number"


def _values(line: FigureLine, query: SpanSeriesQuery) -> tuple[float | None, ...]:
    """Where there are no spans their number is zero, and of what they say there is nothing."""
    values: list[float | None] = [0.0 if query.statistic in COUNTING else None] * query.buckets
    for point in line.points:
        values[bucket_index(query.window, query.buckets, point.start_ns)] = point.value
    return tuple(values)
