"""One HTTP request with the standard library, so that the layer adds no dependency to a function."""

from __future__ import annotations

import http.client
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CALLER = os.environ.get("FC_FUNCTION_NAME") or os.environ.get("K_SERVICE") or "unknown"
"""This function's name; the demo's hosts count calls by it, without looking at any trace."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, timeout_s: float = 5
) -> Reply:
    """Sends one request. Raises TimeoutError, or another OSError when nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, body, {"x-demo-caller": CALLER, **(headers or {})})
        reply = connection.getresponse()
        return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()
