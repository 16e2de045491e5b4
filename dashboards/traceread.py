"""A trace by its address: from the store, from a layout made moments ago, or from a file that was opened."""

from __future__ import annotations

from fastapi import Request

from collector.storage.base import InvalidQuery
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.openedfiles import MARK, opened_files
from dashboards.params import whole
from dashboards.tracecache import cache_of
from dashboards.ui import ui_of
from dashboards.waterfall import Waterfall, lay_out


def read_trace(request: Request, ref: str) -> Waterfall:
    """The trace of an id, in either case, or of a file's name. NotFound with what to do next."""
    return _from_file(request, ref) if ref.startswith(MARK) else _stored(request, ref.lower())


def shown_trace(request: Request, ref: str) -> Waterfall:
    """The layout the page shows: rows are only meaningful in a layout of `of` spans."""
    spans = whole(request.query_params, "of", 0, 0, 10**9)
    if kept := cache_of(request).get(ref, spans):
        return kept
    waterfall = read_trace(request, ref)
    if spans and len(waterfall.rows) != spans:
        raise InvalidQuery("the trace has grown since the page was loaded: reload it")
    return waterfall


def _from_file(request: Request, name: str) -> Waterfall:
    found = opened_files(request).get(name)
    if found is None:
        raise NotFound(
            _("This file is no longer open"),
            _("Files are kept in memory for a while and never stored. Open it again under Traces."),
        )
    return found


def _stored(request: Request, trace_id: str) -> Waterfall:
    ui, cache = ui_of(request), cache_of(request)
    if kept := cache.settled(trace_id, ui.settings.now_ns()):
        return kept
    spans = ui.reader.trace(trace_id)
    if not spans:
        raise NotFound(
            _("There is no such trace"),
            _("It may not have arrived yet, or have been deleted. Traces show within seconds of a flush."),
        )
    waterfall = lay_out(spans, ui.reader.linked_from(trace_id))
    cache.put(waterfall)
    return waterfall
