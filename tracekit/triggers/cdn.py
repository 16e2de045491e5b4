"""Alibaba Cloud CDN: something happened to a domain. Its traceId is its own and no trace context."""

from __future__ import annotations

from tracekit.triggers.base import OTHER, Trigger, first, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """Events whose eventSource is cdn."""
    record = first(event["events"])
    trigger = Trigger(OTHER)
    trigger.name_source(
        record.get("eventName"), part(record, "resource").get("domain"), record.get("traceId")
    )
    trigger.sent_at([record.get("eventTime")])
    return trigger
