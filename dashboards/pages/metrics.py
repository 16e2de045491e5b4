"""Metrics: what there is, and one of them over time, grouped, filtered, with exemplars to traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from collector.model_metrics import MetricType
from collector.storage.base import InvalidQuery, Window, bucket_start
from collector.storage.metrics import (
    MetricInfo,
    MetricReader,
    MetricSelector,
    MetricsQuery,
    SpreadQuery,
    StoredExemplar,
)
from dashboards.charts.scale import FORMATS, Unit
from dashboards.charts.spread import spread_chart
from dashboards.charts.timeseries import Dot, Line, TimeChart, line_chart
from dashboards.csvfile import csv_response
from dashboards.errors import NotFound
from dashboards.format import iso, utc
from dashboards.i18n import _
from dashboards.metriclines import (
    HEATMAP,
    MetricLines,
    default_statistic,
    fitting_buckets,
    found_metric,
    metric_lines,
    statistics_of,
)
from dashboards.metricunits import chart_unit
from dashboards.params import choice, text
from dashboards.render import range_of, render, url
from dashboards.ui import ui_of

router = APIRouter()

BUCKETS = 120
HEATMAP_BUCKETS = 60
LISTED = 500
# Exemplars that are drawn and listed, the newest.
EXEMPLARS = 100
TYPES = {kind.name.lower().replace("_", " "): kind for kind in MetricType}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the URL asks about one metric."""

    info: MetricInfo
    selector: MetricSelector
    statistic: str
    by: str


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line in figures, written in the chart's unit; `css` is its colour."""

    name: str
    css: str
    last: str
    mean: str
    low: str
    high: str


@router.get("/metrics-explorer")
def explorer(request: Request) -> HTMLResponse:
    """The list of metrics, or one of them if `metric` names it."""
    if request.query_params.get("metric"):
        return _one(request)
    params, window = request.query_params, range_of(request).window
    query = MetricsQuery(window, text(params, "service"), text(params, "q"), LISTED)
    found = reader_of(request).catalogue(query)
    return render(
        request,
        "metrics.html",
        metrics=found,
        query=query,
        limit=LISTED,
        type_names={kind: name for name, kind in TYPES.items()},
        services=sorted({service for info in found for service in info.services}),
        stats=None if found else ui_of(request).reader.stats(),
    )


@router.get("/api/metrics-explorer.csv")
def table_csv(request: Request) -> Response:
    """The lines of the chart as a table: one row a bucket, one column a line, in the metric's own unit."""
    asked = read_metric(request)
    window = asked.selector.window
    if asked.statistic == HEATMAP:
        cells = reader_of(request).spread(SpreadQuery(asked.selector, BUCKETS))
        table = [(iso(cell.start_ns), cell.low, cell.high, cell.count) for cell in cells]
        return csv_response("metric", ("time", "above", "up_to", "count"), table)
    found = _found(reader_of(request), asked)
    buckets = len(found.lines[0].values) if found.lines else 0
    columns = ["time", *(line.name for line in found.lines)]
    rows = [
        [iso(bucket_start(window, buckets, part)), *(_own(line.values[part], found) for line in found.lines)]
        for part in range(buckets)
    ]
    return csv_response("metric", columns, rows)


def _found(reader: MetricReader, asked: Asked) -> MetricLines:
    if asked.statistic == HEATMAP:
        return MetricLines((), *chart_unit(asked.info.unit, asked.info.type, HEATMAP), 0)
    buckets = fitting_buckets(reader, asked.selector, BUCKETS)
    return metric_lines(reader, asked.selector, asked.statistic, asked.by, buckets)


def _own(value: float | None, found: MetricLines) -> float | str:
    return "" if value is None else float(f"{value / found.factor:.12g}")


def reader_of(request: Request) -> MetricReader:
    """The reader of metrics. NotFound where the store keeps none."""
    reader = ui_of(request).metrics
    if reader is None:
        raise NotFound(
            _("This store keeps no metrics"), _("The server was started without a store for them.")
        )
    return reader


