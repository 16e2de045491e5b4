"""One function, all of it or one instance, endpoint or trigger: its figures over time, what its instances
use, its versions compared, its cold starts and what they imported, its calls, neighbours and log lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from collector.analysis.cost import cost_of
from collector.analysis.leaks import leaks
from collector.analysis.versions import Version, compare
from collector.storage.base import (
    Call,
    CallSort,
    CallsQuery,
    ColdStart,
    ColdStartsQuery,
    Edge,
    EdgesQuery,
    FunctionsQuery,
    FunctionStats,
    SeriesPoint,
    SeriesQuery,
    SlowQuery,
    SpanReader,
    Window,
)
from collector.storage.logs import LogsQuery
from collector.storage.usage import HeatmapQuery, MemoryQuery, UsageQuery
from dashboards.change import Change
from dashboards.charts.heatmap import BOUNDS, heatmap
from dashboards.charts.icicle import Icicle, icicle
from dashboards.charts.phases import PHASES, PhaseChart, phase_chart, phases_over_time
from dashboards.charts.timeseries import Line, TimeChart, bar_chart, line_chart, lines_of, marked
from dashboards.colours import colour_classes
from dashboards.errorlist import listed
from dashboards.errors import NotFound
from dashboards.functionlist import changes_of, period_before, sample_of
from dashboards.functionusage import BUCKETS as USAGE_BUCKETS
from dashboards.functionusage import LISTED, instance_rows, usage_charts, usage_totals
from dashboards.i18n import _
from dashboards.importtable import imports_of
from dashboards.loglines import log_line
from dashboards.money import money
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render
from dashboards.scope import Scope, read_scope
from dashboards.ui import Ui, ui_of

router = APIRouter()

BUCKETS = 60
# Fewer calls a version: wider buckets, or rates jump between all and nothing.
VERSION_BUCKETS = 30
CALLS_SHOWN = 25
ERRORS_SHOWN = 5
COLD_SHOWN = 12
# Medians and "slowest" are of this many cold starts, the latest.
COLD_READ = 200
# The imports shown are of the first of so many cold starts whose sender told them.
IMPORTS_TRIED = 3
# More lines than colours cannot be told apart.
VERSIONS_DRAWN = 6
ENDPOINTS_SHOWN = 20
LOGS_SHOWN = 8


@router.get("/functions/{service:path}")
def function(request: Request, service: str) -> HTMLResponse:
    """The page. 404 for a function the store has never seen; an empty state if only the range is quiet."""
    ui, window = ui_of(request), range_of(request).window
    scope = read_scope(request.query_params, window, service)
    found = ui.reader.functions(FunctionsQuery(window, service, **scope.narrow))
    if not found and not _is_known(ui.reader, service):
        raise NotFound(
            _("No function called %(name)s", name=repr(service)),
            _("It may not have sent anything yet, or be named otherwise."),
        )
    context: dict[str, Any] = {
        "service": service,
        "scope": scope,
        "stats": None if found else ui.reader.stats(),
        "f": None,
        "colours": classes_for(request, [service]),
    }
    if found:
        context |= {"f": found[0], "changes": _changes(request, scope, found[0])}
        context |= _over_time(ui.reader, scope) | _cold(request, scope) | _usage(ui, scope, found[0])
        context |= _calls(request, scope) | _parts(ui.reader, scope) | _errors(request, scope)
        context |= _neighbours(request, scope, context["usage"].busy_ns) | _logs(ui, scope)
    return render(request, "function.html", **context)


def _changes(
    request: Request, scope: Scope, stats: FunctionStats
) -> tuple[Change | None, Change | None, Change | None]:
    """Of calls, error rate and p95 against the period before; None each where that is not known."""
    reader = ui_of(request).reader
    past = period_before(reader, range_of(request))
    found = reader.functions(FunctionsQuery(past, scope.service, 1, **scope.narrow)) if past else ()
    return changes_of(stats, found[0] if found else None)


def _is_known(reader: SpanReader, service: str) -> bool:
    """Whether any span of it is stored, in whatever range."""
    stats = reader.stats()
    return bool(stats.spans) and service in reader.services(Window(stats.first_ns, stats.last_ns + 1))


# ---------------------------------------------------------------- over time


def _over_time(reader: SpanReader, scope: Scope) -> dict[str, Any]:
    window, service = scope.window, scope.service
    points = reader.series(SeriesQuery(window, service, buckets=BUCKETS, **scope.narrow))
    by_version = reader.series(SeriesQuery(window, service, "version", VERSION_BUCKETS, **scope.narrow))
    wholes = reader.series(SeriesQuery(window, service, "version", 1, **scope.narrow))
    versions = compare(wholes, by_version)
    deployments = first_sights(versions)
    calls, latency, cold = red_charts(points, window)
    charts = [calls, latency, _heat(reader, scope), cold]
    return {
        "charts": [marked(chart, window, deployments) for chart in charts],
        "deployments": deployments,
        "versions": versions,
        "version_charts": [
            marked(chart, window, deployments) for chart in version_charts(by_version, versions, window)
        ],
        "version_colours": colour_classes(version.name for version in versions[-VERSIONS_DRAWN:]),
    }


def first_sights(versions: Sequence[Version]) -> list[tuple[int, str]]:
    """When each version was first called, but for those that ran from the beginning."""
    return [(v.first_ns, v.name or _("no version")) for v in versions if v.first_ns > versions[0].first_ns]


def _heat(reader: SpanReader, scope: Scope) -> TimeChart:
    """Durations over time; a stretch of it leads to its calls, by a query with two gaps for durations."""
    cells = reader.used.heatmap(HeatmapQuery(scope.window, BOUNDS, scope.service, BUCKETS, **scope.narrow))
    chart = heatmap(_("Latency heatmap"), scope.window, cells, BUCKETS)
    query = f"{scope.traceql} && duration > $LOW && duration <= $HIGH }}"
    return replace(chart, data={**chart.data, "query": query})


def red_charts(points: Sequence[SeriesPoint], window: Window) -> list[TimeChart]:
    """Rate and errors, duration, cold starts."""
    calls = lines_of(
        points,
        window,
        BUCKETS,
        [
            (_("Failed"), "c-err", lambda p: p.errors),
            (_("Ok"), "c-calls", lambda p: p.calls - p.errors),
        ],
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
    starts = _("Cold starts")
    cold = lines_of(points, window, BUCKETS, [(starts, "c-cold", lambda p: p.cold_starts)], missing=0)
    return [
        bar_chart(_("Calls"), window, calls),
        line_chart(_("Duration"), window, latency, "duration"),
        bar_chart(starts, window, cold),
    ]


def version_charts(
    points: Sequence[SeriesPoint], versions: Sequence[Version], window: Window
) -> list[TimeChart]:
    """Calls, error rate and p95 with a colour a version; nothing to compare where there is one."""
    if len(versions) < 2:
        return []
    colours = colour_classes(version.name for version in versions[-VERSIONS_DRAWN:])
    calls: list[Line] = []
    rates: list[Line] = []
    tails: list[Line] = []
    for name, css in colours.items():
        own = [point for point in points if point.group == name]
        shown = name or _("no version")
        calls += lines_of(own, window, VERSION_BUCKETS, [(shown, css, lambda p: p.calls)], missing=0)
        rates += lines_of(own, window, VERSION_BUCKETS, [(shown, css, lambda p: p.errors / p.calls)])
        tails += lines_of(own, window, VERSION_BUCKETS, [(shown, css, lambda p: p.p95_ns)])
    return [
        bar_chart(_("Calls by version"), window, calls),
        line_chart(_("Error rate by version"), window, rates, "percent"),
        line_chart(_("p95 by version"), window, tails, "duration"),
    ]


# ---------------------------------------------------------------- instances


def _usage(ui: Ui, scope: Scope, stats: FunctionStats) -> dict[str, Any]:
    """What its instances used, and whether their memory grows; of the whole function also what it costs."""
    window, used = scope.window, ui.reader.used
    one_in = sample_of(stats.calls)
    points = used.usage(
        UsageQuery(window, scope.service, "instance", USAGE_BUCKETS, one_in=one_in, **scope.narrow)
    )
    rows = instance_rows(points, window, one_in)
    totals = usage_totals(points, one_in)
    found = leaks(used.memory(MemoryQuery(window, scope.service, one_in=one_in)), one_in)
    price = ui.settings.prices.get(stats.platform)
    cost = cost_of(price, totals.gb_seconds, stats.calls) if price and totals.gb_seconds else None
    return {
        "usage": totals,
        "instances": rows[:LISTED],
        "instances_seen": len(rows),
        "usage_charts": usage_charts(points, rows, window, one_in),
        "leak": next((leak for leak in found if scope.instance in ("", leak.instance)), None),
        "cost": None if cost is None else money(cost, ui.settings.currency),
        "one_in": one_in,
    }


def _parts(reader: SpanReader, scope: Scope) -> dict[str, Any]:
    """Its endpoints and triggers, those with most calls first."""
    operations = reader.slow(SlowQuery(scope.window, "operations", scope.service, "count", ENDPOINTS_SHOWN))
    triggers = reader.series(SeriesQuery(scope.window, scope.service, "trigger", 1))
    return {
        "operations": operations,
        "triggers": sorted(triggers, key=lambda point: -point.calls),
    }


# ---------------------------------------------------------------- cold starts


def _cold(request: Request, scope: Scope) -> dict[str, Any]:
    order = choice(request.query_params, "cold", ("newest", "slowest"), "newest")
    reader = ui_of(request).reader
    latest = reader.cold_starts(ColdStartsQuery(scope.window, scope.service, COLD_READ, **scope.narrow))
    slowest = sorted(latest, key=lambda cold: -(cold.total_ns + cold.call_duration_ns))
    colds = slowest if order == "slowest" else latest
    chart: PhaseChart = phase_chart(colds, COLD_SHOWN)
    imported = _imports(reader, colds, text(request.query_params, "imports"))
    return {
        "cold_order": order,
        "colds": colds,
        "cold_chart": chart,
        "cold_over_time": phases_over_time(latest, scope.window, VERSION_BUCKETS) if latest else None,
        "phases": PHASES,
        "cold_read": COLD_READ,
        "imported": imported[0] if imported else None,
        "icicle": imported[1] if imported else None,
    }


def _imports(
    reader: SpanReader, colds: Sequence[ColdStart], trace_id: str
) -> tuple[ColdStart, Icicle] | None:
    """What a cold start imported: the one of this trace, or the first that tells."""
    for cold in [c for c in colds if trace_id in ("", c.trace_id)][:IMPORTS_TRIED]:
        spans = [s for s in reader.trace(cold.trace_id) if s.phase and s.instance == cold.instance]
        drawn = icicle([module for span in spans for module in imports_of(span)])
        if drawn:
            return cold, drawn
    return None


# ---------------------------------------------------------------- calls


def calls_query(params: Mapping[str, str], scope: Scope) -> CallsQuery:
    """The calls that the URL asks for."""
    sort = cast(CallSort, choice(params, "calls", ("newest", "slowest"), "newest"))
    status: Literal["", "error"] = "error" if choice(params, "failed", ("", "1"), "") == "1" else ""
    version = text(params, "version")
    return CallsQuery(
        scope.window, scope.service, version, status, sort=sort, limit=CALLS_SHOWN, **scope.narrow
    )


def _calls(request: Request, scope: Scope) -> dict[str, Any]:
    params = request.query_params
    query = calls_query(params, scope)
    calls = ui_of(request).reader.calls(query)
    return {
        "calls": calls,
        "calls_sort": query.sort,
        "failed": query.status == "error",
        "version": query.version,
        "longest_ns": max((call.duration_ns for call in calls), default=0),
        "outcomes": {call.span_id: outcome(call) for call in calls},
    }


def outcome(call: Call) -> str:
    """How a call ended, in a few words: what failed, or the HTTP status where there is one."""
    if call.failed:
        return call.error_type or call.status_message or _("failed")
    return str(call.http_status) if call.http_status else _("ok")


# ---------------------------------------------------------------- errors and log lines


def _errors(request: Request, scope: Scope) -> dict[str, Any]:
    """The most frequent ones nobody ignores."""
    found = listed(ui_of(request), scope.window, scope.service)
    return {"errors": [row for row in found if row.state == "open"][:ERRORS_SHOWN]}


def _logs(ui: Ui, scope: Scope) -> dict[str, Any]:
    """Its latest records."""
    if ui.logs is None:
        return {"log_lines": []}
    page = ui.logs.search(LogsQuery(scope.window, scope.service, limit=LOGS_SHOWN))
    return {"log_lines": [log_line(record) for record in page.records]}


# ---------------------------------------------------------------- neighbours


def _neighbours(request: Request, scope: Scope, busy_ns: int) -> dict[str, Any]:
    """Edges into and out of the function, with their share: of callers, of the time that was waited for it;
    of what it calls, of its own time. One that calls itself stands in both."""
    edges = ui_of(request).reader.edges(EdgesQuery(scope.window, scope.service))
    own = f"function:{scope.service}"
    callers = [edge for edge in edges if edge.target.id == own]
    callees = sorted((edge for edge in edges if edge.source.id == own), key=lambda edge: -edge.total_ns)
    functions = [
        node.name for edge in edges for node in (edge.source, edge.target) if node.kind == "function"
    ]
    waited = sum(edge.total_ns for edge in callers)
    return {
        "callers": _shares(callers, waited),
        "callees": _shares(callees, 0 if scope.is_narrow else busy_ns),
        "colours": classes_for(request, [scope.service, *functions]),
    }


def _shares(edges: Sequence[Edge], whole_ns: int) -> list[tuple[Edge, float | None]]:
    """Each with its part of the whole; None where the whole is not known."""
    return [(edge, edge.total_ns / whole_ns if whole_ns else None) for edge in edges]
