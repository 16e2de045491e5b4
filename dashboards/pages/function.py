"""One function: its figures over time, its versions compared, its cold starts, its calls, its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from collector.analysis.versions import Version, compare
from collector.storage.base import (
    Call,
    CallSort,
    CallsQuery,
    ColdStartsQuery,
    EdgesQuery,
    FunctionsQuery,
    SeriesPoint,
    SeriesQuery,
    SpanReader,
    Window,
)
from dashboards.charts.phases import PHASES, PhaseChart, phase_chart
from dashboards.charts.timeseries import Line, TimeChart, bar_chart, line_chart, lines_of
from dashboards.colours import colour_classes
from dashboards.errorlist import listed
from dashboards.errors import NotFound
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render
from dashboards.ui import ui_of

router = APIRouter()

BUCKETS = 60
# Fewer calls a version: wider buckets, or rates jump between all and nothing.
VERSION_BUCKETS = 30
CALLS_SHOWN = 25
ERRORS_SHOWN = 5
COLD_SHOWN = 12
# Medians and "slowest" are of this many cold starts, the latest.
COLD_READ = 200
# More lines than colours cannot be told apart.
VERSIONS_DRAWN = 6


@router.get("/functions/{service:path}")
def function(request: Request, service: str) -> HTMLResponse:
    """The page. 404 for a function the store has never seen; an empty state if only the range is quiet."""
    reader, window = ui_of(request).reader, range_of(request).window
    found = reader.functions(FunctionsQuery(window, service))
    if not found and not _is_known(reader, service):
        raise NotFound(
            f"No function called {service!r}", "It may not have sent anything yet, or be named otherwise."
        )
    context: dict[str, Any] = {"service": service, "stats": None if found else reader.stats(), "f": None}
    context["colours"] = classes_for(request, [service])
    if found:
        context |= {"f": found[0]} | _over_time(reader, window, service) | _cold(request, window, service)
        context |= _calls(request, window, service) | _neighbours(request, window, service)
        context |= _errors(request, window, service)
    return render(request, "function.html", **context)


def _is_known(reader: SpanReader, service: str) -> bool:
    """Whether any span of it is stored, in whatever range."""
    stats = reader.stats()
    return bool(stats.spans) and service in reader.services(Window(stats.first_ns, stats.last_ns + 1))


# ---------------------------------------------------------------- over time


def _over_time(reader: SpanReader, window: Window, service: str) -> dict[str, Any]:
    points = reader.series(SeriesQuery(window, service, buckets=BUCKETS))
    by_version = reader.series(SeriesQuery(window, service, "version", VERSION_BUCKETS))
    wholes = reader.series(SeriesQuery(window, service, "version", 1))
    versions = compare(wholes, by_version)
    return {
        "charts": red_charts(points, window),
        "versions": versions,
        "version_charts": version_charts(by_version, versions, window),
        "version_colours": colour_classes(version.name for version in versions[-VERSIONS_DRAWN:]),
    }


def red_charts(points: Sequence[SeriesPoint], window: Window) -> list[TimeChart]:
    """Rate and errors, duration, cold starts."""
    calls = lines_of(
        points,
        window,
        BUCKETS,
        [("Failed", "c-err", lambda p: p.errors), ("Ok", "c-calls", lambda p: p.calls - p.errors)],
        missing=0,
    )
    latency = lines_of(
        points,
        window,
        BUCKETS,
        [
            ("p50", "s3", lambda p: p.p50_ns),
            ("p95", "s6", lambda p: p.p95_ns),
            ("p99", "s7", lambda p: p.p99_ns),
        ],
    )
    cold = lines_of(points, window, BUCKETS, [("Cold starts", "c-cold", lambda p: p.cold_starts)], missing=0)
    return [
        bar_chart("Calls", window, calls),
        line_chart("Duration", window, latency, "duration"),
        bar_chart("Cold starts", window, cold),
    ]


def version_charts(
    points: Sequence[SeriesPoint], versions: Sequence[Version], window: Window
) -> list[TimeChart]:
    """Error rate and p95 with a line a version; nothing to compare where there is one."""
    if len(versions) < 2:
        return []
    colours = colour_classes(version.name for version in versions[-VERSIONS_DRAWN:])
    rates: list[Line] = []
    tails: list[Line] = []
    for name, css in colours.items():
        own = [point for point in points if point.group == name]
        shown = name or "no version"
        rates += lines_of(own, window, VERSION_BUCKETS, [(shown, css, lambda p: p.errors / p.calls)])
        tails += lines_of(own, window, VERSION_BUCKETS, [(shown, css, lambda p: p.p95_ns)])
    return [
        line_chart("Error rate by version", window, rates, "percent"),
        line_chart("p95 by version", window, tails, "duration"),
    ]


# ---------------------------------------------------------------- cold starts


def _cold(request: Request, window: Window, service: str) -> dict[str, Any]:
    order = choice(request.query_params, "cold", ("newest", "slowest"), "newest")
    colds = ui_of(request).reader.cold_starts(ColdStartsQuery(window, service, COLD_READ))
    if order == "slowest":
        colds = tuple(sorted(colds, key=lambda cold: -(cold.total_ns + cold.call_duration_ns)))
    chart: PhaseChart = phase_chart(colds, COLD_SHOWN)
    return {
        "cold_order": order,
        "colds": colds,
        "cold_chart": chart,
        "phases": PHASES,
        "cold_read": COLD_READ,
    }


# ---------------------------------------------------------------- calls


def _calls(request: Request, window: Window, service: str) -> dict[str, Any]:
    params = request.query_params
    sort = cast(CallSort, choice(params, "calls", ("newest", "slowest"), "newest"))
    failed = choice(params, "failed", ("", "1"), "") == "1"
    query = CallsQuery(window, service, text(params, "version"), sort=sort, limit=CALLS_SHOWN)
    calls = ui_of(request).reader.calls(replace(query, status="error") if failed else query)
    return {
        "calls": calls,
        "calls_sort": sort,
        "failed": failed,
        "version": query.version,
        "longest_ns": max((call.duration_ns for call in calls), default=0),
        "outcomes": {call.span_id: outcome(call) for call in calls},
    }


def outcome(call: Call) -> str:
    """How a call ended, in a few words: what failed, or the HTTP status where there is one."""
    if call.failed:
        return call.error_type or call.status_message or "failed"
    return str(call.http_status) if call.http_status else "ok"


# ---------------------------------------------------------------- errors


def _errors(request: Request, window: Window, service: str) -> dict[str, Any]:
    """The most frequent ones nobody ignores."""
    found = listed(ui_of(request), window, service)
    return {"errors": [row for row in found if row.state == "open"][:ERRORS_SHOWN]}


# ---------------------------------------------------------------- neighbours


def _neighbours(request: Request, window: Window, service: str) -> dict[str, Any]:
    """Edges into and out of the function. One that calls itself stands in both."""
    edges = ui_of(request).reader.edges(EdgesQuery(window, service))
    own = f"function:{service}"
    callers = [edge for edge in edges if edge.target.id == own]
    callees = [edge for edge in edges if edge.source.id == own]
    functions = [
        node.name for edge in edges for node in (edge.source, edge.target) if node.kind == "function"
    ]
    return {"callers": callers, "callees": callees, "colours": classes_for(request, [service, *functions])}
