"""OTLP requests with the official messages, and the same in JSON written out by hand."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.batches import MS, T0

TRACE = bytes(range(1, 17))
SPAN = bytes(range(1, 9))


def request(*spans: Span, service: str = "shop") -> ExportTraceServiceRequest:
    found = ExportTraceServiceRequest()
    resource_spans = found.resource_spans.add()
    attribute = resource_spans.resource.attributes.add()
    attribute.key, attribute.value.string_value = "service.name", service
    resource_spans.scope_spans.add().spans.extend(spans)
    return found


def span(span_id: int = 1, trace_id: bytes = TRACE, **fields: Any) -> Span:
    times = {"start_time_unix_nano": T0, "end_time_unix_nano": T0 + 5 * MS}
    return Span(
        **({"trace_id": trace_id, "span_id": span_id.to_bytes(8, "big"), "name": "s"} | times | fields)
    )


def json_request(*spans: Any, service: str = "shop") -> dict[str, Any]:
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    return {
        "resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": list(spans)}]}]
    }


def json_span(**fields: Any) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(T0), "endTimeUnixNano": str(T0 + 5 * MS)}
    return {"traceId": TRACE.hex(), "spanId": SPAN.hex(), "name": "s"} | times | fields
