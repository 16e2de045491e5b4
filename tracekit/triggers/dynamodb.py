"""AWS DynamoDB streams: rows of a table changed. They carry no trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, datasource, objects, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_OPERATIONS = {"INSERT": "insert", "MODIFY": "edit", "REMOVE": "delete"}


def detect(event: dict[str, Any]) -> Trigger | None:
    """Records whose eventSource is aws:dynamodb. The keys of the rows are left out: they are data."""
    records = objects(event["Records"])
    table = str(records[0].get("eventSourceARN", "")).partition(":table/")[2].partition("/")[0] or None
    operation = _OPERATIONS.get(str(records[0].get("eventName")), "edit")
    sent = [part(record, "dynamodb").get("ApproximateCreationDateTime") for record in records]
    return datasource(table, operation, None, None, sent=sent, records=len(records))
