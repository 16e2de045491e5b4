"""Function Compute message triggers: a list of CloudEvents (items may be JSON text), one for each message."""

from __future__ import annotations

from tracekit.triggers import parsed
from tracekit.triggers.base import Trigger, batch, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# CloudEvent type -> messaging.system (PLATFORMS.md §1.10).
_SYSTEMS = {
    "mq:Topic:SendMessage": "rocketmq",
    "alikafka:Topic:Message": "kafka",
    "amqp:Queue:SendMessage": "rabbitmq",
    "mns:Queue:SendMessage": "alibaba_cloud_mns",
}


def detect(event: list[Any]) -> Trigger | None:
    """RocketMQ, Kafka, RabbitMQ and MNS queues."""
    items = [parsed(item) for item in event]
    messages = [item for item in items if isinstance(item, dict) and item.get("type") in _SYSTEMS]
    if not messages:
        return None
    kind = messages[0]["type"]
    carriers = [_carrier(kind, message) for message in messages]
    return batch(
        _SYSTEMS[kind],
        _destination(kind, messages[0]),
        [carrier for carrier in carriers if carrier],
        len(messages),
        _message_id(messages[0]),
    )


def _destination(kind: str, message: Mapping[str, Any]) -> str | None:
    data = part(message, "data")
    name = data.get("topic") or part(data, "envelope").get("routingKey")
    if name:
        return str(name)
    # MNS names the queue in the subject: acs:mns:region:account:queues/NAME
    return str(message.get("subject", "")).rpartition("queues/")[2].rpartition("/")[2] or None


def _carrier(kind: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
    data = part(message, "data")
    if kind == "mq:Topic:SendMessage":
        return part(data, "userProperties")
    if kind == "amqp:Queue:SendMessage":
        return part(data, "props", "headers") or part(data, "props")
    if kind == "alikafka:Topic:Message":
        return _kafka_headers(part(data, "headers").get("headers"))
    body = parsed(data.get("messageBody"))
    return body if isinstance(body, dict) else {}


def _kafka_headers(headers: Any) -> dict[str, Any]:
    found = {}
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, dict):
            value = header.get("value")
            if isinstance(value, list):  # bytes come as a list of numbers
                value = bytes([number & 255 for number in value if isinstance(number, int)])
            found[str(header.get("key", ""))] = value
    return found


def _message_id(message: Mapping[str, Any]) -> str | None:
    data = part(message, "data")
    found = part(data, "systemProperties").get("UNIQ_KEY") or data.get("messageId") or message.get("id")
    return str(found) if found else None
