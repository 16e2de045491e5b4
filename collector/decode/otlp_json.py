"""OTLP JSON to span batches, to the letter of the OTLP specification and leniently beyond it.

Hex ids in either case, integer enums (names too), 64-bit integers as numbers or strings, unknown fields
ignored, lowerCamelCase and snake_case. protobuf's json_format is no help: it base64-decodes hex ids into
wrong bytes without a word.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from functools import lru_cache
from typing import Any

import orjson

from collector import jsonvalue
from collector.decode.attributes import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    UNREADABLE,
    AttributeSet,
    Entry,
    array_json,
    attribute_set,
    clean,
    entry,
)
from collector.decode.builder import (
    MAX_EVENTS,
    BatchBuilder,
    KnownScope,
    SpanFields,
    event_json,
    known_resource,
    known_scope,
    link_json,
)
from collector.decode.containers import require_sparse_json
from collector.decode.result import BadSpan, Decoded, Undecodable
from collector.model import Kind, Status

# 2**64 has 20 digits; a longer text is no 64-bit integer whatever its value.
_MAX_DIGITS = 21
_REMEMBERED = 256  # characters of a text attribute whose JSON is worth keeping

_KINDS = {f"SPAN_KIND_{kind.name}": int(kind) for kind in Kind} | {kind.name: int(kind) for kind in Kind}
_STATUSES = {f"STATUS_CODE_{s.name}": int(s) for s in Status} | {s.name: int(s) for s in Status}


def decode(body: bytes, received_ns: int) -> Decoded:
    """The spans of an ExportTraceServiceRequest in JSON. Raises Undecodable or TooLarge."""
    require_sparse_json(body)
    request = _parse(body)
    if not isinstance(request, dict):
        raise Undecodable("the body is not a JSON object")
    builder = BatchBuilder(received_ns, len(body))
    try:
        groups = _objects(request, "resourceSpans", "resource_spans")
        builder.expect_groups(len(groups))
        for resource_spans in groups:
            _resource_spans(builder, resource_spans)
    except BadSpan as error:  # above the spans: it is about all of them
        raise Undecodable(str(error)) from error
    return builder.finish()


def _parse(body: bytes) -> Any:
    body = body.removeprefix(b"\xef\xbb\xbf")  # a byte order mark is not JSON, but harmless
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # The standard library also reads what some encoders write: NaN, lone surrogates, huge numbers.
        try:
            return json.loads(body.decode())
        except (ValueError, RecursionError) as error:
            raise Undecodable("the body is not an OTLP ExportTraceServiceRequest in JSON") from error


def _resource_spans(builder: BatchBuilder, message: dict[str, Any]) -> None:
    resource = _object(message, "resource")
    known = known_resource(
        _attributes(builder, resource),
        _schema_url(message),
        _dropped_attributes(resource),
        _entity_refs(resource),
    )
    groups = _objects(message, "scopeSpans", "scope_spans")
    builder.expect_groups(len(groups))
    for scope_spans in groups:
        scope = _scope(builder, scope_spans)
        spans = _list(scope_spans, "spans")
        builder.expect_spans(len(spans))
        for span in spans:
            try:
                builder.add(known, scope, _span(builder, span))
            except BadSpan as error:
                builder.reject(str(error))


def _entity_refs(resource: dict[str, Any]) -> str:
    refs = [
        {
            "type": _text(ref, "type"),
            "schema_url": _text(ref, "schemaUrl", "schema_url"),
            "id_keys": [str(key) for key in _list(ref, "idKeys", "id_keys")],
            "description_keys": [str(key) for key in _list(ref, "descriptionKeys", "description_keys")],
        }
        for ref in _objects(resource, "entityRefs", "entity_refs")
    ]
    return jsonvalue.dumps(refs) if refs else ""


def _schema_url(group: dict[str, Any]) -> str:
    return _text(group, "schemaUrl", "schema_url").replace("\0", "")  # as the decoders of protobuf read it


def _scope(builder: BatchBuilder, scope_spans: dict[str, Any]) -> KnownScope:
    scope = _object(scope_spans, "scope")
    return known_scope(
        _text(scope, "name"),
        _text(scope, "version"),
        _attributes(builder, scope),
        _schema_url(scope_spans),
        _dropped_attributes(scope),
    )


def _span(builder: BatchBuilder, message: Any) -> SpanFields:
    if not isinstance(message, dict):
        raise BadSpan("span is not a JSON object")
    status = _object(message, "status")
    events, exception_type, lost_events = _events(builder, message)
    links, lost_links = _links(builder, message)
    return SpanFields(
        _id(message, "traceId", "trace_id"),
        _id(message, "spanId", "span_id"),
        _id(message, "parentSpanId", "parent_span_id"),
        _integer(message, "startTimeUnixNano", "start_time_unix_nano"),
        _integer(message, "endTimeUnixNano", "end_time_unix_nano"),
        _enum(message, _KINDS, "kind"),
        _enum(status, _STATUSES, "code"),
        _text(status, "message"),
        _text(message, "name"),
        _text(message, "traceState", "trace_state"),
        _integer(message, "flags"),
        _attributes(builder, message),
        events,
        links,
        exception_type,
        _integer(message, "droppedAttributesCount", "dropped_attributes_count"),
        _integer(message, "droppedEventsCount", "dropped_events_count") + lost_events,
        _integer(message, "droppedLinksCount", "dropped_links_count") + lost_links,
    )


def _events(builder: BatchBuilder, span: dict[str, Any]) -> tuple[str, str, int]:
    """(JSON, exception.type of the last exception event, how many could not be kept)."""
    events = _list(span, "events")
    builder.count_items(len(events))
    parts, exception_type = [], ""
    for event in events[:MAX_EVENTS]:
        if not isinstance(event, dict):
            continue
        attributes = _attributes(builder, event)
        name = _text(event, "name")
        if name == "exception":
            exception_type = attributes.wanted.get("exception.type", exception_type)
        time_ns = _integer(event, "timeUnixNano", "time_unix_nano")
        parts.append(event_json(time_ns, name, attributes, _dropped_attributes(event)))
    return array_json(parts), exception_type, len(events) - len(parts)


def _links(builder: BatchBuilder, span: dict[str, Any]) -> tuple[str, int]:
    """(JSON, how many could not be kept)."""
    links = _list(span, "links")
    builder.count_items(len(links))
    parts = [part for link in links[:MAX_EVENTS] if (part := _link(builder, link))]
    return array_json(parts), len(links) - len(parts)


def _link(builder: BatchBuilder, link: Any) -> str:
    if not isinstance(link, dict):
        return ""
    try:
        trace_id, span_id = _id(link, "traceId", "trace_id"), _id(link, "spanId", "span_id")
    except BadSpan:  # a link to nowhere does not spoil its span
        return ""
    state, flags = _text(link, "traceState", "trace_state"), _integer(link, "flags")
    return link_json(trace_id, span_id, state, flags, _attributes(builder, link), _dropped_attributes(link))


def _dropped_attributes(message: dict[str, Any]) -> int:
    return _integer(message, "droppedAttributesCount", "dropped_attributes_count")


# ---------------------------------------------------------------- attributes


def _attributes(builder: BatchBuilder, message: dict[str, Any]) -> AttributeSet:
    pairs = _list(message, "attributes")
    builder.count_items(len(pairs))
    entries = [_entry(pair) for pair in pairs[:MAX_ATTRIBUTES]]
    return attribute_set(entries, max(len(pairs) - MAX_ATTRIBUTES, 0))


def _entry(pair: Any) -> Entry:
    try:
        key, value = _key(pair), pair.get("value")
        # Nine in ten attributes are a short text, and most of them repeat.
        if type(value) is dict and len(value) == 1:
            text = value.get("stringValue")
            if type(text) is str and len(text) <= _REMEMBERED:
                return _string_entry(key, text)
        return entry(key, _value(value, MAX_DEPTH))
    except (_Unreadable, BadSpan):
        return UNREADABLE


@lru_cache(maxsize=16_384)
def _string_entry(key: str, text: str) -> Entry:
    return entry(key, clean(text))


class _Unreadable(ValueError):
    """This value is none of AnyValue's kinds: the attribute is dropped and counted."""


