"""AWS SQS: a batch of records. The context is in AWSTraceHeader, or in message attributes."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, objects, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Records whose eventSource is aws:sqs."""
    records = objects(event["Records"])
    queue = str(records[0].get("eventSourceARN", "")).rpartition(":")[2]
    sent = [part(record, "attributes").get("SentTimestamp") for record in records]
    carriers = [_carrier(record) for record in records]
    return batch("aws_sqs", queue, carriers, len(records), records[0].get("messageId"), sent)


def _carrier(record: dict[str, Any]) -> dict[str, Any]:
    attributes = part(record, "messageAttributes")
    carrier = {name: part(attributes, name).get("stringValue") for name in attributes}
    header = part(record, "attributes").get("AWSTraceHeader")
    return {**carrier, "x-amzn-trace-id": header} if header else carrier
