"""AWS CloudWatch Logs: a compressed batch of log lines, which is left as it is. No trace context."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """awslogs.data."""
    if "data" not in part(event, "awslogs"):
        return None
    return batch("aws.cloudwatch_logs", None, [], None)
