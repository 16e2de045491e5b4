"""Traces: filtered, sorted, paged, as dots over time, and as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from collector.analysis.traceql import is_traceql, parse
from collector.analysis.traceql_series import parse_series
from collector.storage.base import InvalidQuery, SpanReader, TracePage, TracesQuery, Window
from dashboards.bounds import duration_bounds
from dashboards.completion import complete, vocabulary_of
from dashboards.i18n import N_, _
from dashboards.palette import classes_for
from dashboards.params import MAX_TEXT, choice, text
from dashboards.render import range_of, render, url
from dashboards.scatter import scatter
from dashboards.tracetable import as_csv, as_json
from dashboards.ui import ui_of

router = APIRouter()

SORTS = (
    ("newest", N_("Newest")),
    ("slowest", N_("Slowest")),
    ("spans", N_("Most spans")),
    ("errors", N_("Most errors")),
)
PAGE_SIZE = 50
# Traces in a downloaded table.
EXPORTED = 10_000
# Cursors of the pages behind, kept in the URL so that Back works without script and survives a reload.
TRAIL_SEPARATOR = "~"
LONGEST_TRAIL = 200

NO_PAGE = TracePage((), "")

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")
_COLD = {"": None, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force: what it says and which parameters to drop to be rid of it."""

    label: str
    value: str
    drops: tuple[str, ...]


@router.get("/traces")
def traces(request: Request) -> Response:
    """The list. `?q=<trace id>` goes straight to the trace."""
    params, reader = request.query_params, ui_of(request).reader
    if direct := _named_trace(reader, text(params, "q")):
        return RedirectResponse(url(request, f"/traces/{direct}", q=None), 307)
    window = range_of(request).window
    trail = _trail(params)
    query, problem = _asked(params, window)
    if problem and _is_series(text(params, "q")):
        return RedirectResponse(url(request, "/metrics-explorer/spans", q=text(params, "q")), 307)
    page = reader.traces(replace(query, cursor=trail[-1] if trail else "")) if not problem else NO_PAGE
    services = reader.services(window)
    return render(
        request,
        "traces.html",
        status_code=400 if problem else 200,
        page=page,
        query=query,
        typed=text(params, "q"),
        problem=problem,
        duration_text=text(params, "duration"),
        chips=chips(params, query),
        services=services,
        colours=classes_for(request, _shown_services(page)),
        sorts=SORTS,
        chart=scatter(page.traces),
        longest_ns=max((trace.duration_ns for trace in page.traces), default=0),
        next_cursor=TRAIL_SEPARATOR.join([*trail, page.next_cursor]) if page.next_cursor else "",
        back_cursor=TRAIL_SEPARATOR.join(trail[:-1]) if trail else None,
        page_number=len(trail) + 1,
        stats=None if page.traces else reader.stats(),
    )


@router.get("/api/traces.csv")
def table_csv(request: Request) -> Response:
    """The traces that the page would list, up to EXPORTED of them, as a table."""
    content = as_csv(_exported(request))
    headers = {"Content-Disposition": 'attachment; filename="traces.csv"'}
    return Response(content, 200, headers, "text/csv; charset=utf-8")


@router.get("/api/traces.json")
def table_json(request: Request) -> Response:
    """The same as JSON."""
    return JSONResponse({"traces": as_json(_exported(request))})


@router.get("/traces/complete.json")
def completions(request: Request) -> Response:
    """Queries that go on from `q` with one word more."""
    typed = request.query_params.get("q", "")[:MAX_TEXT]
    window = range_of(request).window
    return JSONResponse(complete(typed, window, vocabulary_of(request)) if is_traceql(typed) else [])


def _exported(request: Request) -> TracePage:
    params, window = request.query_params, range_of(request).window
    return ui_of(request).reader.traces(replace(read_query(params, window), limit=EXPORTED))


def _asked(params: Mapping[str, str], window: Window) -> tuple[TracesQuery, str]:
    """The query, and what is wrong with its TraceQL: then the page keeps what was typed, to be mended."""
    typed = text(params, "q")
    try:
        return read_query(params, window), ""
    except InvalidQuery as error:
        if not is_traceql(typed):
            raise
        rest = {key: value for key, value in params.items() if key != "q"}
        return read_query(rest, window), f"{str(error)[:1].upper()}{str(error)[1:]}."


def _is_series(typed: str) -> bool:
    """Whether a query ends in a figure over time, which another page draws."""
    try:
        parse_series(typed)
    except InvalidQuery:
        return False
    return True


def read_query(params: Mapping[str, str], window: Window) -> TracesQuery:
    """The query a URL asks for, first page. InvalidQuery says which parameter cannot be read."""
    shortest, longest = duration_bounds(text(params, "duration"))
    typed = text(params, "q")
    query = is_traceql(typed)
    return TracesQuery(
        window,
        service=text(params, "service"),
        version=text(params, "version"),
        status=choice(params, "status", ("", "error", "ok"), ""),  # type: ignore[arg-type]
        coldstart=_COLD[choice(params, "cold", tuple(_COLD), "")],
        min_duration_ns=shortest,
        max_duration_ns=longest,
        text="" if query else typed,
        spanset=parse(typed) if query else None,
        source=text(params, "source"),
        target=text(params, "target"),
        sort=choice(params, "sort", [key for key, _ in SORTS], "newest"),  # type: ignore[arg-type]
        limit=PAGE_SIZE,
    )


def chips(params: Mapping[str, str], query: TracesQuery) -> list[Chip]:
    """The filters in force, in the order of the form."""
    cold = {True: _("yes"), False: _("no"), None: ""}[query.coldstart]
    calls = f"{_node_name(query.source)} → {_node_name(query.target)}" if query.source or query.target else ""
    found = [
        Chip(_("text"), query.text, ("q",)),
        Chip(_("query"), text(params, "q") if query.spanset else "", ("q",)),
        Chip(_("function"), query.service, ("service",)),
        Chip(_("status"), {"error": _("failed"), "ok": _("ok"), "": ""}[query.status], ("status",)),
        Chip(_("duration"), text(params, "duration"), ("duration",)),
        Chip(_("cold start"), cold, ("cold",)),
        Chip(_("version"), query.version, ("version",)),
        Chip(_("calls"), calls, ("source", "target")),
    ]
    return [chip for chip in found if chip.value]


def _node_name(node_id: str) -> str:
    """Of a topology node's id `kind:name`, the name."""
    return node_id.partition(":")[2] or node_id or _("anything")


def _named_trace(reader: SpanReader, typed: str) -> str:
    """The trace whose id was typed, in either case; "" if it is none or unknown."""
    trace_id = typed.lower()
    return trace_id if _TRACE_ID.fullmatch(typed) and reader.trace(trace_id) else ""


def _trail(params: Mapping[str, str]) -> list[str]:
    cursor = params.get("cursor", "")
    trail = cursor.split(TRAIL_SEPARATOR) if cursor else []
    if len(trail) > LONGEST_TRAIL:
        raise InvalidQuery(_("that page lies too deep: narrow the filters instead"))
    return trail


def _shown_services(page: TracePage) -> dict[str, None]:
    return {service: None for trace in page.traces for service, _ in trace.services}
