"""AWS API Gateway REST API (payload 1.0)."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, first_values, http, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """httpMethod with resource, the route as it was configured ("/pets/{id}")."""
    context = part(event, "requestContext")
    headers = part(event, "headers") or first_values(part(event, "multiValueHeaders"))
    return http(
        method=str(event["httpMethod"]),
        path=event.get("path"),
        route=event.get("resource"),
        host=context.get("domainName"),
        headers=headers,
        client=part(context, "identity").get("sourceIp"),
    )
