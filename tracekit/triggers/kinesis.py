"""AWS Kinesis: records of a stream. They carry no trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, objects, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Records whose eventSource is aws:kinesis."""
    records = objects(event["Records"])
    stream = str(records[0].get("eventSourceARN", "")).rpartition("/")[2]
    sent = [part(record, "kinesis").get("approximateArrivalTimestamp") for record in records]
    return batch("aws.kinesis", stream, [], len(records), records[0].get("eventID"), sent)