def _key(pair: Any) -> str:
    if not isinstance(pair, dict):
        raise _Unreadable
    key = pair.get("key")
    return key if type(key) is str and key.isascii() else _text(pair, "key")


def _value(message: Any, depth: int) -> Any:
    """An AnyValue. With two kinds set the last one counts, as in protobuf; unknown kinds read as None."""
    if message is None:
        return None
    if not isinstance(message, dict):
        raise _Unreadable
    value = None
    for field, content in message.items():
        reader = _READERS.get(field)
        if reader is not None and content is not None:
            value = reader(content, depth)
    return value


def _string(content: Any, depth: int) -> str:
    if not isinstance(content, str):
        raise _Unreadable
    return clean(content)


def _boolean(content: Any, depth: int) -> bool:
    if not isinstance(content, bool):
        raise _Unreadable
    return content


def _int64(content: Any, depth: int) -> int:
    number = _as_integer(content)
    if not -(2**63) <= number < 2**63:
        raise _Unreadable
    return number


def _double(content: Any, depth: int) -> float:
    if isinstance(content, bool) or not isinstance(content, (int, float, str)):
        raise _Unreadable
    try:
        return float(
            content
        )  # also "NaN", "Infinity" and "-Infinity", as protobuf's JSON mapping writes them
    except (ValueError, OverflowError):
        raise _Unreadable from None