def read_metric(request: Request) -> Asked:
    """InvalidQuery says which parameter cannot be read; NotFound if there is no such metric."""
    params, window = request.query_params, range_of(request).window
    name, service = text(params, "metric"), text(params, "service")
    kind = TYPES.get(choice(params, "type", ("", *TYPES), ""))
    unit = text(params, "unit") if "unit" in params else None
    info = found_metric(reader_of(request), window, name, kind, unit)
    if info is None:
        raise NotFound(
            _("No such metric in this range"),
            _("Nothing was measured as %(name)s then.", name=repr(name[:100])),
        )
    where = read_filters(text(params, "where"))
    selector = MetricSelector(window, name, info.type, info.unit, service, where)
    statistic = choice(params, "stat", statistics_of(info.type), default_statistic(info))
    return Asked(info, selector, statistic, text(params, "by"))


def read_filters(given: str) -> tuple[tuple[str, str], ...]:
    """`key=value && key=value`; a value may hold further equal signs."""
    pairs = [part.partition("=") for part in given.split("&&") if part.strip()]
    if any(not separator or not key.strip() for key, separator, _ in pairs):
        raise InvalidQuery("where must read key=value, several joined by &&, such as http.route=/pay")
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)


def _one(request: Request) -> HTMLResponse:
    reader, asked = reader_of(request), read_metric(request)
    found = _found(reader, asked)
    exemplars = reader.exemplars(asked.selector, EXEMPLARS)
    return render(
        request,
        "metric.html",
        asked=asked,
        found=found,
        chart=_chart(request, asked, found, exemplars),
        rows=[line_row(line, found.unit) for line in found.lines],
        negative=any(value < 0 for line in found.lines for value in line.values if value is not None),
        statistics=statistics_of(asked.info.type),
        keys=("service.name", *(k for k in reader.attribute_keys(asked.selector) if k != "service.name")),
        where=text(request.query_params, "where"),
        exemplars=exemplars,
        type_name=next(name for name, kind in TYPES.items() if kind is asked.info.type),
    )


def _chart(
    request: Request, asked: Asked, found: MetricLines, exemplars: Sequence[StoredExemplar]
) -> TimeChart:
    window, title = asked.selector.window, title_of(asked)
    if asked.statistic == HEATMAP:
        parts = fitting_buckets(reader_of(request), asked.selector, HEATMAP_BUCKETS)
        cells = reader_of(request).spread(SpreadQuery(asked.selector, parts))
        return spread_chart(title, window, cells, parts, found.unit, found.factor)
    dots = _dots(request, exemplars, asked, found) if _shares_scale(asked) else []
    return line_chart(title, window, found.lines, found.unit, dots=dots)


def title_of(asked: Asked) -> str:
    said = {"statistic": asked.statistic, "metric": asked.info.name}
    if asked.by and asked.statistic != HEATMAP:
        return _("%(statistic)s of %(metric)s by %(key)s", **said, key=asked.by)
    return _("%(statistic)s of %(metric)s", **said)


def line_row(line: Line, unit: Unit) -> LineRow:
    values = [value for value in line.values if value is not None]
    write = FORMATS[unit]
    if not values:
        return LineRow(line.name, line.css, *("–",) * 4)
    figures = values[-1], sum(values) / len(values), min(values), max(values)
    return LineRow(line.name, line.css, *(write(figure) for figure in figures))


def _shares_scale(asked: Asked) -> bool:
    counts = ("rate", "increase")
    measured = asked.info.type in (MetricType.HISTOGRAM, MetricType.EXPONENTIAL_HISTOGRAM)
    return asked.statistic not in counts if measured else asked.info.type is MetricType.GAUGE


def _dots(
    request: Request, exemplars: Sequence[StoredExemplar], asked: Asked, found: MetricLines
) -> list[Dot]:
    """Those with a trace, whose own time lies in the window."""
    return [
        Dot(e.time_ns, e.value * found.factor, _trace(request, e.trace_id, e.span_id), _label(e.time_ns))
        for e in (stored.exemplar for stored in exemplars)
        if e.trace_id and e.value is not None and _inside(asked.selector.window, e.time_ns)
    ]


def _inside(window: Window, time_ns: int) -> bool:
    return window.start_ns <= time_ns < window.end_ns


def _trace(request: Request, trace_id: str, span_id: str) -> str:
    return url(request, f"/traces/{trace_id}" + (f"#span={span_id}" if span_id else ""))


def _label(time_ns: int) -> str:
    return _("Trace of the measurement at %(clock)s", clock=f"{utc(time_ns):%H:%M:%S}")
