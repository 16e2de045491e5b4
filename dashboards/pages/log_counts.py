"""Log records as a metric: how many match over time, or what numbers they say, by what they say."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from collector import jsonvalue
from collector.model_logs import LogRecord
from collector.storage.base import InvalidQuery, bucket_start
from collector.storage.logs import BODY, LogReader
from dashboards.charts.timeseries import Line, line_chart
from dashboards.csvfile import csv_response
from dashboards.format import iso
from dashboards.logcount import COUNT, MEASURES, LogFigure, log_lines, title_of
from dashboards.loglines import LEVELS
from dashboards.metriclines import OTHERS, MetricLines
from dashboards.pages.logs import read_query, reader_of
from dashboards.pages.metrics import line_row
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render

router = APIRouter()

BUCKETS = 60
GROUPS = (("service", "function"), ("level", "level"), ("scope", "logger"))
# The newest records, of which the fields are offered that they have.
READ = 100
OFFERED = 50


@router.get("/metrics-explorer/logs")
def counted(request: Request) -> HTMLResponse:
    """The lines as a chart and in figures."""
    reader, params = reader_of(request), request.query_params
    asked = _read(request)
    found = _coloured(request, asked, log_lines(reader, asked, BUCKETS))
    numbers, fields = _fields(reader, asked)
    return render(
        request,
        "log_counts.html",
        asked=asked,
        query=asked.query,
        groups=GROUPS,
        measures=MEASURES,
        numbers=numbers,
        fields=fields,
        levels=LEVELS,
        level=text(params, "level"),
        attribute=text(params, "attribute"),
        chart=line_chart(title_of(asked), asked.query.window, found.lines, found.unit),
        rows=[(line_row(line, found.unit), sum(value or 0 for value in line.values)) for line in found.lines],
        left_out=found.left_out,
    )


@router.get("/api/metrics-explorer/logs.csv")
def counts_csv(request: Request) -> Response:
    """A row a part of the range, a column a line; numbers as records say them."""
    asked = _read(request)
    found = log_lines(reader_of(request), asked, BUCKETS)
    window = asked.query.window
    columns = [[_said(value, asked, found) for value in line.values] for line in found.lines]
    rows = [
        [iso(bucket_start(window, BUCKETS, part)), *(values[part] for values in columns)]
        for part in range(BUCKETS)
    ]
    return csv_response("log-records", ["time", *(line.name for line in found.lines)], rows)


def _said(value: float | None, asked: LogFigure, found: MetricLines) -> float | None:
    if asked.measure == COUNT:
        return int(value or 0)
    return None if value is None else float(f"{value / found.factor:.12g}")


def _read(request: Request) -> LogFigure:
    """What the address asks, records as the logs page reads it."""
    params = request.query_params
    query = read_query(params, range_of(request).window)
    field = text(params, "of")
    measure = choice(params, "measure", MEASURES, COUNT)
    if measure != COUNT and not field:
        raise InvalidQuery(f"measure={measure} needs of, the attribute whose numbers are meant")
    return LogFigure(query, measure, field if measure != COUNT else "", text(params, "by"))


def _fields(reader: LogReader, asked: LogFigure) -> tuple[list[str], list[str]]:
    """Fields that the newest records have: those with numbers, and all."""
    said: dict[str, object] = {}
    for record in reader.search(replace(asked.query, order="newest", limit=READ, cursor="")).records:
        said = _fields_of(record) | said
    numbers = [key for key, value in said.items() if jsonvalue.number(value) is not None]
    return sorted(numbers)[:OFFERED], sorted(said)[:OFFERED]


def _fields_of(record: LogRecord) -> dict[str, object]:
    body = record.body if isinstance(record.body, dict) else {}
    return {**record.attributes, **{f"{BODY}{key}": value for key, value in body.items()}}


def _coloured(request: Request, asked: LogFigure, found: MetricLines) -> MetricLines:
    """Functions in the colours that they have on every page."""
    if asked.by != "service":
        return found
    colours = classes_for(request, [line.name for line in found.lines if line.name != OTHERS])
    lines = (Line(line.name, colours.get(line.name, "s0"), line.values) for line in found.lines)
    return replace(found, lines=tuple(lines))
