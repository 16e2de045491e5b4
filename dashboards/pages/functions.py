"""Functions: every function with its rate, errors, latency and cold starts. The first page people see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from collector.storage.base import FunctionsQuery, FunctionStats, SeriesQuery, SpanReader, Window
from dashboards import format
from dashboards.change import Change, points, relative
from dashboards.charts.spark import spark
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render
from dashboards.timerange import TimeRange
from dashboards.ui import ui_of

router = APIRouter()

SORTS: dict[str, Callable[[FunctionStats], float | str]] = {
    "name": lambda f: f.service.casefold(),
    "calls": lambda f: f.calls,
    "errors": lambda f: f.error_rate,
    "p50": lambda f: f.p50_ns,
    "p95": lambda f: f.p95_ns,
    "p99": lambda f: f.p99_ns,
    "cold": lambda f: -1.0 if f.cold_share is None else f.cold_share,
    "seen": lambda f: f.last_seen_ns,
}


@dataclass(frozen=True, slots=True)
class Totals:
    """All functions of a window together. `p95_ns` is of all calls, None where there are none."""

    calls: int
    errors: int
    p95_ns: float | None
    cold_starts: int
    cold_known: int
    functions: int

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


@router.get("/functions")
def functions(request: Request) -> HTMLResponse:
    """The table, sorted and filtered by the URL, with totals above it."""
    params, reader, time_range = request.query_params, ui_of(request).reader, range_of(request)
    sort = choice(params, "sort", tuple(SORTS), "calls")
    descending = choice(params, "order", ("asc", "desc"), "asc" if sort == "name" else "desc") == "desc"
    wanted = text(params, "q")
    everything = reader.functions(FunctionsQuery(time_range.window))
    shown = arrange(everything, wanted, sort, descending)
    now = totals(reader, time_range.window, everything)
    return render(
        request,
        "functions.html",
        functions=shown,
        everything=everything,
        totals=now,
        changes=changes(now, before(reader, time_range) if everything else None),
        sparks={f.service: spark(f.calls_by_bucket, f.errors_by_bucket) for f in shown},
        colours=classes_for(request, (f.service for f in everything)),
        sort=sort,
        descending=descending,
        wanted=wanted,
        stats=None if shown else reader.stats(),
    )


def arrange(stats: Sequence[FunctionStats], wanted: str, sort: str, descending: bool) -> list[FunctionStats]:
    """Those whose name, platform or trigger holds every word, in order; equal ones by name."""
    words = wanted.casefold().split()
    kept = [f for f in stats if all(word in _haystack(f) for word in words)]
    by_name = sorted(kept, key=SORTS["name"])
    return sorted(by_name, key=SORTS[sort], reverse=descending)


def _haystack(stats: FunctionStats) -> str:
    return " ".join((stats.service, stats.platform, stats.region, *stats.triggers)).casefold()


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
    )


def period_before(reader: SpanReader, time_range: TimeRange) -> Window | None:
    """The period before; None unless the store reaches back over all of it."""
    window = time_range.previous
    return window if window and 0 < reader.stats().first_ns <= window.start_ns else None


def before(reader: SpanReader, time_range: TimeRange) -> Totals | None:
    """Totals of the period before, if there is one."""
    window = period_before(reader, time_range)
    return totals(reader, window, reader.functions(FunctionsQuery(window, buckets=1))) if window else None


def changes(now: Totals, earlier: Totals | None) -> Changes:
    if earlier is None or not earlier.calls:
        return Changes(None, None, None, None)
    return Changes(
        relative(now.calls, earlier.calls, format.count(earlier.calls)),
        points(now.error_rate, earlier.error_rate),
        relative(now.p95_ns or 0, earlier.p95_ns or 0, format.duration(earlier.p95_ns)),
        points(now.cold_share, earlier.cold_share),
    )
