"""Traces as a table for other programs: CSV for a spreadsheet, plain objects for JSON."""

from __future__ import annotations

from typing import Any

from collector.storage.base import TracePage, TraceSummary
from dashboards import csvfile
from dashboards.format import iso

COLUMNS = (
    "trace_id", "start", "duration_ms", "service", "operation", "trigger", "spans", "errors", "cold_starts",
    "services",
)  # fmt: skip


def as_csv(page: TracePage) -> str:
    """One row a trace, with the spans of each function."""
    rows = [
        _row(trace) | {"services": " ".join(f"{name}:{spans}" for name, spans in trace.services)}
        for trace in page.traces
    ]
    return csvfile.as_csv(COLUMNS, ([row[column] for column in COLUMNS] for row in rows))


def as_json(page: TracePage) -> list[dict[str, Any]]:
    """One object a trace, with the spans of each function."""
    return [_row(trace) | {"services": dict(trace.services)} for trace in page.traces]


def _row(trace: TraceSummary) -> dict[str, Any]:
    return {
        "trace_id": trace.trace_id,
        "start": iso(trace.start_ns),
        "duration_ms": trace.duration_ns / 1e6,
        "service": trace.root_service,
        "operation": trace.root_name,
        "trigger": trace.root_trigger,
        "spans": trace.spans,
        "errors": trace.errors,
        "cold_starts": trace.cold_starts,
    }
