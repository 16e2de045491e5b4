"""AWS API Gateway REST API (payload 1.0) and load balancers with a resource."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, http, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """httpMethod with resource, the route as it was configured ("/pets/{id}")."""
    context = part(event, "requestContext")
    many = part(event, "multiValueHeaders")
    headers = part(event, "headers") or {name: value[0] for name, value in many.items() if value}
    return http(
        method=str(event["httpMethod"]),
        path=event.get("path"),
        route=event.get("resource"),
        host=context.get("domainName"),
        headers=headers,
        client=part(context, "identity").get("sourceIp"),
    )
