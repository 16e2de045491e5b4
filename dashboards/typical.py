"""The typical trace of an operation: of its traces around the same time the one of median length."""

from __future__ import annotations

from collector.storage.base import SpanReader, TracesQuery, TraceSummary, Window
from dashboards.waterfall import Waterfall

HOUR_NS = 3600 * 10**9
# Looked at in turn, before and after the trace, until there are enough to have a middle.
AROUND_NS = (HOUR_NS, 24 * HOUR_NS, 7 * 24 * HOUR_NS)
ENOUGH = 5
# Of each stretch of time, the newest.
LOOKED_AT = 500


def typical(reader: SpanReader, waterfall: Waterfall) -> TraceSummary | None:
    """Another trace that begins with the same operation of the same function, of median duration among the
    newest LOOKED_AT around it. Those without errors count if there are any. None if it is the only one."""
    found: list[TraceSummary] = []
    for around in AROUND_NS:
        window = Window(max(0, waterfall.start_ns - around), waterfall.end_ns + around)
        query = TracesQuery(window, service=waterfall.root.service, limit=LOOKED_AT)
        found = [trace for trace in reader.traces(query).traces if _is_alike(trace, waterfall)]
        if len(found) >= ENOUGH:
            break
    candidates = [trace for trace in found if not trace.errors] or found
    candidates.sort(key=lambda trace: (trace.duration_ns, trace.trace_id))
    return candidates[(len(candidates) - 1) // 2] if candidates else None


def _is_alike(trace: TraceSummary, waterfall: Waterfall) -> bool:
    root = waterfall.root
    same = (trace.root_service, trace.root_name) == (root.service, root.name)
    return same and trace.trace_id != waterfall.trace_id
