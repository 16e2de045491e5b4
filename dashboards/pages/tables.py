"""The tables of pages as CSV: one address a table, with the parameters of the page it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.storage.base import ColdStartsQuery, EdgesQuery, SlowQuery, SlowSort, SlowWhat
from dashboards import servicegraph
from dashboards.alert_store import store_of
from dashboards.csvfile import csv_response
from dashboards.errorlist import listed, shown
from dashboards.errors import NotFound
from dashboards.format import iso
from dashboards.loglines import body_text
from dashboards.pages import errors, function, functions, logs, slow, topology
from dashboards.params import choice, text
from dashboards.render import range_of
from dashboards.scope import read_scope
from dashboards.ui import ui_of

router = APIRouter()

MOST = 10_000

Columns = Sequence[str]
Rows = Iterable[Sequence[Any]]


@router.get("/api/tables/{name}.csv")
def table(request: Request, name: str) -> Response:
    """The table of that name. 404 for one that no page has."""
    found = TABLES.get(name)
    if found is None:
        raise NotFound("There is no such table", f"There are {', '.join(TABLES)}.")
    columns, rows = found(request)
    return csv_response(name, columns, rows)


def _functions(request: Request) -> tuple[Columns, Rows]:
    columns = (
        "service", "calls", "errors", "p50_ms", "p95_ms", "p99_ms", "cold_starts", "cold_known", "instances",
        "memory_bytes", "limit_bytes", "cpu", "timeouts", "refused", "cost", "team", "tags", "platform",
        "region", "triggers", "versions", "last_seen",
    )  # fmt: skip
    return columns, (
        (
            *(row.stats.service, row.stats.calls, row.stats.errors),
            *map(_ms, (row.stats.p50_ns, row.stats.p95_ns, row.stats.p99_ns)),
            *(row.stats.cold_starts, row.stats.cold_known, row.stats.instances),
            *(row.memory_bytes, row.limit_bytes, row.cpu, row.timeouts, row.refused, row.cost),
            *(row.team, _joined(row.tags), row.stats.platform, row.stats.region),
            *(_joined(row.stats.triggers), _joined(row.stats.versions), iso(row.stats.last_seen_ns)),
        )
        for row in functions.listed(request).shown
    )


def _calls(request: Request) -> tuple[Columns, Rows]:
    params, window = request.query_params, range_of(request).window
    scope = read_scope(params, window, text(params, "service"))
    query = replace(function.calls_query(params, scope), limit=MOST)
    columns = (
        "start", "trace_id", "span_id", "service", "operation", "trigger", "duration_ms", "failed",
        "error_type", "status_message", "http_status", "coldstart", "version", "instance", "invocation_id",
    )  # fmt: skip
    return columns, (
        (
            *(
                iso(c.start_ns),
                c.trace_id,
                c.span_id,
                c.service,
                c.name,
                c.trigger,
                _ms(c.duration_ns),
                c.failed,
            ),
            *(
                c.error_type,
                c.status_message,
                c.http_status,
                c.coldstart,
                c.version,
                c.instance,
                c.invocation_id,
            ),
        )
        for c in ui_of(request).reader.calls(query)
    )


def _cold_starts(request: Request) -> tuple[Columns, Rows]:
    params, window = request.query_params, range_of(request).window
    scope = read_scope(params, window, text(params, "service"))
    found = ui_of(request).reader.cold_starts(ColdStartsQuery(window, scope.service, MOST, **scope.narrow))
    columns = (
        "start",
        "trace_id",
        "span_id",
        "service",
        "version",
        "instance",
        "duration_ms",
        "failed",
        "phases_ms",
    )
    return columns, (
        (
            *(iso(c.call_start_ns), c.trace_id, c.span_id, c.service, c.version, c.instance),
            *(_ms(c.call_duration_ns), c.failed, {phase[0]: _ms(phase[-1]) for phase in c.phases}),
        )
        for c in found
    )


def _slow(request: Request) -> tuple[Columns, Rows]:
    params, window = request.query_params, range_of(request).window
    what = cast(SlowWhat, choice(params, "what", [key for key, _ in slow.WHATS], "functions"))
    sort = cast(SlowSort, choice(params, "sort", slow.SORTS, "total"))
    found = ui_of(request).reader.slow(SlowQuery(window, what, text(params, "service"), sort, MOST))
    columns = (
        "service", "name", "system", "count", "errors", "total_ms", "p50_ms", "p95_ms", "max_ms", "callers",
        "max_per_trace", "example_trace_id", "example_span_id",
    )  # fmt: skip
    return columns, (
        (
            *(
                g.service,
                g.name,
                g.system,
                g.count,
                g.errors,
                *map(_ms, (g.total_ns, g.p50_ns, g.p95_ns, g.max_ns)),
            ),
            *(_joined(g.callers), g.max_per_trace, g.example_trace_id, g.example_span_id),
        )
        for g in found
    )


def _errors(request: Request) -> tuple[Columns, Rows]:
    params, window = request.query_params, range_of(request).window
    state = choice(params, "show", errors.SHOWS, "open")
    sort = choice(params, "sort", errors.SORTS, "count")
    rows = shown(listed(ui_of(request), window, text(params, "service")), state, sort)
    columns = (
        "fingerprint", "service", "type", "message", "count", "first", "last", "versions", "state", "new",
        "back", "example_trace_id",
    )  # fmt: skip
    return columns, (
        (
            *(row.error.fingerprint, row.error.service, row.error.type, row.error.pattern, row.error.count),
            *(iso(row.error.first_ns), iso(row.error.last_ns), _joined(row.error.versions)),
            *(row.state, row.is_new, row.back, row.error.example.example_trace_id),
        )
        for row in rows[:MOST]
    )


def _logs(request: Request) -> tuple[Columns, Rows]:
    query = logs.read_query(request.query_params, range_of(request).window)
    page = logs.reader_of(request).search(replace(query, limit=MOST))
    columns = (
        "time", "severity", "severity_text", "service", "scope", "message", "trace_id", "span_id",
        "attributes", "resource",
    )  # fmt: skip
    return columns, (
        (
            *(iso(r.time_ns), r.severity, r.severity_text, r.service, r.scope, body_text(r)),
            *(r.trace_id, r.span_id, r.attributes, r.resource),
        )
        for r in page.records
    )


def _edges(request: Request) -> tuple[Columns, Rows]:
    params, window = request.query_params, range_of(request).window
    every = ui_of(request).reader.edges(EdgesQuery(window))
    depth = int(choice(params, "depth", topology.DEPTHS, "1"))
    columns = (
        "source_kind", "source", "target_kind", "target", "calls", "errors", "p50_ms", "p95_ms", "p99_ms",
        "server_p95_ms", "queue_delay_p50_ms", "queue_delay_p95_ms", "total_ms", "refused",
    )  # fmt: skip
    return columns, (
        (
            *(e.source.kind, e.source.name, e.target.kind, e.target.name, e.calls, e.errors),
            *map(_ms, (e.p50_ns, e.p95_ns, e.p99_ns, e.server_p95_ns)),
            *map(_ms, (e.queue_delay_p50_ns, e.queue_delay_p95_ns, e.total_ns)),
            e.refused,
        )
        for e in servicegraph.around(every, topology.focused(params), depth)
    )


def _alerts(request: Request) -> tuple[Columns, Rows]:
    columns = ("rule_id", "rule", "service", "state", "value", "threshold", "since", "fired", "resolved")
    return columns, (
        (
            *(a.rule_id, a.rule_name, a.service, a.state, a.value, a.threshold),
            *map(_moment, (a.active_since_ns, a.fired_ns, a.resolved_ns)),
        )
        for a in store_of(request).alerts()
    )


def _rules(request: Request) -> tuple[Columns, Rows]:
    columns = (
        "id",
        "name",
        "signal",
        "service",
        "op",
        "threshold",
        "window_s",
        "for_s",
        "min_calls",
        "enabled",
    )
    return columns, ([getattr(rule, column) for column in columns] for rule in store_of(request).rules())


def _alert_history(request: Request) -> tuple[Columns, Rows]:
    told = choice(request.query_params, "changes", ("", "all"), "") != "all"
    columns = ("at", "rule_id", "rule", "service", "state", "value", "delivery")
    return columns, (
        (iso(t.at_ns), t.rule_id, t.rule_name, t.service, t.state, t.value, t.delivery)
        for t in store_of(request).history(MOST, only_told=told)
    )


TABLES: Mapping[str, Callable[[Request], tuple[Columns, Rows]]] = {
    "functions": _functions,
    "calls": _calls,
    "cold-starts": _cold_starts,
    "slow": _slow,
    "errors": _errors,
    "logs": _logs,
    "edges": _edges,
    "alerts": _alerts,
    "rules": _rules,
    "alert-history": _alert_history,
}


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e6


def _moment(ns: int) -> str | None:
    return iso(ns) if ns else None


def _joined(words: Iterable[str]) -> str:
    return " ".join(words)
