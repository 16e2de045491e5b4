"""Self-hosted RocketMQ calling Function Compute: a list of messages, the context in user properties."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, objects, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: list[Any]) -> Trigger | None:
    """Items with msgId and systemProperties."""
    messages = [item for item in objects(event) if "msgId" in item and "systemProperties" in item]
    if not messages:
        return None
    return batch(
        "rocketmq",
        messages[0].get("topic"),
        [part(message, "userProperties") for message in messages],
        len(messages),
        messages[0].get("msgId"),
        [message.get("bornTimestamp") or message.get("storeTimestamp") for message in messages],
    )
