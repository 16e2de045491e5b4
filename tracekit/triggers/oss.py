"""Alibaba Cloud OSS: something happened to an object. The event carries no trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, datasource, first, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Events whose eventSource is acs:oss."""
    record = first(event["events"])
    bucket = part(record, "oss", "bucket").get("name")
    stored = part(record, "oss", "object")
    operation = "delete" if "Removed" in str(record.get("eventName")) else "insert"
    more = {"oss.bucket.name": bucket, "oss.object.size": stored.get("size")}
    time, records = record.get("eventTime"), len(event["events"])
    trigger = datasource(bucket, operation, stored.get("key"), time, records=records, more=more)
    trigger.name_source(record.get("eventName"), None, part(record, "responseElements").get("requestId"))
    return trigger
