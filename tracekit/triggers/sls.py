"""Alibaba Cloud Log Service (SLS): a range of a log store. It carries no trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """source.logstoreName with jobName."""
    source = part(event, "source")
    if not source.get("logstoreName"):
        return None
    store = "/".join([str(source[name]) for name in ("projectName", "logstoreName") if source.get(name)])
    trigger = batch("alibaba_cloud_sls", store, [], None, None, [event.get("cursorTime")])
    trigger.name_source(event["jobName"], source.get("endpoint"), event.get("taskId"))
    return trigger
