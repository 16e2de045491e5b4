"""Log records to OTLP protobuf bytes, with the same primitives as spans.

The bytes equal those of opentelemetry's own encoder for the same records (a test compares). Field numbers
are from opentelemetry-proto's logs.proto.
"""

from __future__ import annotations

from _struct import pack

from tracekit.otlp import SCOPE, _attribute, _attributes, _field, _text, _value, _varint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class LogRecord:
    """One thing that was said. Times are Unix nanoseconds; `severity` is OpenTelemetry's number, 0 unknown;
    `trace_id` and `span_id` are numbers, 0 for none; `scope` is the logger's name, "" for tracekit's own."""

    __slots__ = (
        "attributes",
        "body",
        "dropped",
        "event_name",
        "observed",
        "sampled",
        "scope",
        "severity",
        "severity_text",
        "span_id",
        "time",
        "trace_id",
    )

    def __init__(self, time: int, body: Any, attributes: dict[str, Any], scope: str = "") -> None:
        self.time = self.observed = time
        self.body = body
        self.attributes = attributes
        self.scope = scope
        self.severity = 0
        self.severity_text = ""
        self.trace_id = 0
        self.span_id = 0
        self.sampled = False
        self.dropped = 0
        self.event_name = ""


def encode(records: list[LogRecord], resource: Mapping[str, Any], dropped: int = 0) -> bytes:
    """An ExportLogsServiceRequest with one resource. `dropped` becomes the attribute
    `tracekit.dropped_logs` of the first scope: how many records were lost before these."""
    groups: dict[str, list[bytes]] = {}
    for record in records:
        groups.setdefault(record.scope, []).append(_field(b"\x12", encode_record(record)))
    parts = [_field(b"\x0a", _attributes(b"\x0a", resource))]
    for scope, encoded in groups.items():
        head = _text(b"\x0a", scope) if scope else _text(b"\x0a", SCOPE[0]) + _text(b"\x12", SCOPE[1])
        if dropped:
            head += _attribute(b"\x1a", "tracekit.dropped_logs", dropped)
            dropped = 0
        parts.append(_field(b"\x12", _field(b"\x0a", head) + b"".join(encoded)))
    return _field(b"\x0a", b"".join(parts))


def encode_record(record: LogRecord) -> bytes:
    """One LogRecord message."""
    parts = []
    if record.time:
        parts.append(b"\x09" + pack("<Q", record.time))
    if record.severity:
        parts.append(b"\x10" + _varint(record.severity))
    parts.append(_text(b"\x1a", record.severity_text))
    if record.body is not None:
        parts.append(_field(b"\x2a", _value(record.body)))
    parts.append(_attributes(b"\x32", record.attributes))
    if record.dropped:
        parts.append(b"\x38" + _varint(record.dropped))
    if record.sampled:
        parts.append(b"\x45" + pack("<I", 1))
    if record.trace_id:
        parts.append(b"\x4a\x10" + record.trace_id.to_bytes(16, "big"))
    if record.span_id:
        parts.append(b"\x52\x08" + record.span_id.to_bytes(8, "big"))
    if record.observed:
        parts.append(b"\x59" + pack("<Q", record.observed))
    parts.append(_text(b"\x62", record.event_name))
    return b"".join(parts)
