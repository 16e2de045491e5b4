"""Spans to OTLP protobuf bytes, with nothing imported but struct.

The bytes equal those of opentelemetry's own encoder for the same spans (a test compares). Field numbers are
from opentelemetry-proto's trace.proto, common.proto and resource.proto.
"""

from __future__ import annotations

from _struct import pack

from tracekit import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Event, Extra, Link, Span

SCOPE = ("tracekit", __version__)
_VARINTS = [bytes((number,)) for number in range(128)]
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
_keys: dict[str, bytes] = {}
_MAX_KEYS = 2048


def encode(spans: list[Span], resource: Mapping[str, Any], dropped: int = 0) -> bytes:
    """An ExportTraceServiceRequest with one resource. `dropped` becomes the scope attribute
    `tracekit.dropped_spans`: how many spans were lost before these."""
    groups: dict[tuple[str, str] | None, list[bytes]] = {}
    for span in spans:
        rare = span.rare
        scope = None if rare is None else rare.scope
        groups.setdefault(scope, []).append(_field(b"\x12", encode_span(span)))
    parts = [_field(b"\x0a", _attributes(b"\x0a", resource))]
    for scope, encoded in groups.items():
        name, version = scope or SCOPE
        head = _text(b"\x0a", name) + _text(b"\x12", version)
        if dropped:
            head += _attribute(b"\x1a", "tracekit.dropped_spans", dropped)
            dropped = 0
        parts.append(_field(b"\x12", _field(b"\x0a", head) + b"".join(encoded)))
    return _field(b"\x0a", b"".join(parts))


def encode_span(span: Span) -> bytes:
    """One Span message."""
    parent = span.parent
    flags = _HAS_IS_REMOTE
    parts = [b"\x0a\x10", span.tid.to_bytes(16, "big"), b"\x12\x08", span.sid.to_bytes(8, "big")]
    if span.trace.state:
        parts.append(_text(b"\x1a", span.trace.state))
    if parent is not None:
        parts += (b"\x22\x08", parent.sid.to_bytes(8, "big"))
        if getattr(parent, "remote", False):
            flags |= _IS_REMOTE
    parts += (_text(b"\x2a", span.name), b"\x30", _VARINTS[span.kind])
    if span.start:
        parts.append(b"\x39" + pack("<Q", span.start))
    if span.end:
        parts.append(b"\x41" + pack("<Q", span.end))
    if span.attributes:
        parts.append(_attributes(b"\x4a", span.attributes))
    rare = span.rare
    if rare is None:
        parts.append(b"\x7a\x00")
    else:
        parts.append(_rare(rare))
    parts += (b"\x85\x01", pack("<I", flags))
    return b"".join(parts)


def _rare(extra: Extra) -> bytes:
    parts = []
    if extra.dropped_attributes:
        parts.append(b"\x50" + _varint(extra.dropped_attributes))
    parts += [_field(b"\x5a", _event(event)) for event in extra.events]
    if extra.dropped_events:
        parts.append(b"\x60" + _varint(extra.dropped_events))
    parts += [_field(b"\x6a", _link(link)) for link in extra.links]
    if extra.dropped_links:
        parts.append(b"\x70" + _varint(extra.dropped_links))
    status = _text(b"\x12", extra.message)
    if extra.status:
        status += b"\x18" + _VARINTS[extra.status]
    parts.append(_field(b"\x7a", status))
    return b"".join(parts)


def _event(event: Event) -> bytes:
    body = b"\x09" + pack("<Q", event.time) if event.time else b""
    body += _text(b"\x12", event.name) + _attributes(b"\x1a", event.attributes)
    return body + (b"\x20" + _varint(event.dropped) if event.dropped else b"")


def _link(link: Link) -> bytes:
    context = link.context
    body = b"\x0a\x10" + context.tid.to_bytes(16, "big") + b"\x12\x08" + context.sid.to_bytes(8, "big")
    body += _attributes(b"\x22", link.attributes)
    if link.dropped:
        body += b"\x28" + _varint(link.dropped)
    return body + b"\x35" + pack("<I", _HAS_IS_REMOTE | (_IS_REMOTE if context.remote else 0))


def _attributes(tag: bytes, attributes: Mapping[str, Any]) -> bytes:
    # A copy, because a span's thread may still add while another thread's flush encodes.
    return b"".join([_attribute(tag, key, value) for key, value in list(attributes.items())])


def _attribute(tag: bytes, key: str, value: Any) -> bytes:
    encoded = _keys.get(key)
    if encoded is None:
        encoded = _text(b"\x0a", key)
        if len(_keys) < _MAX_KEYS:
            _keys[key] = encoded
    return _field(tag, encoded + _field(b"\x12", _value(value)))


def _value(value: Any) -> bytes:
    kind = type(value)
    if kind is str:
        return _field(b"\x0a", value.encode("utf-8", "replace"))
    if kind is bool:
        return b"\x10\x01" if value else b"\x10\x00"
    if kind is int:
        return b"\x18" + _varint(value & 0xFFFFFFFFFFFFFFFF)
    if kind is float:
        return b"\x21" + pack("<d", value)
    if kind is list or kind is tuple:
        return _field(b"\x2a", b"".join([_field(b"\x0a", _value(item)) for item in value]))
    if kind is dict:
        return _field(b"\x32", _attributes(b"\x0a", value))
    if kind is bytes:
        return _field(b"\x3a", value)
    if value is None:
        return b""
    return _field(b"\x0a", str(value).encode("utf-8", "replace"))


def _text(tag: bytes, text: str) -> bytes:
    """A string field; proto3 leaves out empty ones."""
    return _field(tag, text.encode("utf-8", "replace")) if text else b""


def _field(tag: bytes, body: bytes) -> bytes:
    size = len(body)
    return tag + (_VARINTS[size] if size < 128 else _varint(size)) + body


def _varint(number: int) -> bytes:
    if number < 128:
        return _VARINTS[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