def _bytes(content: Any, depth: int) -> bytes:
    if not isinstance(content, str):
        raise _Unreadable
    try:
        plain = content.translate(_URL_SAFE)
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise _Unreadable from None


_URL_SAFE = str.maketrans("-_", "+/")


def _array(content: Any, depth: int) -> list[Any]:
    return [_value(item, depth - 1) for item in _values(content, depth)]


def _map(content: Any, depth: int) -> dict[str, Any]:
    return {_key(item): _value(item.get("value"), depth - 1) for item in _values(content, depth)}


def _values(content: Any, depth: int) -> list[Any]:
    if not depth or not isinstance(content, dict):
        raise _Unreadable
    return _list(content, "values")


_READERS = {
    "stringValue": _string,
    "string_value": _string,
    "boolValue": _boolean,
    "bool_value": _boolean,
    "intValue": _int64,
    "int_value": _int64,
    "doubleValue": _double,
    "double_value": _double,
    "bytesValue": _bytes,
    "bytes_value": _bytes,
    "arrayValue": _array,
    "array_value": _array,
    "kvlistValue": _map,
    "kvlist_value": _map,
}


# ---------------------------------------------------------------- fields


def _get(message: dict[str, Any], name: str, also: str = "") -> Any:
    """The field by its lowerCamelCase name, else by its snake_case one."""
    value = message.get(name)
    return message.get(also) if value is None and also else value


def _list(message: dict[str, Any], *names: str) -> list[Any]:
    value = _get(message, *names)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadSpan(f"{names[0]} is not an array")
    return value


def _objects(message: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    """Of the levels above spans: what is no object there makes the whole payload unreadable."""
    value = _get(message, *names)
    items = [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Undecodable(f"{names[0]} is not an array of objects")
    return items


def _object(message: dict[str, Any], name: str) -> dict[str, Any]:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _text(message: dict[str, Any], *names: str) -> str:
    """A string field; "" if absent. A number is taken by its digits, anything else breaks the span."""
    value = _get(message, *names)
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise BadSpan(f"{names[0]} is not a string")


def _id(message: dict[str, Any], *names: str) -> bytes:
    value = _get(message, *names)
    if value is None:
        return b""
    try:
        return binascii.unhexlify(value)
    except (TypeError, ValueError):
        raise BadSpan(f"{names[0]} is not hexadecimal") from None


def _integer(message: dict[str, Any], *names: str) -> int:
    value = _get(message, *names)
    if value is None:
        return 0
    try:
        return _as_integer(value)
    except _Unreadable:
        raise BadSpan(f"{names[0]} is not an integer") from None


def _as_integer(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= _MAX_DIGITS:
        try:
            return int(value)
        except ValueError:
            raise _Unreadable from None
    raise _Unreadable


def _enum(message: dict[str, Any], names: dict[str, int], field: str) -> int:
    value = message.get(field)
    if isinstance(value, str) and value in names:
        return names[value]
    return _integer(message, field)
