"""OTLP as JSON over HTTP, for receivers that take nothing else. Needs opentelemetry-proto (tracekit[otel]).

What is encoded as protobuf is decoded and written again: slower, but one encoder decides what is sent.
"""

from __future__ import annotations

import json
from base64 import b64decode

from tracekit.exporters.otlp_http import OtlpHttpExporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_REQUESTS = {
    "spans": ("trace.v1.trace_service_pb2", "ExportTraceServiceRequest"),
    "logs": ("logs.v1.logs_service_pb2", "ExportLogsServiceRequest"),
    "metrics": ("metrics.v1.metrics_service_pb2", "ExportMetricsServiceRequest"),
}
# OTLP writes these in hexadecimal digits, where protobuf's own JSON has base64.
_IDS = ("traceId", "spanId", "parentSpanId")


class OtlpJsonExporter(OtlpHttpExporter):
    """Posts JSON to one URL."""

    content_type = "application/json"
    spools_as = ""  # the spool's files are protobuf

    def render(self, body: bytes) -> bytes:
        return to_json(body, self.signal)

    def join(self, bodies: list[Any]) -> Any:
        return None


def to_json(body: bytes, signal: str) -> bytes:
    """An encoded export request of "spans", "logs" or "metrics" as OTLP's JSON."""
    from google.protobuf.json_format import MessageToDict

    module, name = _REQUESTS[signal]
    home = __import__(f"opentelemetry.proto.collector.{module}", fromlist=(name,))
    message = getattr(home, name).FromString(body)
    return json.dumps(_hexadecimal(MessageToDict(message, use_integers_for_enums=True))).encode()


def _hexadecimal(node: Any) -> Any:
    if isinstance(node, list):
        return [_hexadecimal(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _value(key, value, node) for key, value in node.items()}


def _value(key: str, value: Any, owner: Mapping[str, Any]) -> Any:
    return b64decode(value).hex() if key in _IDS and isinstance(value, str) else _hexadecimal(value)
