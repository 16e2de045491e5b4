"""Alibaba Cloud MNS topic in JSON mode: one message, the context among its top-level keys."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """TopicName with Subscriber."""
    topic, published = str(event["TopicName"]), [event.get("PublishTime")]
    return batch("alibaba_cloud_mns", topic, [event], 1, event.get("MessageId"), published)
