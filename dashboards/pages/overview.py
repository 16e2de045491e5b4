"""Overview: how everything does, and what stands out against the period before, each with a way to it."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from collector.analysis.exceptions import errors_of
from collector.analysis.findings import Period, findings
from collector.analysis.leaks import Leak, leaks
from collector.analysis.versions import Version, compare
from collector.storage.base import (
    ColdStartsQuery,
    EdgesQuery,
    ErrorsQuery,
    FunctionsQuery,
    FunctionStats,
    SeriesQuery,
    SlowQuery,
    SpanReader,
    Window,
)
from collector.storage.usage import MemoryQuery
from dashboards.errorlist import earlier
from dashboards.findingtext import Known, lines
from dashboards.functionlist import function_rows, period_before, sample_of
from dashboards.pages.function import BUCKETS, red_charts
from dashboards.pages.functions import changes, cost_text, totals
from dashboards.palette import classes_for
from dashboards.params import whole
from dashboards.render import range_of, render
from dashboards.ui import ui_of

router = APIRouter()

SHOWN, MOST = 8, 100
# Statements and cold starts that are compared; more would not change what stands out.
STATEMENTS_READ = 100
COLD_READ = 2_000
# Functions with several versions whose versions are compared, the busiest first: two queries each.
COMPARED = 20
BUSIEST = 8


@router.get("/overview")
def overview(request: Request) -> HTMLResponse:
    """Totals, findings, charts, and the functions that are called most."""
    reader, time_range = ui_of(request).reader, range_of(request)
    window = time_range.window
    limit = whole(request.query_params, "findings", SHOWN, 1, MOST)
    functions = reader.functions(FunctionsQuery(window))
    errors = errors_of(reader.errors(ErrorsQuery(window))) if functions else []
    past = period_before(reader, time_range) if functions else None
    past_functions = reader.functions(FunctionsQuery(past, buckets=1)) if past else ()
    growing = _growing(reader, window, functions)
    found = findings(
        _period(reader, window, functions, past is not None),
        _period(reader, past, past_functions, True) if past else None,
        errors,
        earlier(reader, window) if functions else None,
        _versions(reader, window, functions),
        growing.values(),
    )
    now = totals(reader, window, functions)
    rows = function_rows(ui_of(request), window, functions, past_functions)
    return render(
        request,
        "overview.html",
        busiest=rows[:BUSIEST],
        timeouts=sum(row.timeouts for row in rows),
        refused=sum(row.refused for row in rows),
        cost=cost_text(ui_of(request), rows),
        functions=functions,
        one_in=sample_of(now.calls),
        totals=now,
        changes=changes(now, totals(reader, past, past_functions) if past else None),
        findings=lines(request, found[:limit], Known({e.fingerprint: e for e in errors}, growing)),
        more=len(found) - limit,
        compared=past is not None,
        charts=red_charts(reader.series(SeriesQuery(window, buckets=BUCKETS)), window) if functions else [],
        colours=classes_for(request, (f.service for f in functions)),
        stats=None if functions else reader.stats(),
    )


def _period(
    reader: SpanReader, window: Window, functions: Sequence[FunctionStats], is_compared: bool
) -> Period:
    """Queues and cold starts stand out only against other ones: else they are not even read."""
    return Period(
        functions,
        reader.edges(EdgesQuery(window)) if is_compared else (),
        reader.slow(SlowQuery(window, "statements", limit=STATEMENTS_READ)),
        reader.cold_starts(ColdStartsQuery(window, limit=COLD_READ)) if is_compared else (),
    )


def _growing(reader: SpanReader, window: Window, functions: Sequence[FunctionStats]) -> dict[str, Leak]:
    """Functions whose memory grows with every call."""
    one_in = sample_of(sum(f.calls for f in functions))
    memories = reader.used.memory(MemoryQuery(window, one_in=one_in)) if functions else ()
    return {leak.service: leak for leak in leaks(memories, one_in)}


def _versions(
    reader: SpanReader, window: Window, functions: Sequence[FunctionStats]
) -> dict[str, list[Version]]:
    several = [f.service for f in functions if len(f.versions) > 1][:COMPARED]
    return {
        service: compare(
            reader.series(SeriesQuery(window, service, "version", 1)),
            reader.series(SeriesQuery(window, service, "version", BUCKETS)),
        )
        for service in several
    }
