"""What the command palette (Ctrl+K) offers: pages, functions, boards, saved views and queries."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from dashboards.boardfiles import BoardFiles
from dashboards.i18n import _
from dashboards.render import path_part, url
from dashboards.ui import ui_of

router = APIRouter()
# A list longer than this is not read to its end by anybody, and is found by typing in the search.
MOST_FUNCTIONS = 2_000


@router.get("/api/palette")
def palette(request: Request) -> JSONResponse:
    """Each offer as [kind, title, address], the most general first. Addresses keep the time range."""
    return JSONResponse(list(_offers(request)), headers={"Cache-Control": "no-store"})


def _offers(request: Request) -> Iterator[tuple[str, str, str]]:
    ui = ui_of(request)
    for page in ui.pages:
        if "{" not in page.path and (page.key != "status" or ui.status):
            yield _("Page"), _(page.title), url(request, page.path)
    for view in ui.views.all() if ui.views else ():
        yield _("View"), view.name, view.address
    for board in BoardFiles(ui.settings.boards_folder).all():
        yield _("Board"), board.title, url(request, f"/dashboards/{path_part(board.name)}")
    for query in ui.saved.all() if ui.saved and ui.sql else ():
        yield _("Query"), query.name, url(request, "/sql", saved=query.id)
    for service in ui.reader.stats().services[:MOST_FUNCTIONS]:
        yield _("Function"), service, url(request, f"/functions/{path_part(service)}")
