"""AWS application load balancers: like REST APIs, without a route."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, first_values, http, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """requestContext.elb."""
    if "elb" not in part(event, "requestContext"):
        return None
    headers = part(event, "headers") or first_values(part(event, "multiValueHeaders"))
    trigger = http(method=str(event["httpMethod"]), path=event.get("path"), headers=headers)
    client = str((trigger.carrier or {}).get("x-forwarded-for", "")).partition(",")[0].strip()
    if client:
        trigger.attributes["client.address"] = client
    return trigger
