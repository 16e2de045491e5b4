"""OTLP protobuf to span batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from collector import jsonvalue
from collector.decode import wire
from collector.decode.attributes import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    UNREADABLE,
    AttributeSet,
    Entry,
    array_json,
    attribute_set,
    entry,
)
from collector.decode.builder import (
    MAX_EVENTS,
    MAX_GROUPS,
    MAX_SPANS,
    BatchBuilder,
    KnownResource,
    KnownScope,
    SpanFields,
    event_json,
    known_resource,
    known_scope,
    link_json,
)
from collector.decode.fields import require_few
from collector.decode.memo import Memo
from collector.decode.result import BadSpan, Decoded, Undecodable

_NO_ATTRIBUTES = AttributeSet({}, {}, 0)

MAX_FIELDS = 100_000  # of one span: its attributes, events and links in all
_GROUPS, _FIELDS = "resources and scopes in one request", "attributes, events and links in one span"


def decode(body: bytes, received_ns: int) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable or TooLarge."""
    builder = BatchBuilder(received_ns, len(body))
    try:
        groups = wire.TracesData.FromString(require_few(body, MAX_GROUPS, _GROUPS)).resource_spans
        builder.expect_groups(len(groups))
        for raw in groups:
            _resource_spans(builder, wire.ResourceSpans.FromString(require_few(raw, MAX_GROUPS, _GROUPS)))
    except DecodeError as error:
        raise Undecodable("the body is not an OTLP ExportTraceServiceRequest in protobuf") from error
    return builder.finish()


def _resource_spans(builder: BatchBuilder, message: Any) -> None:
    known = _RESOURCES.get(_with_schema(message.schema_url, message.resource))
    builder.expect_groups(len(message.scope_spans))
    for raw in message.scope_spans:
        scope_spans = wire.ScopeSpans.FromString(require_few(raw, MAX_SPANS, "spans in one request"))
        scope = _SCOPES.get(_with_schema(scope_spans.schema_url, scope_spans.scope))
        builder.expect_spans(len(scope_spans.spans))
        for span in scope_spans.spans:
            try:
                message = wire.Span.FromString(require_few(span, MAX_FIELDS, _FIELDS))
                builder.add(known, scope, _span(builder, message))
            except BadSpan as error:
                builder.reject(str(error))
            except DecodeError:
                builder.reject("span is not readable protobuf")


def _span(builder: BatchBuilder, message: Any) -> SpanFields:
    attributes = _attributes(builder, message.attributes)
    events, exception_type, lost_events = _events(builder, message.events)
    links, lost_links = _links(builder, message.links)
    status_message, status = _STATUSES.get(message.status)
    return SpanFields(
        message.trace_id,
        message.span_id,
        message.parent_span_id,
        message.start_time_unix_nano,
        message.end_time_unix_nano,
        message.kind,
        status,
        status_message,
        _NAMES.get(message.name),
        _text(message.trace_state),
        message.flags,
        attributes,
        events,
        links,
        exception_type,
        message.dropped_attributes_count,
        message.dropped_events_count + lost_events,
        message.dropped_links_count + lost_links,
    )


def _attributes(builder: BatchBuilder, raws: Sequence[bytes]) -> AttributeSet:
    count = len(raws)
    if not count:
        return _NO_ATTRIBUTES
    builder.count_items(count)
    if count > MAX_ATTRIBUTES:
        return attribute_set(_entries(raws[:MAX_ATTRIBUTES]), count - MAX_ATTRIBUTES)
    return attribute_set(_entries(raws))


def _entries(raws: Sequence[bytes]) -> list[Entry]:
    known = _ENTRIES.known
    return [known.get(raw) or _ENTRIES.get(raw) for raw in raws]


def _events(builder: BatchBuilder, raws: Sequence[bytes]) -> tuple[str, str, int]:
    """(JSON, exception.type of the last exception event, how many could not be kept)."""
    if not raws:
        return "", "", 0
    builder.count_items(len(raws))
    parts, exception_type = [], ""
    for raw in raws[:MAX_EVENTS]:
        try:
            message = wire.Event.FromString(raw)
        except DecodeError:
            continue
        attributes = _attributes(builder, message.attributes)
        if message.name == b"exception":
            exception_type = attributes.wanted.get("exception.type", exception_type)
        name = _text(message.name)
        parts.append(event_json(message.time_unix_nano, name, attributes, message.dropped_attributes_count))
    return array_json(parts), exception_type, len(raws) - len(parts)


