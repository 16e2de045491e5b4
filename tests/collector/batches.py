"""Span batches by hand: only what a test is about is written down, the rest is blank."""

from __future__ import annotations

from typing import Any

from collector import jsonvalue
from collector.model import COLUMN_NAMES, SPAN_COLUMNS, Kind, Resource, SpanBatch, Status

SECOND = 1_000_000_000
MS = 1_000_000
T0 = 1_700_000_000 * SECOND  # the moment tests count from

_BLANK: dict[str, Any] = {"text": "", "json": "", "hex128": "", "bool": None, "i32": None}


def trace(n: int) -> str:
    """The trace id of trace number n."""
    return f"{n:032x}"


def row(trace_n: int, span_id: int, at: float = 0.0, ms: float = 10.0, **columns: Any) -> dict[str, Any]:
    """A span of trace `trace_n` that starts `at` seconds after T0 and takes `ms` milliseconds.

    `parent` is a span id, `kind` and `status` names in lower case, `links` pairs of (trace number, span id);
    other columns by name.
    """
    columns["parent_span_id"] = columns.pop("parent", 0)
    columns["kind"] = int(Kind[columns.pop("kind", "server").upper()])
    columns["status"] = int(Status[columns.pop("status", "unset").upper()])
    links = [{"trace_id": trace(t), "span_id": f"{s:016x}"} for t, s in columns.pop("links", ())]
    fields: dict[str, Any] = {c.name: _BLANK.get(c.type, 0) for c in SPAN_COLUMNS}
    fields |= {
        "trace_id": trace(trace_n),
        "span_id": span_id,
        "start_ns": T0 + round(at * SECOND),
        "duration_ns": round(ms * MS),
        "service": "shop",
        "name": "GET /",
        "resource_id": 1,
        "links": jsonvalue.dumps(links) if links else "",
    }
    assert columns.keys() <= fields.keys(), columns.keys() - fields.keys()
    return fields | columns


def batch(*rows: dict[str, Any]) -> SpanBatch:
    """The rows as a batch, with a resource for each resource id."""
    resources = {
        r["resource_id"]: Resource(
            r["resource_id"], r["service"], jsonvalue.dumps({"service.name": r["service"]})
        )
        for r in rows
    }
    return SpanBatch({name: [r[name] for r in rows] for name in COLUMN_NAMES}, resources)


def raised(kind: str, message: str, stacktrace: str = "") -> str:
    """The events of a span that ended in an exception."""
    said = {"exception.type": kind, "exception.message": message, "exception.stacktrace": stacktrace}
    return jsonvalue.dumps([{"time_ns": T0, "name": "exception", "attributes": said}])
