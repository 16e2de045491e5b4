"""One way from a template to a response: adds what the frame around every page needs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboards import format, i18n
from dashboards.assets import asset
from dashboards.timerange import PRESETS, TimeRange
from dashboards.ui import Page, ui_of

TEMPLATES = Path(__file__).parent / "templates"
# What links to other pages keep. Everything else belongs to one page.
SHARED_STATE = ("from", "to", "live")
LIVE_STEPS = ("2s", "5s", "15s", "60s")


def environment() -> Environment:
    """The templates, with the filters of format.py. Undefined names are errors, never blanks."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    i18n.install(env)
    env.filters.update(format.FILTERS)
    env.globals.update(asset=asset, classes=format.classes, path_part=path_part)
    return env


def path_part(text: str) -> str:
    """Text as one segment of a path: nothing in it ends the segment."""
    return quote(text, safe="")


def range_of(request: Request) -> TimeRange:
    """The page's time range. InvalidQuery if the URL's is unreadable."""
    return TimeRange.parse(request.query_params, ui_of(request).settings.now_ns())


def url(request: Request, path: str = "", **changes: object) -> str:
    """A link that keeps state: the whole query on this page (no path), the time range on another one.

    A change of None (or "") removes a parameter. Paging starts over unless `cursor` is given, because a
    cursor is only good for the very query it came from.
    """
    path, _, fragment = path.partition("#")
    path = path or here(request)
    same = path == here(request)
    kept = {k: v for k, v in request.query_params.items() if same or k in SHARED_STATE}
    kept.pop("cursor", None)
    kept.update({key: "" if value is None else str(value) for key, value in changes.items()})
    query = urlencode({key: value for key, value in kept.items() if value != ""})
    return path + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def here(request: Request) -> str:
    """This page's path, quoted as links need it."""
    return quote(request.url.path, safe="/:@!$&'()*+,;=~")


def render(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    time_range: TimeRange | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page. `time_range` is given where the page changed it or where the URL's is unreadable."""
    ui = ui_of(request)
    shown = time_range or range_of(request)
    frame = {
        "request": request,
        "pages": ui.pages,
        "current": _current(ui.pages, request.url.path),
        "range": shown,
        "presets": PRESETS,
        "now_ns": shown.now_ns,
        "live": request.query_params.get("live", "") if shown.follows_now else "",
        "live_steps": LIVE_STEPS,
        "firing": ui.firing(),
        "settings": ui.settings,
        "has_status": ui.status is not None,
        "url": partial(url, request),
        "here": here(request),
        "keeps_views": ui.views is not None,
        "address": here(request) + (f"?{request.url.query}" if request.url.query else ""),
        "hidden": partial(_hidden, request),
    }
    return HTMLResponse(ui.templates.get_template(template).render(frame | context), status_code)


def _current(pages: tuple[Page, ...], path: str) -> str:
    for page in pages:
        if page.shortcut and (path == page.path or path.startswith(page.path + "/")):
            return page.key
    return ""


def _hidden(request: Request, *except_keys: str, shared: bool = False) -> list[tuple[str, str]]:
    """What a GET form keeps, as hidden inputs: all state but `except_keys`, or only what pages share."""
    return [
        (key, value)
        for key, value in request.query_params.items()
        if key not in except_keys and key != "cursor" and (not shared or key in SHARED_STATE)
    ]