def _links(builder: BatchBuilder, raws: Sequence[bytes]) -> tuple[str, int]:
    """(JSON, how many could not be kept)."""
    if not raws:
        return "", 0
    builder.count_items(len(raws))
    parts = [part for raw in raws[:MAX_EVENTS] if (part := _link(builder, raw))]
    return array_json(parts), len(raws) - len(parts)


def _link(builder: BatchBuilder, raw: bytes) -> str:
    try:
        message = wire.Link.FromString(raw)
    except DecodeError:
        return ""
    attributes = _attributes(builder, message.attributes)
    return link_json(
        message.trace_id,
        message.span_id,
        _text(message.trace_state),
        message.flags,
        attributes,
        message.dropped_attributes_count,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace") if raw else ""


# ---------------------------------------------------------------- what repeats, remembered by its bytes


def _read_entry(raw: bytes) -> Entry:
    try:
        message = wire.KeyValue.FromString(raw)
        return entry(_text(message.key), _value(message.value, MAX_DEPTH))
    except (DecodeError, RecursionError):
        return UNREADABLE


def _value(message: Any, depth: int) -> Any:
    """An AnyValue; a field of a later OTLP version reads as None."""
    which = message.WhichOneof("value")
    if which == "string_value":
        return _text(message.string_value)
    if which in ("array_value", "kvlist_value"):
        if not depth:
            raise RecursionError("the value nests too deep")
        values = getattr(message, which).values
        if which == "array_value":
            return [_value(item, depth - 1) for item in values]
        return {_text(item.key): _value(item.value, depth - 1) for item in values}
    return getattr(message, which) if which in _SCALARS else None


_SCALARS = ("int_value", "bool_value", "double_value", "bytes_value")


def _with_schema(schema_url: bytes, raw: bytes) -> bytes:
    """`schema URL NUL message`: both together are what one resource or scope is."""
    return schema_url.replace(b"\0", b"") + b"\0" + raw


def _read_resource(key: bytes) -> KnownResource:
    schema_url, _, raw = key.partition(b"\0")
    message = wire.Resource.FromString(raw)
    refs = jsonvalue.dumps([_entity_ref(ref) for ref in message.entity_refs]) if message.entity_refs else ""
    return known_resource(_few(message.attributes), _text(schema_url), message.dropped_attributes_count, refs)


def _entity_ref(raw: bytes) -> dict[str, Any]:
    message = wire.EntityRef.FromString(raw)
    return {
        "type": _text(message.type),
        "schema_url": _text(message.schema_url),
        "id_keys": [_text(key) for key in message.id_keys],
        "description_keys": [_text(key) for key in message.description_keys],
    }


def _read_scope(key: bytes) -> KnownScope:
    schema_url, _, raw = key.partition(b"\0")
    message = wire.Scope.FromString(raw)
    attributes, dropped = _few(message.attributes), message.dropped_attributes_count
    return known_scope(_text(message.name), _text(message.version), attributes, _text(schema_url), dropped)


def _few(raws: Sequence[bytes]) -> AttributeSet:
    return attribute_set(_entries(raws[:MAX_ATTRIBUTES]), max(len(raws) - MAX_ATTRIBUTES, 0))


def _read_status(raw: bytes) -> tuple[str, int]:
    message = wire.Status.FromString(raw)
    return _text(message.message), message.code


_ENTRIES: Memo[Entry] = Memo(_read_entry, 65_536)
_RESOURCES: Memo[KnownResource] = Memo(_read_resource, 1_024, longest=8_192)
_SCOPES: Memo[KnownScope] = Memo(_read_scope, 4_096, longest=8_192)
_NAMES: Memo[str] = Memo(_text, 16_384)
_STATUSES: Memo[tuple[str, int]] = Memo(_read_status, 4_096)
