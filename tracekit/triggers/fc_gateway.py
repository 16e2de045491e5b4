"""Alibaba Cloud API gateway calling Function Compute."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, http, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """httpMethod with path, headers, queryParameters, pathParameters."""
    return http(method=str(event["httpMethod"]), path=event.get("path"), headers=part(event, "headers"))
