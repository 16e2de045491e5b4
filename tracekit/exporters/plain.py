"""Spans as plain dictionaries, the shape the file and console exporters write."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Span

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


def plain(span: Span) -> dict[str, Any]:
    """One span, ready for json.dumps."""
    parent = span.parent
    data: dict[str, Any] = {
        "name": span.name,
        "kind": _KINDS[span.kind],
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": parent.span_id if parent is not None else None,
        "start_time_unix_nano": span.start,
        "end_time_unix_nano": span.end,
        "attributes": plain_attributes(span.attributes or {}),
        "status": "unset",
    }
    rare = span.rare
    if rare is not None:
        data["status"] = _STATUSES[rare.status]
        data["status_message"] = rare.message
        data["events"] = [
            {
                "name": event.name,
                "time_unix_nano": event.time,
                "attributes": plain_attributes(event.attributes),
            }
            for event in rare.events
        ]
        data["links"] = [
            {
                "trace_id": link.context.trace_id,
                "span_id": link.context.span_id,
                "attributes": link.attributes,
            }
            for link in rare.links
        ]
    return data


def plain_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attribute values as JSON can say them: bytes as hexadecimal text, stacks as text."""
    return {key: _plain_value(value) for key, value in attributes.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_plain_value(item) for item in value]
    if isinstance(value, dict):
        return plain_attributes(value)
    return value if isinstance(value, (str, bool, int, float)) else str(value)
