"""Functions: every function with its rate, errors, latency and cold starts. The first page people see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from collector.storage.base import FunctionsQuery, FunctionStats, SeriesQuery, SpanReader, Window
from dashboards import format
from dashboards.change import Change, points, relative
from dashboards.charts.spark import spark
from dashboards.functionlist import (
    SORTS,
    FunctionRow,
    Wanted,
    arrange,
    choices,
    function_rows,
    period_before,
    sample_of,
)
from dashboards.money import money
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render
from dashboards.ui import Ui, ui_of

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Totals:
    """All functions of a window together. `p95_ns` is of all calls, None where there are none."""

    calls: int
    errors: int
    p95_ns: float | None
    cold_starts: int
    cold_known: int
    functions: int
    quantile_error: float  # a share of p95_ns, which it may be off by

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.calls if self.calls else None

    @property
    def cold_share(self) -> float | None:
        return self.cold_starts / self.cold_known if self.cold_known else None


@dataclass(frozen=True, slots=True)
class Changes:
    """How the totals moved against the period before; None where it is unknown."""

    calls: Change | None
    error_rate: Change | None
    p95: Change | None
    cold_share: Change | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the table holds, and what it was chosen from. `earlier` is the period before, if it is known."""

    shown: list[FunctionRow]
    everything: list[FunctionRow]
    stats: Sequence[FunctionStats]
    earlier: Window | None
    past: Sequence[FunctionStats]
    wanted: Wanted
    sort: str
    descending: bool


def listed(request: Request) -> Listing:
    """The functions that the URL asks for, in its order."""
    params, ui, time_range = request.query_params, ui_of(request), range_of(request)
    sort = choice(params, "sort", tuple(SORTS), "calls")
    descending = choice(params, "order", ("asc", "desc"), "asc" if sort == "name" else "desc") == "desc"
    wanted = Wanted(
        text(params, "q"),
        text(params, "platform"),
        text(params, "region"),
        text(params, "team"),
        text(params, "tag"),
    )
    stats = ui.reader.functions(FunctionsQuery(time_range.window))
    earlier = period_before(ui.reader, time_range) if stats else None
    past = ui.reader.functions(FunctionsQuery(earlier, buckets=1)) if earlier else ()
    everything = function_rows(ui, time_range.window, stats, past)
    shown = arrange(everything, wanted, sort, descending)
    return Listing(shown, everything, stats, earlier, past, wanted, sort, descending)


@router.get("/functions")
def functions(request: Request) -> HTMLResponse:
    """The table, sorted and filtered by the URL, with totals above it."""
    ui, time_range, found = ui_of(request), range_of(request), listed(request)
    shown, everything, stats = found.shown, found.everything, found.stats
    now = totals(ui.reader, time_range.window, stats)
    return render(
        request,
        "functions.html",
        functions=shown,
        everything=everything,
        totals=now,
        changes=changes(now, totals(ui.reader, found.earlier, found.past) if found.earlier else None),
        cost=cost_text(ui, everything),
        one_in=sample_of(now.calls),
        sparks={
            row.stats.service: spark(row.stats.calls_by_bucket, row.stats.errors_by_bucket) for row in shown
        },
        colours=classes_for(request, (f.service for f in stats)),
        sort=found.sort,
        descending=found.descending,
        wanted=found.wanted,
        choices=choices(everything),
        money=lambda amount: money(amount, ui.settings.currency),
        stats=None if shown else ui.reader.stats(),
    )


def cost_text(ui: Ui, rows: Sequence[FunctionRow]) -> str:
    """Of those functions that told enough; "" where none did."""
    known = [row.cost for row in rows if row.cost is not None]
    return money(sum(known), ui.settings.currency) if known else ""


def totals(reader: SpanReader, window: Window, stats: Sequence[FunctionStats]) -> Totals:
    """Sums over functions; the quantile comes from the reader, for quantiles do not add up."""
    whole = reader.series(SeriesQuery(window, buckets=1)) if stats else ()
    return Totals(
        calls=sum(f.calls for f in stats),
        errors=sum(f.errors for f in stats),
        p95_ns=whole[0].p95_ns if whole else None,
        cold_starts=sum(f.cold_starts for f in stats),
        cold_known=sum(f.cold_known for f in stats),
        functions=len(stats),
        quantile_error=whole[0].quantile_error if whole else 0.0,
    )


def changes(now: Totals, earlier: Totals | None) -> Changes:
    if earlier is None or not earlier.calls:
        return Changes(None, None, None, None)
    return Changes(
        relative(now.calls, earlier.calls, format.count(earlier.calls)),
        points(now.error_rate, earlier.error_rate),
        relative(now.p95_ns or 0, earlier.p95_ns or 0, format.duration(earlier.p95_ns)),
        points(now.cold_share, earlier.cold_share),
    )
