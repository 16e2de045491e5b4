"""One trace in several views, and by JSON what the page asks for later (a span in full, a search)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from collector.storage.base import InvalidQuery
from dashboards.errors import NotFound
from dashboards.palette import classes_for
from dashboards.params import choice, text, whole
from dashboards.render import render
from dashboards.spandetail import span_detail
from dashboards.tracecache import cache_of
from dashboards.tracelinks import NAMED, continues_in, follows_from
from dashboards.tracestats import GROUPINGS, statistics
from dashboards.ui import ui_of
from dashboards.waterfall import Waterfall, lay_out, matching, payload

router = APIRouter()

VIEWS = (("timeline", "Timeline"), ("flame", "Flame"), ("statistics", "Statistics"))
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
    waterfall = _read(request, trace_id)
    ways = [("Continues in", continues_in(waterfall)), ("Follows from", follows_from(waterfall))]
    elsewhere = [linked.service for _, traces in ways for linked in traces]
    colours = classes_for(
        request, [*(service for service, _ in waterfall.services), *filter(None, elsewhere)]
    )
    return render(
        request,
        "trace.html",
        waterfall=waterfall,
        view=view,
        views=VIEWS,
        colours=colours,
        payload=_payload(waterfall, colours) if view in DRAWN else None,
        stats=statistics(waterfall, params) if view == "statistics" else None,
        groupings=GROUPINGS,
        ways=ways,
        named=NAMED,
        plain_rows=waterfall.rows[:PLAIN_ROWS],
        live="",  # a trace does not change under one's eyes; reloading would lose the place
    )


def _payload(waterfall: Waterfall, colours: Mapping[str, str]) -> dict[str, Any]:
    return payload(waterfall, {service: int(name[1:]) for service, name in colours.items()})


@router.get("/traces/{trace_id}/spans/{ref}.json")
def span(request: Request, trace_id: str, ref: str) -> Response:
    """A span in full. `ref` is its id, or its row on the page that counted `of` spans."""
    waterfall = _shown(request, trace_id)
    index = waterfall.index_of(ref) if _SPAN_ID.fullmatch(ref) else _row(ref)
    if index is None or index >= len(waterfall.rows):
        raise NotFound("No such span", f"The trace has no span {ref[:40]}.")
    return JSONResponse(span_detail(waterfall, index))


@router.get("/traces/{trace_id}/search.json")
def search(request: Request, trace_id: str) -> Response:
    """Rows that contain every word of `q`."""
    waterfall = _shown(request, trace_id)
    return JSONResponse({"rows": matching(waterfall, text(request.query_params, "q"))})


def _row(ref: str) -> int:
    if not (ref.isascii() and ref.isdecimal() and len(ref) < 10):
        raise InvalidQuery("name a span by its id (16 hex digits) or its row")
    return int(ref)


def _shown(request: Request, trace_id: str) -> Waterfall:
    """The layout the page shows: rows are only meaningful in a layout of `of` spans."""
    spans = whole(request.query_params, "of", 0, 0, 10**9)
    if kept := cache_of(request).get(trace_id, spans):
        return kept
    waterfall = _read(request, trace_id)
    if spans and len(waterfall.rows) != spans:
        raise InvalidQuery("the trace has grown since the page was loaded: reload it")
    return waterfall


def _read(request: Request, trace_id: str) -> Waterfall:
    ui, cache = ui_of(request), cache_of(request)
    trace_id = trace_id.lower()
    if kept := cache.settled(trace_id, ui.settings.now_ns()):
        return kept
    spans = ui.reader.trace(trace_id)
    if not spans:
        raise NotFound(
            "There is no such trace",
            "It may not have arrived yet, or have been deleted. Traces show within seconds of a flush.",
        )
    waterfall = lay_out(spans, ui.reader.linked_from(trace_id))
    cache.put(waterfall)
    return waterfall
