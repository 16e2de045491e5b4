"""How to begin: what to copy, by platform, and whether the first span has arrived."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards.colours import colour_classes
from dashboards.render import render
from dashboards.starts import ENDPOINT, STARTS, start_of
from dashboards.ui import ui_of

router = APIRouter()


@router.get("/start")
def start(request: Request) -> HTMLResponse:
    """Looks again every two seconds while nothing has arrived: then it turns green, and leads on."""
    ui = ui_of(request)
    stats = ui.reader.stats()
    chosen = start_of(request.query_params.get("platform", ""))
    steps = [(step.what, step.text.replace(ENDPOINT, ui.settings.otlp_endpoint)) for step in chosen.steps]
    return render(
        request,
        "start.html",
        starts=STARTS,
        chosen=chosen,
        steps=steps,
        stats=stats,
        colours=colour_classes(stats.services),
        live="5s" if stats.spans else "2s",
    )
