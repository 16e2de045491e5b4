"""Snapshots of spans that were still running when they were sent: told apart, and made into what they
become if nothing more is heard of them.

A sender marks a snapshot with the span attribute `tracekit.unfinished` = true and gives it the ids of the
running span; its end is the moment it was taken. `tracekit.timeout_imminent` = true says that it was taken
because the platform was about to end the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector import jsonvalue
from collector.model import COLUMN_NAMES, SPAN_COLUMNS, UNFINISHED, SpanBatch, Status

MARK = UNFINISHED
IMMINENT = "tracekit.timeout_imminent"
_BLANK: dict[str, Any] = {"text": "", "json": "", "hex128": "", "bool": None, "i32": None}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One running span, as `row` (in the shape of SPAN_COLUMNS) will be stored if it is never finished."""

    row: dict[str, Any]
    imminent: bool

    @property
    def taken_ns(self) -> int:
        return int(self.row["start_ns"] + self.row["duration_ns"])


def split(batch: SpanBatch) -> tuple[SpanBatch, list[Snapshot]]:
    """The finished spans, and the snapshots in the order they came. The batch itself where there are none."""
    marked = batch.snapshot_rows()
    if not marked:
        return batch, []
    running = set(marked)
    finished = batch.take([row for row in range(len(batch)) if row not in running])
    columns = batch.take(marked).columns
    return finished, [
        _snapshot({name: columns[name][row] for name in COLUMN_NAMES}) for row in range(len(marked))
    ]


def batch_of(rows: list[dict[str, Any]]) -> SpanBatch:
    """Rows kept by a store, which may be older than a column, as a batch. Their resources are stored."""
    blank = {column.name: _BLANK.get(column.type, 0) for column in SPAN_COLUMNS}
    return SpanBatch({name: [row.get(name, blank[name]) for row in rows] for name in COLUMN_NAMES}, {})


def _snapshot(row: dict[str, Any]) -> Snapshot:
    attributes = jsonvalue.loads(row["attributes"])
    imminent = attributes.get(IMMINENT) is True
    attributes["error.type"] = MARK
    closed = {
        "status": int(Status.ERROR),
        "status_message": _message(row, imminent),
        "error_type": MARK,
        "attributes": jsonvalue.dumps(attributes),
    }
    return Snapshot(row | closed, imminent)


def _message(row: dict[str, Any], imminent: bool) -> str:
    seen = f"{row['name']} never finished: last seen running {row['duration_ns'] / 1e9:.2f} s after its start"
    why = (
        ", just before the function's timeout"
        if imminent
        else "; its process was probably killed (memory, timeout) or exited"
    )
    said = f". It had said: {row['status_message']}" if row["status_message"] else ""
    return seen + why + said
