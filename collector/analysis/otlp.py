"""Stored spans as OTLP writes them in JSON: what any OpenTelemetry backend takes in, ours included.

Lost are what a stored span does not carry itself: schema URLs and the attributes of scopes. What was derived
while decoding is not written; whoever reads the file derives it again.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any

from collector.model import Event, Link, Span

Json = dict[str, Any]


def otlp_json(spans: Iterable[Span]) -> Json:
    """An ExportTraceServiceRequest (opentelemetry-proto v1, JSON mapping): hex ids, 64-bit integers as text.
    Spans of one resource and scope stand together, in the order they were given."""
    resources: dict[int, tuple[Span, dict[str, list[Json]]]] = {}
    for span in spans:
        _, scopes = resources.setdefault(span.resource_id, (span, {}))
        scopes.setdefault(span.scope, []).append(_span(span))
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(first.resource)},
                "scopeSpans": [
                    {"scope": _scope(scope), "spans": members} for scope, members in scopes.items()
                ],
            }
            for first, scopes in resources.values()
        ]
    }


def _scope(label: str) -> Json:
    """From "name" or "name@version". A name may begin with @, as those of JavaScript packages do."""
    name, _, version = label.rpartition("@")
    return {"name": name, "version": version} if name else {"name": label}


def _span(span: Span) -> Json:
    written: Json = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_span_id,
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind.value,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": [_event(event) for event in span.events],
        "droppedEventsCount": span.dropped_events_count,
        "links": [_link(link) for link in span.links],
        "droppedLinksCount": span.dropped_links_count,
        "status": _set({"code": span.status.value, "message": span.status_message}),
    }
    return _set(written)


def _event(event: Event) -> Json:
    return _set(
        {
            "timeUnixNano": str(event.time_ns),
            "name": event.name,
            "attributes": _attributes(event.attributes),
            "droppedAttributesCount": event.dropped_attributes_count,
        }
    )


def _link(link: Link) -> Json:
    return _set(
        {
            "traceId": link.trace_id,
            "spanId": link.span_id,
            "traceState": link.trace_state,
            "flags": link.flags,
            "attributes": _attributes(link.attributes),
            "droppedAttributesCount": link.dropped_attributes_count,
        }
    )


def _set(message: Json) -> Json:
    """Without fields at their default, which protobuf's JSON leaves out."""
    return {name: value for name, value in message.items() if value not in ("", 0, [], {})}


def _attributes(attributes: Mapping[str, Any]) -> list[Json]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> Json:
    """An AnyValue; without any kind for None."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _non_finite(value)}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    return {}


def _non_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
