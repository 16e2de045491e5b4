"""AWS API Gateway HTTP API (payload 2.0) and Lambda function URLs."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, http, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """version 2.0 with a routeKey ("GET /pets/{id}", or "$default" where no route was matched)."""
    request = part(event, "requestContext", "http")
    if not request.get("method"):
        return None
    _, _, route = str(event["routeKey"]).partition(" ")
    return http(
        method=str(request["method"]),
        path=request.get("path") or event.get("rawPath"),
        route=route or None,
        host=part(event, "requestContext").get("domainName"),
        headers=part(event, "headers"),
        client=request.get("sourceIp"),
    )
