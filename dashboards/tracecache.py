"""Traces laid out a moment ago, so that opening a span does not read and place all of its trace again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from fastapi import Request

from dashboards.waterfall import Waterfall

# A trace that ended this long ago is complete but for stragglers, so that a layout of it made moments ago
# serves another view or a reload: of 50,000 spans a new one takes a second.
SETTLED_NS = 60 * 10**9
REUSED_S = 20.0
# Bounds memory: one entry of 50,000 spans is worth more than many small ones, so spans are counted.
KEPT_SPANS = 200_000


class TraceCache:
    """Thread-safe; drops the trace used longest ago."""

    def __init__(self, kept_spans: int = KEPT_SPANS) -> None:
        self._lock = threading.Lock()
        self._kept_spans = kept_spans
        self._traces: OrderedDict[str, Waterfall] = OrderedDict()
        self._laid_out: dict[str, float] = {}

    def put(self, waterfall: Waterfall) -> None:
        """Keep this layout instead of an older one of the same trace."""
        with self._lock:
            self._traces[waterfall.trace_id] = waterfall
            self._traces.move_to_end(waterfall.trace_id)
            self._laid_out[waterfall.trace_id] = time.monotonic()
            while len(self._traces) > 1 and self._spans() > self._kept_spans:
                dropped, _ = self._traces.popitem(last=False)
                del self._laid_out[dropped]

    def get(self, trace_id: str, spans: int) -> Waterfall | None:
        """The layout with exactly that many spans; one that has grown is not what the page shows."""
        with self._lock:
            found = self._traces.get(trace_id)
            if found is None or len(found.rows) != spans:
                return None
            self._traces.move_to_end(trace_id)
            return found

    def settled(self, trace_id: str, now_ns: int) -> Waterfall | None:
        """The layout of a trace that ended SETTLED_NS ago, if it is not older than REUSED_S."""
        with self._lock:
            found = self._traces.get(trace_id)
            if found is None or found.end_ns > now_ns - SETTLED_NS:
                return None
            return found if time.monotonic() - self._laid_out[trace_id] < REUSED_S else None

    def _spans(self) -> int:
        return sum(len(waterfall.rows) for waterfall in self._traces.values())


def cache_of(request: Request) -> TraceCache:
    """The cache of this running UI."""
    state = request.app.state
    if not hasattr(state, "trace_cache"):
        state.trace_cache = TraceCache()
    cache: TraceCache = state.trace_cache
    return cache
