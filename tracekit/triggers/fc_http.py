"""Function Compute 3.0 HTTP triggers: like AWS's payload 2.0, without a route."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, http, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """rawPath with requestContext.http."""
    request = part(event, "requestContext", "http")
    if not request.get("method"):
        return None
    return http(
        method=str(request["method"]),
        path=request.get("path") or event.get("rawPath"),
        host=part(event, "requestContext").get("domainName"),
        headers=part(event, "headers"),
        client=request.get("sourceIp"),
    )
