"""Two traces compared: what one does that the other does not, and what takes longer."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from collector.analysis.compare import PathDiff, compare
from collector.storage.base import InvalidQuery
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import render, url
from dashboards.traceread import read_trace
from dashboards.typical import typical
from dashboards.ui import ui_of

router = APIRouter()

# Rows on the page. Of more paths the ones that differ most are worth seeing, which `sort=change` shows.
MOST = 1_000

# In the text of a link too, so that a page's address can be pasted.
_NAMED = re.compile(r"[0-9a-fA-F]{32}(?![0-9a-fA-F])|file-[0-9a-f]{32}")


@router.get("/traces/{trace_id}/diff")
def chosen(request: Request, trace_id: str) -> Response:
    """Leads to the comparison with the trace that was typed or pasted."""
    found = _NAMED.findall(text(request.query_params, "with"))
    if not found:
        raise InvalidQuery("name the other trace by its id (32 hex digits) or by its page's address")
    return RedirectResponse(url(request, f"/traces/{trace_id}/diff/{found[-1]}", **{"with": None}), 307)


@router.get("/traces/{trace_id}/diff/{other}")
def diff(request: Request, trace_id: str, other: str) -> Response:
    """The page. `other` is a trace's id, or `typical`."""
    params = request.query_params
    here = read_trace(request, trace_id)
    if other == "typical":
        middle = typical(ui_of(request).reader, here)
        if middle is None:
            raise NotFound(
                _("There is nothing to compare with"),
                _("No other trace within a week begins with the same operation of this function."),
            )
        return RedirectResponse(url(request, f"/traces/{trace_id}/diff/{middle.trace_id}"), 307)
    there = read_trace(request, other)
    sort = choice(params, "sort", ("path", "change"), "path")
    only = choice(params, "only", ("changes",), "")
    paths = compare(here.rows, there.rows)
    shown = _shown(paths, sort, only)
    return render(
        request,
        "trace_diff.html",
        here=here,
        there=there,
        addresses=(trace_id, other),
        paths=paths,
        shown=shown[:MOST],
        left_out=max(0, len(shown) - MOST),
        sort=sort,
        only=only,
        counts={change: sum(p.change == change for p in paths) for change in _WORTH},
        widest_ns=max((abs(path.self_delta_ns) for path in paths), default=0),
        colours=classes_for(request, dict.fromkeys(path.service for path in paths)),
        live="",  # neither trace changes under one's eyes
    )


_WORTH = ("added", "removed", "slower", "faster")


def _shown(paths: tuple[PathDiff, ...], sort: str, only: str) -> list[PathDiff]:
    """By path with the paths above those that differ, or by how much they differ, most first."""
    if sort == "change":
        ordered = sorted(paths, key=lambda path: -abs(path.self_delta_ns))
        return [path for path in ordered if path.change != "same" or not only]
    if not only:
        return list(paths)
    wanted: set[int] = set()
    for index in range(len(paths) - 1, -1, -1):
        if paths[index].change != "same" or index in wanted:
            wanted |= {index, paths[index].parent}
    return [path for index, path in enumerate(paths) if index in wanted]
