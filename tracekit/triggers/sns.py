"""AWS SNS: Records with a capital EventSource; the context is in message attributes."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, objects, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Records whose EventSource is aws:sns."""
    messages = [part(record, "Sns") for record in objects(event["Records"])]
    topic = str(messages[0].get("TopicArn", "")).rpartition(":")[2]
    sent = [message.get("Timestamp") for message in messages]
    carriers = [_carrier(message) for message in messages]
    return batch("aws.sns", topic, carriers, len(messages), messages[0].get("MessageId"), sent)


def _carrier(message: dict[str, Any]) -> dict[str, Any]:
    attributes = part(message, "MessageAttributes")
    return {name: part(attributes, name).get("Value") for name in attributes}
