"""What the functions of traffic.py say while they work, as a batch of log records."""

from __future__ import annotations

from typing import Any

from collector import jsonvalue
from collector.model import Resource, SpanBatch
from collector.model_logs import LOG_COLUMN_NAMES, LogBatch
from collector.storage.memory import MemoryStorage
from tests.dashboards.traffic import MS, NOW_NS, Size, Traffic

_BLANK = dict.fromkeys(("severity_text", "event_name", "scope"), "")


def logged(size: Size) -> MemoryStorage:
    """A memory engine with the shop's spans and log records."""
    storage = MemoryStorage()
    spans = Traffic().batch(size)
    storage.writer.write([spans, logs_of(spans)])
    return storage


def logs_of(spans: SpanBatch) -> LogBatch:
    """Each call says that it begins, and how it ended; queries are told at DEBUG."""
    columns = spans.columns
    said: list[dict[str, Any]] = []
    for row in range(len(columns["span_id"])):
        span = {name: values[row] for name, values in columns.items()}
        if span["kind"] in (2, 5):
            said.append(_record(span, span["start_ns"] + MS, 9, f"{span['name']} begins", {"attempt": 1}))
            if span["status"] == 2:
                text = f"{span['error_type']}: {span['status_message']}"
                said.append(_record(span, span["start_ns"] + span["duration_ns"], 17, text, {"retry": False}))
        elif span["db_statement"]:
            text = f"query took {span['duration_ns'] / MS:.1f} ms"
            said.append(_record(span, span["start_ns"] + span["duration_ns"], 5, text, {"rows": 3}))
    return batch(said, spans.resources)


def record(text: Any, severity: int = 9, time_ns: int = NOW_NS - MS, **columns: Any) -> dict[str, Any]:
    """One row by hand; ids are 0 or "", other columns by name."""
    blank = {
        "log_id": time_ns % 2**61,
        "sent_time_ns": time_ns,
        "observed_ns": time_ns,
        "received_ns": time_ns,
        "trace_id": "",
        "span_id": 0,
        "flags": 0,
        "service": "shop",
        "resource_id": 0,
        "scope_id": 0,
        "dropped_attributes_count": 0,
        "attributes": "{}",
    }
    body = jsonvalue.dumps(text)
    return _BLANK | blank | {"time_ns": time_ns, "severity": severity, "body": body} | columns


def batch(rows: list[dict[str, Any]], resources: dict[int, Resource] | None = None) -> LogBatch:
    columns = {name: [row[name] for row in rows] for name in LOG_COLUMN_NAMES}
    return LogBatch(columns, resources or {})


def _record(
    span: dict[str, Any], time_ns: int, severity: int, text: str, attributes: dict[str, Any]
) -> dict[str, Any]:
    return record(
        text,
        severity,
        time_ns,
        trace_id=span["trace_id"],
        span_id=span["span_id"],
        log_id=span["span_id"] % 2**60 + severity,
        service=span["service"],
        resource_id=span["resource_id"],
        scope="shop.logger",
        attributes=jsonvalue.dumps(attributes),
    )
