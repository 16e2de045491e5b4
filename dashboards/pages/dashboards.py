"""Dashboards as code: files of YAML, listed, shown, edited here or in git."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from dashboards.boardfiles import BoardFile, BoardFiles, Changed, is_name
from dashboards.boardmodel import Board, read_board
from dashboards.boardpanels import Canvas, choices, panel_views
from dashboards.boardyaml import BoardError
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.palette import classes_for
from dashboards.params import MAX_TEXT
from dashboards.render import range_of, render, url
from dashboards.request_body import form_fields
from dashboards.shared import shared
from dashboards.timerange import TimeRange
from dashboards.ui import ui_of

router = APIRouter()

Fields = Annotated[dict[str, str], Depends(form_fields)]
# Parameters of the page's address that are values of the dashboard's variables.
VARIABLE = "v-"
NEW = """\
title: My dashboard
range: now-3h
variables:
  - name: service
    label: Function
    from: services
panels:
  - title: Calls
    calls: {measure: rate, by: service, service: $service}
  - title: p95
    calls: {measure: p95, by: service, service: $service}
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the editor. `digest` is of the text that was opened, "" for a new file."""

    name: str
    text: str
    digest: str
    is_new: bool


def files_of(request: Request) -> BoardFiles:
    return BoardFiles(ui_of(request).settings.boards_folder)


@router.get("/dashboards")
def listed(request: Request) -> Response:
    """All dashboards, shipped ones and those of the folder."""
    files = files_of(request)
    return render(request, "boards.html", files=files.all(), folder=files.folder)


@router.get("/dashboards/new")
async def new(request: Request) -> Response:
    """The editor with a dashboard to begin from."""
    return await _editor(request, Draft("", NEW, "", True))


@router.get("/dashboards/{name}")
async def one(request: Request, name: str) -> Response:
    """One dashboard. A file that is wrong is told with its line."""
    file = await asyncio.to_thread(_file, request, name)
    if file.board is None:
        return render(request, "board.html", file=file, choices=[], views=[], error=file.error)
    shown = _range(request, file.board)
    context = await _drawn(request, file.board, shown)
    return render(request, "board.html", time_range=shown, file=file, error=None, **context)


@router.get("/dashboards/{name}/edit")
async def edit(request: Request, name: str) -> Response:
    """The editor with the file. A shipped one becomes a file of the folder when it is saved."""
    file = await asyncio.to_thread(_file, request, name)
    return await _editor(request, Draft(name, file.text, file.digest, False))


@router.post("/dashboards/edit")
async def save(request: Request, fields: Fields) -> Response:
    """The text is shown as it would look, or saved with `action` = `save`. 409 if the file was changed by
    somebody else meanwhile, 422 if it is no dashboard."""
    name = fields.get("name", "").strip()
    draft = Draft(name, fields.get("text", ""), fields.get("digest", ""), fields.get("digest", "") == "")
    if fields.get("action") != "save":
        return await _editor(request, draft)
    files = files_of(request)
    if files.folder is None:
        raise NotFound(
            _("Nothing can be saved here"), _("The server was started without a folder of dashboards.")
        )
    try:
        await asyncio.to_thread(files.save, name, draft.text, draft.digest)
    except BoardError as error:
        return await _editor(request, draft, 422, error)
    except Changed:
        text = _(
            "Somebody else changed this file. Copy your text, open it again, and put in what is missing."
        )
        return await _editor(request, draft, 409, problem=text)
    return RedirectResponse(url(request, f"/dashboards/{name}"), 303)


def _file(request: Request, name: str) -> BoardFile:
    found = files_of(request).one(name) if is_name(name) else None
    if found is None:
        raise NotFound(
            _("There is no such dashboard"), _("Its file may have been renamed. The list has them all.")
        )
    return found


def _range(request: Request, board: Board) -> TimeRange:
    """The dashboard's own range where the address names none."""
    if board.range and not request.query_params.get("from"):
        params = {**request.query_params, "from": board.range}
        return TimeRange.parse(params, ui_of(request).settings.now_ns())
    return range_of(request)


async def _drawn(request: Request, board: Board, shown: TimeRange) -> dict[str, Any]:
    ui, window = ui_of(request), shown.window
    ui = replace(ui, reader=shared(ui.reader), metrics=shared(ui.metrics) if ui.metrics else None)
    given = {
        key.removeprefix(VARIABLE): value[:MAX_TEXT]
        for key, value in request.query_params.items()
        if key.startswith(VARIABLE)
    }
    chosen = await choices(board, given, ui, window)
    values = {choice.variable.name: choice.value for choice in chosen}
    canvas = Canvas(ui, window, values, lambda names: classes_for(request, names))
    views = await panel_views(board, canvas)
    return {"choices": chosen, "views": views, "prefix": VARIABLE}


async def _editor(
    request: Request,
    draft: Draft,
    status: int = 200,
    error: BoardError | None = None,
    problem: str = "",
) -> Response:
    """The text, what is wrong with it, and how it looks if nothing is."""
    views: list[Any] = []
    shown = range_of(request)
    if error is None:
        try:
            board = read_board(draft.text.replace("\r\n", "\n"), f"{draft.name or 'new'}.yaml")
            shown = _range(request, board)
            views = (await _drawn(request, board, shown))["views"]
        except BoardError as wrong:
            error = wrong
    return render(
        request,
        "board_edit.html",
        status_code=status,
        time_range=shown,
        draft=draft,
        views=views,
        error=error,
        problem=problem,
        can_save=ui_of(request).settings.boards_folder is not None,
    )
