"""Any set of spans over time: a TraceQL query, drawn in all or by what its spans say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from collector.analysis.traceql import write
from collector.analysis.traceql_series import Series, parse_series, write_series
from collector.storage.base import InvalidQuery, bucket_start
from collector.storage.spanset import Field
from dashboards.charts.timeseries import line_chart
from dashboards.csvfile import csv_response
from dashboards.format import iso
from dashboards.i18n import N_, _, gettext
from dashboards.metriclines import OTHERS, MetricLines
from dashboards.pages.metrics import line_row
from dashboards.palette import classes_for
from dashboards.params import text
from dashboards.render import range_of, render
from dashboards.spanlines import SERVICE, figure_name, span_lines
from dashboards.ui import ui_of

router = APIRouter()

BUCKETS = 60
EVERY = "{ kind = server || kind = consumer }"
DURATION = Field("intrinsic", "duration")
# What one click makes of a query.
FIGURES: tuple[tuple[str, Series], ...] = tuple(
    (label, Series(parse_series("{ }").spanset, statistic, field, quantile))  # type: ignore[arg-type]
    for label, statistic, field, quantile in (
        (N_("Rate"), "rate", None, 0.95),
        (N_("Count"), "count", None, 0.95),
        (N_("Mean"), "avg", DURATION, 0.95),
        ("p50", "quantile", DURATION, 0.5),
        ("p95", "quantile", DURATION, 0.95),
        ("p99", "quantile", DURATION, 0.99),
        (N_("Longest"), "max", DURATION, 0.95),
    )
)
GROUPS: tuple[tuple[str, Field | None], ...] = (
    (N_("all"), None),
    (N_("function"), SERVICE),
    (N_("version"), Field("resource", "service.version")),
    (N_("span"), Field("intrinsic", "name")),
    (N_("status"), Field("intrinsic", "status")),
)


@dataclass(frozen=True, slots=True)
class Way:
    """A query that one click leads to."""

    label: str
    query: str
    current: bool


@router.get("/metrics-explorer/spans")
def drawn(request: Request) -> HTMLResponse:
    """The lines as a chart and in figures; 400 with the place of what is wrong with a query."""
    typed = text(request.query_params, "q") or EVERY
    window = range_of(request).window
    try:
        asked = parse_series(typed)
        found = span_lines(ui_of(request).reader, window, asked, BUCKETS)
    except InvalidQuery as error:
        problem = f"{str(error)[:1].upper()}{str(error)[1:]}."
        return render(request, "span_series.html", status_code=400, typed=typed, problem=problem)
    found = _coloured(request, asked, found)
    return render(
        request,
        "span_series.html",
        typed=typed,
        problem="",
        traces=write(asked.spanset),
        figures=_figures(asked),
        groups=_groups(asked),
        chart=line_chart(_title(asked), window, found.lines, found.unit),
        rows=[line_row(line, found.unit) for line in found.lines],
        left_out=found.left_out,
        by=_by(asked),
    )


@router.get("/api/metrics-explorer/spans.csv")
def series_csv(request: Request) -> Response:
    """A row a part of the range, a column a line; durations in nanoseconds."""
    window = range_of(request).window
    asked = parse_series(text(request.query_params, "q") or EVERY)
    lines = span_lines(ui_of(request).reader, window, asked, BUCKETS).lines
    rows = [
        [iso(bucket_start(window, BUCKETS, part)), *(line.values[part] for line in lines)]
        for part in range(BUCKETS)
    ]
    return csv_response("spans", ["time", *(line.name for line in lines)], rows)


def _figures(asked: Series) -> list[Way]:
    """The same spans by another figure."""
    name = figure_name(asked)
    ways = [(label, replace(way, spanset=asked.spanset, by=asked.by)) for label, way in FIGURES]
    return [Way(label, write_series(way), figure_name(way) == name) for label, way in ways]


def _groups(asked: Series) -> list[Way]:
    """The same figure by something else."""
    return [Way(label, write_series(replace(asked, by=field)), field == asked.by) for label, field in GROUPS]


def _by(asked: Series) -> str:
    return next((label for label, field in GROUPS if field == asked.by), asked.by.name if asked.by else "all")


def _title(asked: Series) -> str:
    name = figure_name(asked)
    name = f"{name[:1].upper()}{name[1:]}"
    return _("%(figure)s by %(key)s", figure=name, key=gettext(_by(asked))) if asked.by else name


def _coloured(request: Request, asked: Series, found: MetricLines) -> MetricLines:
    """Functions in the colours that they have on every page."""
    if asked.by != SERVICE:
        return found
    colours = classes_for(request, [line.name for line in found.lines if line.name != OTHERS])
    return replace(
        found, lines=tuple(replace(line, css=colours.get(line.name, "s0")) for line in found.lines)
    )
