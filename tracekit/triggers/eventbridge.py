"""AWS EventBridge: schedules and events. The context, where a sender puts one, is in the detail."""

from __future__ import annotations

from tracekit.triggers.base import PUBSUB, Trigger, part, timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """`Scheduled Event` of aws.events is a timer, everything else a message."""
    if event["detail-type"] == "Scheduled Event" and event["source"] in ("aws.events", "aws.scheduler"):
        resources = event.get("resources") or [""]
        return timer(
            event.get("time"), **{"tracekit.trigger.name": str(resources[0]).rpartition("/")[2] or None}
        )
    attributes = {
        "messaging.system": "aws.eventbridge",
        "messaging.message.id": event.get("id"),
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
    trigger = Trigger(PUBSUB, attributes, part(event, "detail"))
    trigger.name_source(event["detail-type"], event["source"], None)
    trigger.is_message = True
    trigger.sent_at((event.get("time"),))
    return trigger
