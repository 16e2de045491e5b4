"""AWS Cognito: a step of a sign-up or sign-in. It carries no trace context."""

from __future__ import annotations

from tracekit.triggers.base import OTHER, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """triggerSource with userPoolId. Who signs in is left out."""
    trigger = Trigger(OTHER)
    trigger.name_source(event["triggerSource"], event["userPoolId"], None)
    return trigger
