"""Function Compute's time trigger."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """{triggerName, triggerTime, payload}."""
    return timer(str(event["triggerTime"]), **{"tracekit.trigger.name": str(event["triggerName"])})
