"""Saved views: a page with all its state, under a name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from collector.views import ViewRefused
from collector.views.store import LONGEST_ADDRESS, LONGEST_NAME, MOST
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.render import render
from dashboards.request_body import form_fields
from dashboards.ui import SavedViews, ui_of

router = APIRouter()

Fields = Annotated[dict[str, str], Depends(form_fields)]


@router.get("/views")
def views(request: Request) -> HTMLResponse:
    """All of them; with `of`, an address of this server, a form to keep that one."""
    return _page(request, request.query_params.get("of", ""))


@router.post("/views")
def save(request: Request, fields: Fields) -> Response:
    """Keep `address` as `name`, in the place of a view of that name."""
    name, address = fields.get("name", ""), fields.get("address", "")
    try:
        views_of(request).save(name, address)
    except ViewRefused as error:
        return _page(request, address, name, error)
    return RedirectResponse("/views", 303)


@router.post("/views/{id}/rename")
def rename(request: Request, id: int, fields: Fields) -> Response:
    """Call a view `name`."""
    try:
        views_of(request).rename(id, fields.get("name", ""))
    except ViewRefused as error:
        return _page(request, "", "", error)
    return RedirectResponse("/views", 303)


@router.post("/views/{id}/delete")
def delete(request: Request, id: int) -> Response:
    """Forget a view."""
    views_of(request).delete(id)
    return RedirectResponse("/views", 303)


def views_of(request: Request) -> SavedViews:
    """The saved views. NotFound where none can be kept."""
    views = ui_of(request).views
    if views is None:
        raise NotFound(_("No views can be saved here"), _("The server was started without a place for them."))
    return views


def _page(request: Request, of: str, name: str = "", error: ViewRefused | None = None) -> HTMLResponse:
    return render(
        request,
        "views.html",
        status_code=400 if error else 200,
        views=views_of(request).all(),
        of=of[:LONGEST_ADDRESS],
        name=name,
        problem=_said(error) if error else "",
        longest=LONGEST_NAME,
    )


def _said(error: ViewRefused) -> str:
    if error.reason == "name":
        return _("A view needs a name of at most %(most)s characters.", most=LONGEST_NAME)
    if error.reason == "taken":
        return _("Another view has this name.")
    if error.reason == "full":
        return _("%(most)s views are saved already. Delete one first.", most=MOST)
    return _("A view is a page of this server, at most %(most)s characters.", most=LONGEST_ADDRESS)
