"""One colour a service on every page of one UI, whatever each page shows.

By traffic of the last hour, as UI.md asks: the busiest services are told apart best. Ranks are kept
between requests, because colours that jump while one looks are worse than a rank that is a little old.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from fastapi import Request

from collector.storage.base import FunctionsQuery, SpanReader, Window
from dashboards.colours import COLOURS, colour_classes
from dashboards.ui import ui_of

HOUR_NS = 3600 * 10**9
# How long ranks may lag behind traffic when only known services are asked for.
KEPT_NS = 300 * 10**9


class Palette:
    """Thread-safe. Services without traffic of their own come after all others, in the order asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: dict[str, None] = {}
        self._read_ns = -KEPT_NS

    def classes(self, reader: SpanReader, now_ns: int, services: Iterable[str]) -> dict[str, str]:
        """CSS class (`s1`..`s8`, `s0` grey) by service, for at least `services`."""
        wanted = list(services)
        if self._is_stale(now_ns, wanted):
            window = Window(max(0, now_ns - HOUR_NS), now_ns + 1)
            stats = reader.functions(FunctionsQuery(window, buckets=1))
            with self._lock:
                self._order |= dict.fromkeys(f.service for f in stats) | dict.fromkeys(wanted)
                self._read_ns = now_ns
        with self._lock:
            return colour_classes(self._order | dict.fromkeys(wanted))

    def _is_stale(self, now_ns: int, wanted: list[str]) -> bool:
        with self._lock:
            unknown = any(service not in self._order for service in wanted)
            room = len(self._order) < COLOURS
            return (unknown and room) or now_ns - self._read_ns >= KEPT_NS


def palette_of(request: Request) -> Palette:
    """The palette of this running UI."""
    state = request.app.state
    if not hasattr(state, "palette"):
        state.palette = Palette()
    palette: Palette = state.palette
    return palette


def classes_for(request: Request, services: Iterable[str]) -> dict[str, str]:
    """Colours for a page that shows these services."""
    ui = ui_of(request)
    return palette_of(request).classes(ui.reader, ui.settings.now_ns(), services)
