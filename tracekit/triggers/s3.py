"""AWS S3: something happened to an object. The event carries no trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, datasource, first, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Records whose eventSource is aws:s3."""
    record = first(event["Records"])
    bucket = part(record, "s3", "bucket").get("name")
    operation = "delete" if "Removed" in str(record.get("eventName")) else "insert"
    key = part(record, "s3", "object").get("key")
    time, records = record.get("eventTime"), len(event["Records"])
    return datasource(bucket, operation, key, time, records=records, more={"aws.s3.bucket": bucket})
