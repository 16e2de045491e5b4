"""AWS SQS: a batch of records. The context is in AWSTraceHeader, or in message attributes."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, first, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Records whose eventSource is aws:sqs."""
    records = event["Records"]
    if first(records).get("eventSource") != "aws:sqs":
        return None
    carriers = [carrier for carrier in [_carrier(record) for record in records] if carrier]
    queue = str(first(records).get("eventSourceARN", "")).rpartition(":")[2]
    return batch("aws_sqs", queue, carriers, len(records), first(records).get("messageId"))


def _carrier(record: dict[str, Any]) -> dict[str, Any]:
    attributes = part(record, "messageAttributes")
    carrier = {name: part(attributes, name).get("stringValue") for name in ("traceparent", "tracestate")}
    carrier["x-amzn-trace-id"] = part(record, "attributes").get("AWSTraceHeader")
    return {name: value for name, value in carrier.items() if value}
