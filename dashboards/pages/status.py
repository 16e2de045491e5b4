"""The server's own state: what comes in, what waits, what it costs, and what went wrong."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from dashboards.render import render
from dashboards.ui import ui_of

router = APIRouter()


@router.get("/status")
def status(request: Request) -> HTMLResponse:
    """The document of /status.json, to be read by people."""
    ui = ui_of(request)
    if ui.status is None:
        raise HTTPException(404, "This server does not tell its status.")
    return render(request, "status.html", status=ui.status(), store=ui.reader.stats())
