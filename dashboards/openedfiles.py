"""Traces that were opened from a file: shown like stored ones, kept in memory for a while, never stored."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict

from fastapi import Request

from dashboards.waterfall import Waterfall

# How a file's trace is addressed in place of a trace id, which is hexadecimal.
MARK = "file-"
KEPT_TRACES = 50
KEPT_SPANS = 200_000


class OpenedFiles:
    """Thread-safe; drops what was looked at longest ago. Names cannot be guessed: a file is for whoever
    opened it and those who were given its address."""

    def __init__(self, kept_traces: int = KEPT_TRACES, kept_spans: int = KEPT_SPANS) -> None:
        self._lock = threading.Lock()
        self._kept_traces, self._kept_spans = kept_traces, kept_spans
        self._traces: OrderedDict[str, Waterfall] = OrderedDict()

    def put(self, waterfall: Waterfall) -> str:
        """The name under which the trace can be looked at from now on."""
        name = MARK + secrets.token_hex(16)
        with self._lock:
            self._traces[name] = waterfall
            while len(self._traces) > 1 and self._is_full():
                self._traces.popitem(last=False)
        return name

    def get(self, name: str) -> Waterfall | None:
        with self._lock:
            found = self._traces.get(name)
            if found is not None:
                self._traces.move_to_end(name)
            return found

    def _is_full(self) -> bool:
        spans = sum(len(waterfall.rows) for waterfall in self._traces.values())
        return len(self._traces) > self._kept_traces or spans > self._kept_spans


def opened_files(request: Request) -> OpenedFiles:
    """Those of this running UI."""
    state = request.app.state
    if not hasattr(state, "opened_files"):
        state.opened_files = OpenedFiles()
    files: OpenedFiles = state.opened_files
    return files
