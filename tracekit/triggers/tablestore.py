"""Alibaba Cloud Tablestore: rows of a table changed. They carry no trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, datasource, objects, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_OPERATIONS = {"PutRow": "insert", "UpdateRow": "edit", "DeleteRow": "delete"}


def detect(event: dict[str, Any]) -> Trigger | None:
    """Version Sync-v1 with Records. The keys of the rows are left out: they are data."""
    records = objects(event["Records"])
    if event["Version"] != "Sync-v1" or not records:
        return None
    operation = _OPERATIONS.get(str(records[0].get("Type")), "edit")
    sent = [part(record, "Info").get("Timestamp") for record in records]
    return datasource(None, operation, None, None, sent=sent, records=len(records))
