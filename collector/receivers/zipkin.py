"""Zipkin v2: spans as JSON, answered with 202. Its protobuf and v1 are not taken, nor is Jaeger's thrift."""

from __future__ import annotations

from collector.decode.result import Decoded
from collector.payload import Signal
from collector.receivers.http_app import Encoding, Route
from collector.receivers.status import Failure


def _accepted(signal: Signal, decoded: Decoded) -> bytes:
    """Zipkin has no partial success: what was left out is told in words, and counted in /metrics."""
    if not decoded.rejected_items:
        return b""
    return f"{decoded.rejected_items} spans were left out: {decoded.message}\n".encode()


def _refused(failure: Failure) -> bytes:
    return f"{failure.message}\n".encode()


JSON = Encoding("text/plain; charset=utf-8", "zipkin_json", _accepted, _refused, success_status=202)
# Old tracers name no media type.
ROUTES = (Route("/api/v2/spans", "zipkin", "traces", {"application/json": JSON, "": JSON}, JSON),)
