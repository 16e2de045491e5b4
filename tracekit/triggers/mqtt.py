"""Alibaba Cloud's MQTT calling Function Compute. Its messages carry no trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, objects, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: list[Any]) -> Trigger | None:
    """Items with props.firstTopic."""
    messages = [item for item in objects(event) if part(item, "props").get("firstTopic")]
    if not messages:
        return None
    props = part(messages[0], "props")
    topic = "/".join([str(props[name]) for name in ("firstTopic", "secondTopic") if props.get(name)])
    sent = [part(message, "props").get("bornTimestamp") for message in messages]
    return batch("mqtt", topic, [], len(messages), messages[0].get("msgId"), sent)
