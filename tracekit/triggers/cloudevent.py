"""One CloudEvent (Alibaba Cloud's EventBridge, Google, Knative), the context in its extension attributes."""

from __future__ import annotations

from tracekit.triggers.base import PUBSUB, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger:
    """specversion, type, source, id."""
    attributes = {
        "cloudevents.event_id": event.get("id"),
        "cloudevents.event_source": event.get("source"),
        "cloudevents.event_type": event.get("type"),
        "cloudevents.event_subject": event.get("subject"),
        "cloudevents.event_spec_version": event.get("specversion"),
    }
    # Extension attributes are text; data is the sender's and never a carrier.
    carrier = {name: value for name, value in event.items() if name != "data" and isinstance(value, str)}
    trigger = Trigger(PUBSUB, attributes, carrier)
    trigger.is_message = True
    trigger.sent_at((event.get("aliyunpublishtime") or event.get("time"),))
    if "aliyuneventbusname" in event:
        trigger.attributes["messaging.system"] = "alibaba_cloud_eventbridge"
        trigger.attributes["messaging.destination.name"] = event["aliyuneventbusname"]
    return trigger
