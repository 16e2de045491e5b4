"""Traces as a table for other programs: CSV for a spreadsheet, plain objects for JSON."""

from __future__ import annotations

import csv
import io
from typing import Any

from collector.storage.base import TracePage, TraceSummary
from dashboards.format import iso

COLUMNS = (
    "trace_id", "start", "duration_ms", "service", "operation", "trigger", "spans", "errors", "cold_starts",
    "services",
)  # fmt: skip


def as_csv(page: TracePage) -> str:
    """RFC 4180, with a head. Text that a spreadsheet would take for a formula is led by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for trace in page.traces:
        row = _row(trace)
        row["services"] = " ".join(f"{name}:{spans}" for name, spans in trace.services)
        writer.writerow([_inert(row[column]) for column in COLUMNS])
    return out.getvalue()


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


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
