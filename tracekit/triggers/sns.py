"""AWS SNS: Records with a capital EventSource; the context is in message attributes."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, first, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Records whose EventSource is aws:sns."""
    records = event["Records"]
    if first(records).get("EventSource") != "aws:sns":
        return None
    message = part(first(records), "Sns")
    topic = str(message.get("TopicArn", "")).rpartition(":")[2]
    carriers = [carrier for carrier in [_carrier(record) for record in records] if carrier]
    return batch("aws.sns", topic, carriers, len(records), message.get("MessageId"))


def _carrier(record: dict[str, Any]) -> dict[str, Any]:
    attributes = part(record, "Sns", "MessageAttributes")
    fields = {name: part(attributes, name).get("Value") for name in ("traceparent", "tracestate")}
    return {name: value for name, value in fields.items() if value}
