"""Function Compute message triggers: a list of CloudEvents (items may be JSON text), one for each message."""

from __future__ import annotations

from tracekit.triggers import parsed
from tracekit.triggers.base import DATASOURCE, Trigger, batch, byte_headers, objects, part

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
_DTS = "dts:ConsumeMessage"


def detect(event: list[Any]) -> Trigger | None:
    """RocketMQ, Kafka, RabbitMQ, MNS queues, DTS, and whatever else EventBridge hands on in batches."""
    messages = [item for item in objects([parsed(item) for item in event]) if "specversion" in item]
    messages = messages or [item for item in objects(event) if str(item.get("type")) in _SYSTEMS]
    if not messages:
        return None
    kind = str(messages[0].get("type"))
    if kind == _DTS:
        return _changes(messages)
    return batch(
        _SYSTEMS.get(kind, "alibaba_cloud_eventbridge"),
        _destination(messages[0]),
        [_carrier(kind, message) for message in messages],
        len(messages),
        _message_id(messages[0]),
        [_sent(message) for message in messages],
    )


def _changes(messages: list[dict[str, Any]]) -> Trigger:
    """DTS: rows of a database changed."""
    trigger = Trigger(DATASOURCE, {"tracekit.trigger.records": len(messages)})
    trigger.name_source(messages[0]["type"], messages[0].get("source"), messages[0].get("id"))
    trigger.sent_at([message.get("time") for message in messages])
    return trigger


def _destination(message: Mapping[str, Any]) -> str | None:
    data = part(message, "data")
    name = data.get("topic") or part(data, "envelope").get("routingKey")
    if name:
        return str(name)
    # MNS names the queue in the subject: acs:mns:region:account:queues/NAME
    queue = str(message.get("subject", "")).rpartition("queues/")[2].rpartition("/")[2]
    return queue or str(message.get("aliyuneventbusname", "")) or None


def _carrier(kind: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
    data = part(message, "data")
    if kind == "mq:Topic:SendMessage":
        return part(data, "userProperties")
    if kind == "amqp:Queue:SendMessage":
        return part(data, "props", "headers") or part(data, "props")
    if kind == "alikafka:Topic:Message":
        headers = objects(part(data, "headers").get("headers"))
        return byte_headers([(header.get("key"), header.get("value")) for header in headers])
    if kind == "mns:Queue:SendMessage":
        body = parsed(data.get("messageBody"))
        return body if isinstance(body, dict) else {}
    return {name: value for name, value in message.items() if name != "data" and isinstance(value, str)}


def _sent(message: Mapping[str, Any]) -> Any:
    data = part(message, "data")
    return (
        data.get("timestamp")
        or data.get("publishTime")
        or part(data, "systemProperties").get("BORN_TIMESTAMP")
        or part(data, "props").get("timestamp")
        or message.get("aliyunpublishtime")
        or message.get("time")
    )


def _message_id(message: Mapping[str, Any]) -> str | None:
    data = part(message, "data")
    found = part(data, "systemProperties").get("UNIQ_KEY") or data.get("messageId") or message.get("id")
    return str(found) if found else None
