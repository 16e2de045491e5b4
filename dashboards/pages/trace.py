"""One trace in several views, and by JSON what the page asks for later (a span in full, a search)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from collector.analysis.cost import trace_cost
from collector.storage.base import InvalidQuery
from collector.storage.logs import TRACE_LOGS
from dashboards.colours import told_apart
from dashboards.errors import NotFound
from dashboards.i18n import N_, _, ngettext
from dashboards.loglines import LogLine, log_line
from dashboards.money import money
from dashboards.openedfiles import MARK
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.profileview import profile_view
from dashboards.render import render
from dashboards.spandetail import span_detail
from dashboards.tracelinks import NAMED, continues_in, follows_from
from dashboards.traceread import read_trace, shown_trace
from dashboards.tracestats import GROUPINGS, statistics
from dashboards.ui import ui_of
from dashboards.waterfall import Waterfall, matching, payload

router = APIRouter()

VIEWS = (
    ("timeline", N_("Timeline")),
    ("flame", N_("Flame")),
    ("statistics", N_("Statistics")),
    ("logs", N_("Logs")),
    ("profile", N_("Profile")),
    ("cost", N_("Cost")),
)
# The views that scripts draw, from the columns of the waterfall.
DRAWN = ("timeline", "flame")

# What is shown without script, where rows cannot be recycled.
PLAIN_ROWS = 200

_SPAN_ID = re.compile(r"[0-9a-f]{16}")


@router.get("/traces/{trace_id}")
def trace(request: Request, trace_id: str) -> Response:
    """The page, in the view that the address names."""
    params = request.query_params
    view = choice(params, "view", [key for key, _ in VIEWS], "timeline")
    waterfall = read_trace(request, trace_id)
    ways = [(_continues, continues_in(waterfall)), (_follows, follows_from(waterfall))]
    elsewhere = [linked.service for _, traces in ways for linked in traces]
    services = [*(service for service, _ in waterfall.services), *filter(None, elsewhere)]
    colours = told_apart(classes_for(request, services), services)
    settings = ui_of(request).settings
    cost = trace_cost(waterfall.rows, waterfall.path, settings.prices)
    return render(
        request,
        "trace.html",
        cost=cost,
        cost_share=cost.critical / cost.cost if cost.cost else None,
        money=partial(money, currency=settings.currency),
        waterfall=waterfall,
        address=trace_id,
        from_file=trace_id.startswith(MARK),
        view=view,
        views=VIEWS,
        colours=colours,
        payload=_payload(waterfall, colours) if view in DRAWN else None,
        stats=statistics(waterfall, params) if view == "statistics" else None,
        groupings=GROUPINGS,
        profiled=profile_view(waterfall, params) if view == "profile" else None,
        logs=_logs(request, waterfall) if view == "logs" else None,
        logs_kept=TRACE_LOGS,
        ways=ways,
        named=NAMED,
        plain_rows=waterfall.rows[:PLAIN_ROWS],
        live="",  # a trace does not change under one's eyes; reloading would lose the place
    )


def _continues(traces: int) -> str:
    return ngettext("Continues in another trace", "Continues in %(num)s traces", traces)


def _follows(traces: int) -> str:
    return ngettext("Follows from another trace", "Follows from %(num)s traces", traces)


def _payload(waterfall: Waterfall, colours: Mapping[str, str]) -> dict[str, Any]:
    return payload(waterfall, {service: int(name[1:]) for service, name in colours.items()})


def _logs(request: Request, waterfall: Waterfall) -> list[LogLine]:
    """What was logged inside of the trace; nothing where no logs are kept."""
    reader = ui_of(request).logs
    return [log_line(record) for record in reader.of_trace(waterfall.trace_id)] if reader else []


@router.get("/traces/{trace_id}/spans/{ref}.json")
def span(request: Request, trace_id: str, ref: str) -> Response:
    """A span in full. `ref` is its id, or its row on the page that counted `of` spans."""
    waterfall = shown_trace(request, trace_id)
    index = waterfall.index_of(ref) if _SPAN_ID.fullmatch(ref) else _row(ref)
    if index is None or index >= len(waterfall.rows):
        raise NotFound(_("No such span"), _("The trace has no span %(span)s.", span=ref[:40]))
    return JSONResponse(span_detail(waterfall, index))


@router.get("/traces/{trace_id}/search.json")
def search(request: Request, trace_id: str) -> Response:
    """Rows that contain every word of `q`."""
    waterfall = shown_trace(request, trace_id)
    return JSONResponse({"rows": matching(waterfall, text(request.query_params, "q"))})


def _row(ref: str) -> int:
    if not (ref.isascii() and ref.isdecimal() and len(ref) < 10):
        raise InvalidQuery("name a span by its id (16 hex digits) or its row")
    return int(ref)
