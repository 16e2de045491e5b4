"""Messages to the shop's topics. The trace context travels in the message's properties."""

from __future__ import annotations

import json
import os

from tracekit import inject, span

from .http import request


def send_message(topic: str, body: str) -> str:
    """Sends one message and returns its id. Raises OSError when the broker did not take it."""
    attributes = {
        "messaging.system": "rocketmq",
        "messaging.destination.name": topic,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
    }
    with span(f"send {topic}", kind="producer", attributes=attributes) as current:
        properties: dict[str, str] = {}
        inject(properties)
        message = json.dumps({"body": body, "properties": properties}).encode()
        reply = request("POST", f"{os.environ['SHOP_BROKER_URL']}/topics/{topic}/messages", message)
        if reply.status != 200:
            raise OSError(f"the broker answered {reply.status}")
        message_id = str(json.loads(reply.body)["messageId"])
        current.set_attribute("messaging.message.id", message_id)
        return message_id
