"""One CloudEvent (Alibaba Cloud's EventBridge, Google, Knative), the context in its extension attributes."""

from __future__ import annotations

from tracekit.triggers.base import PUBSUB, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """specversion, type, source, id."""
    attributes = {
        "cloudevents.event_id": event.get("id"),
        "cloudevents.event_source": event.get("source"),
        "cloudevents.event_type": event.get("type"),
        "cloudevents.event_subject": event.get("subject"),
        "cloudevents.event_spec_version": event.get("specversion"),
    }
    carrier = {name: event.get(name) for name in ("traceparent", "tracestate")}
    trigger = Trigger(PUBSUB, attributes, carrier)
    trigger.is_message = True
    return trigger
