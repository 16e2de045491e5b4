"""Slow calls: where time goes, grouped by function, operation, downstream call or SQL statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from collector.analysis import profile
from collector.analysis.traceql import quoted
from collector.storage.base import SlowGroup, SlowQuery, SlowSort, SlowWhat
from dashboards.i18n import N_
from dashboards.palette import classes_for
from dashboards.params import MAX_TEXT, choice, text
from dashboards.render import range_of, render, url
from dashboards.ui import ui_of

router = APIRouter()

WHATS = (
    ("functions", N_("Functions")),
    ("operations", N_("Operations")),
    ("calls", N_("Downstream calls")),
    ("statements", N_("SQL statements")),
)
SORTS = ("total", "p95", "max", "count", "errors")
LIMIT = 100
# As many times in one trace hint at a query in a loop (collector/storage/base.py, SlowGroup).
N_PLUS_ONE = 5
# A statement longer than this folds to its beginning.
SHORT_STATEMENT = 120


@dataclass(frozen=True, slots=True)
class Row:
    """A group with its share of the time of all groups listed, and the traces it is found in."""

    group: SlowGroup
    share: float
    repeats: bool
    traces: str


@router.get("/slow")
def slow(request: Request) -> HTMLResponse:
    """The list of groups. Sorting is by the reader, so that the limit keeps the right ones."""
    params, ui = request.query_params, ui_of(request)
    window = range_of(request).window
    what = cast(SlowWhat, choice(params, "what", [key for key, _ in WHATS], "functions"))
    sort = cast(SlowSort, choice(params, "sort", SORTS, "total"))
    service = text(params, "service")
    groups = ui.reader.slow(SlowQuery(window, what, service, sort, LIMIT))
    return render(
        request,
        "slow.html",
        rows=rows(request, what, groups),
        what=what,
        whats=WHATS,
        sort=sort,
        service=service,
        services=ui.reader.services(window),
        limit=LIMIT,
        short=SHORT_STATEMENT,
        profiled=_profiled(service),
        colours=classes_for(request, (group.service for group in groups)),
        stats=None if groups else ui.reader.stats(),
    )


def _profiled(service: str) -> str:
    """TraceQL of the spans that carry a profile."""
    of_service = f"resource.service.name = {quoted(service)} && " if service else ""
    return f"{{ {of_service}span.{profile.ATTRIBUTE} != nil }}"


def rows(request: Request, what: SlowWhat, groups: tuple[SlowGroup, ...]) -> list[Row]:
    whole = sum(group.total_ns for group in groups) or 1
    return [
        Row(
            group,
            group.total_ns / whole,
            group.max_per_trace >= N_PLUS_ONE,
            traces_link(request, what, group),
        )
        for group in groups
    ]


def traces_link(request: Request, what: SlowWhat, group: SlowGroup) -> str:
    """The Traces page with the traces this group is found in, slowest first.

    Names are searched as text: every word must occur in one span of the function. A statement run by
    several functions is searched in all of them.
    """
    words = "" if what == "functions" else group.name[:MAX_TEXT]
    service = "" if len(group.callers) > 1 else group.service
    return url(request, "/traces", service=service, q=words, sort="slowest")
