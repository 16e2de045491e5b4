"""Log records as a metric: how many match over time, by function, level or logger."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from collector.storage.base import bucket_start
from collector.storage.logs import LogsQuery
from dashboards.charts.timeseries import Line, line_chart
from dashboards.csvfile import csv_response
from dashboards.format import iso
from dashboards.logcount import CountBy, log_counts
from dashboards.loglines import LEVELS
from dashboards.metriclines import OTHERS
from dashboards.pages.logs import read_query, reader_of
from dashboards.pages.metrics import line_row
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render

router = APIRouter()

BUCKETS = 60
GROUPS = (("service", "function"), ("level", "level"), ("scope", "logger"))


@router.get("/metrics-explorer/logs")
def counted(request: Request) -> HTMLResponse:
    """The lines as a chart and in figures."""
    params = request.query_params
    query, by, lines = _read(request)
    if by == "service":
        colours = classes_for(request, [line.name for line in lines if line.name != OTHERS])
        lines = [Line(line.name, colours.get(line.name, "s0"), line.values) for line in lines]
    return render(
        request,
        "log_counts.html",
        query=query,
        by=by,
        groups=GROUPS,
        levels=LEVELS,
        level=text(params, "level"),
        attribute=text(params, "attribute"),
        chart=line_chart("Log records", query.window, lines, "count"),
        rows=[(line_row(line, "count"), sum(value or 0 for value in line.values)) for line in lines],
    )


@router.get("/api/metrics-explorer/logs.csv")
def counts_csv(request: Request) -> Response:
    """A row a part of the range, a column a line."""
    query, _, lines = _read(request)
    rows = [
        [iso(bucket_start(query.window, BUCKETS, part)), *(int(line.values[part] or 0) for line in lines)]
        for part in range(BUCKETS)
    ]
    return csv_response("log-records", ["time", *(line.name for line in lines)], rows)


def _read(request: Request) -> tuple[LogsQuery, CountBy, list[Line]]:
    """What the address asks, as the logs page reads it, and its lines."""
    params = request.query_params
    query = read_query(params, range_of(request).window)
    by = cast(CountBy, choice(params, "by", ("", *(key for key, _ in GROUPS)), ""))
    return query, by, log_counts(reader_of(request), query, by, BUCKETS)
