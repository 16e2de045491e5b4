"""Logs: searched, filtered by facets, counted over time, grouped by what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from collector.analysis.logpatterns import patterns_of
from collector.storage.base import InvalidQuery, Window
from collector.storage.logs import LogReader, LogsQuery
from dashboards.charts.timeseries import bar_chart
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.loglines import LEVELS, body_text, css_of, log_line, severity_lines
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render
from dashboards.ui import ui_of

router = APIRouter()

PAGE_SIZE = 100
BUCKETS = 60
# Patterns are of so many records, the latest that match.
PATTERNS_READ = 5_000
VIEWS = ("lines", "patterns")
ORDERS = ("newest", "oldest")
_SEPARATOR = "="


@router.get("/logs")
def logs(request: Request) -> HTMLResponse:
    """Matching records, a page of them, or their patterns."""
    reader, params = reader_of(request), request.query_params
    window = range_of(request).window
    query = read_query(params, window)
    view = choice(params, "view", VIEWS, "lines")
    facets = reader.facets(query)
    context = (
        _patterns(reader, query) if view == "patterns" else _lines(reader, query, params.get("cursor", ""))
    )
    counts = reader.histogram(query, BUCKETS)
    return render(
        request,
        "logs.html",
        **context,
        query=query,
        view=view,
        levels=LEVELS,
        level=text(params, "level"),
        attribute=text(params, "attribute"),
        facets=facets,
        css_of=css_of,
        chart=bar_chart(_("Log records"), window, severity_lines(counts, window, BUCKETS)),
        colours=classes_for(request, [name for name, _ in facets.services]),
        stats=None if facets.total else ui_of(request).reader.stats(),
    )


def reader_of(request: Request) -> LogReader:
    """The reader of logs. NotFound where the store keeps none."""
    reader = ui_of(request).logs
    if reader is None:
        raise NotFound(_("This store keeps no logs"), _("The server was started without a store for them."))
    return reader


def read_query(params: Mapping[str, str], window: Window) -> LogsQuery:
    """The query a URL asks for, first page. InvalidQuery says which parameter cannot be read."""
    level = choice(params, "level", ("", *(name for name, _ in LEVELS)), "")
    return LogsQuery(
        window,
        service=text(params, "service"),
        scope=text(params, "scope"),
        min_severity=dict(LEVELS).get(level, 0),
        text=text(params, "q"),
        trace_id=text(params, "trace").lower(),
        span_id=text(params, "span").lower(),
        attributes=_attributes(text(params, "attribute")),
        order=choice(params, "order", ORDERS, "newest"),  # type: ignore[arg-type]
        limit=PAGE_SIZE,
    )


def _attributes(given: str) -> tuple[tuple[str, str], ...]:
    """`key=value`; the value may hold further equal signs."""
    if not given:
        return ()
    key, separator, value = given.partition(_SEPARATOR)
    if not separator or not key.strip():
        raise InvalidQuery("attribute must read key=value, such as http.method=GET")
    return ((key.strip(), value.strip()),)


def _lines(reader: LogReader, query: LogsQuery, cursor: str) -> dict[str, Any]:
    page = reader.search(replace(query, cursor=cursor))
    return {
        "lines": [log_line(record) for record in page.records],
        "patterns": [],
        "next_cursor": page.next_cursor,
        "paged": bool(cursor),
    }


def _patterns(reader: LogReader, query: LogsQuery) -> dict[str, Any]:
    page = reader.search(replace(query, order="newest", limit=PATTERNS_READ))
    return {
        "lines": [],
        "patterns": patterns_of(page.records, body_text),
        "next_cursor": "",
        "paged": False,
        "read": len(page.records),
        "more": bool(page.next_cursor),
    }
