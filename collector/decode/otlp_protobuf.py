"""OTLP protobuf to span batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from collector.decode import shapes, wire
from collector.decode.attributes import array_json
from collector.decode.builder import (
    CLAMPED,
    MAX_EVENTS,
    MAX_GROUPS,
    MAX_SPANS,
    BatchBuilder,
    KnownResource,
    KnownScope,
    event_json,
    link_json,
    sane_times,
)
from collector.decode.fields import require_sparse
from collector.decode.inplace import read, reader
from collector.decode.memo import Memo
from collector.decode.parts import attributes, entries_of, resource, scope, text
from collector.decode.result import BadSpan, Decoded, Undecodable

_GROUPS = (MAX_GROUPS, "resources and scopes in one request")
_SPANS = (MAX_SPANS, "spans in one request")
FIELDS = (100_000, "attributes, events and links in one span")
NO_REQUEST = "the body is not an OTLP ExportTraceServiceRequest in protobuf"
UNREADABLE_SPAN = "span is not readable protobuf"


def decode(body: bytes, received_ns: int) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable or TooLarge."""
    require_sparse(body, (_GROUPS, _GROUPS, _SPANS, FIELDS))
    builder = BatchBuilder(received_ns, len(body))
    try:
        groups = _known(_groups(builder, body))
    except DecodeError as error:
        raise Undecodable(NO_REQUEST) from error
    span_of = reader(wire.Span, body)
    for known, within, spans in groups:
        builder.begin(known, within)
        for raw in spans:
            try:
                _add(builder, span_of(raw))
            except BadSpan as error:
                builder.reject(str(error))
            except DecodeError:
                builder.reject(UNREADABLE_SPAN)
    return builder.finish()


def _groups(builder: BatchBuilder, body: bytes) -> list[tuple[Any, list[Any]]]:
    """Every ResourceSpans with its ScopeSpans, counted before anything in them is read."""
    raw_groups = read(wire.TracesData, body).resource_spans
    builder.expect_groups(len(raw_groups))
    groups = []
    for raw_group in raw_groups:
        resource_spans = read(wire.ResourceSpans, raw_group)
        builder.expect_groups(len(resource_spans.scope_spans))
        inner = []
        for raw in resource_spans.scope_spans:
            scope_spans = read(wire.ScopeSpans, raw)
            builder.expect_spans(len(scope_spans.spans))
            inner.append(scope_spans)
        groups.append((resource_spans, inner))
    return groups


def _known(groups: list[tuple[Any, list[Any]]]) -> list[tuple[KnownResource, KnownScope, Sequence[bytes]]]:
    """Every group of spans with what sent and what made them, read before the first span is."""
    found = []
    for resource_spans, inner in groups:
        known = resource(resource_spans.resource, resource_spans.schema_url)
        for scope_spans in inner:
            within = scope(scope_spans.scope, scope_spans.schema_url)
            found.append((known, within, scope_spans.spans))
    return found


def _add(builder: BatchBuilder, message: Any) -> None:
    """One span. Raises BadSpan."""
    start_ns, duration_ns, clamped = sane_times(
        message.start_time_unix_nano, message.end_time_unix_nano, builder.received_ns
    )
    raw_events, raw_links = message.events, message.links
    events, exception_type, lost_events = _events(builder, raw_events) if raw_events else _NO_EVENTS
    links, lost_links = _links(builder, raw_links) if raw_links else _NO_LINKS
    entries, lost_attributes = entries_of(builder, message.attributes)
    if clamped:
        entries.append(CLAMPED)
    kind = message.kind
    attributes_json, columns, invocation_id, unreadable = shapes.read(entries, kind, exception_type)
    status_message, status = _STATUSES[message.status]
    builder.append(
        message.trace_id,
        message.span_id,
        message.parent_span_id,
        start_ns,
        duration_ns,
        kind,
        status,
        status_message,
        _NAMES[message.name],
        _STATES[message.trace_state],
        message.flags,
        attributes_json,
        events,
        links,
        columns,
        invocation_id,
        message.dropped_attributes_count + lost_attributes + unreadable,
        message.dropped_events_count + lost_events,
        message.dropped_links_count + lost_links,
    )


_NO_EVENTS = "", "", 0
_NO_LINKS = "", 0


def _events(builder: BatchBuilder, raws: Sequence[bytes]) -> tuple[str, str, int]:
    """(JSON, exception.type of the last exception event, how many could not be kept)."""
    builder.count_items(len(raws))
    parts, exception_type = [], ""
    for raw in raws[:MAX_EVENTS]:
        try:
            message = read(wire.Event, raw)
        except DecodeError:
            continue
        found = attributes(builder, message.attributes)
        if message.name == b"exception":
            exception_type = found.wanted.get("exception.type", exception_type)
        name = text(message.name)
        parts.append(event_json(message.time_unix_nano, name, found, message.dropped_attributes_count))
    return array_json(parts), exception_type, len(raws) - len(parts)


def _links(builder: BatchBuilder, raws: Sequence[bytes]) -> tuple[str, int]:
    """(JSON, how many could not be kept)."""
    builder.count_items(len(raws))
    parts = [part for raw in raws[:MAX_EVENTS] if (part := _link(builder, raw))]
    return array_json(parts), len(raws) - len(parts)


def _link(builder: BatchBuilder, raw: bytes) -> str:
    try:
        message = wire.Link.FromString(raw)
    except DecodeError:
        return ""
    found = attributes(builder, message.attributes)
    return link_json(
        message.trace_id,
        message.span_id,
        text(message.trace_state),
        message.flags,
        found,
        message.dropped_attributes_count,
    )


# ---------------------------------------------------------------- what repeats, remembered by its bytes


def _read_status(raw: bytes) -> tuple[str, int]:
    message = wire.Status.FromString(raw)
    return text(message.message), message.code


_NAMES: Memo[bytes, str] = Memo(text, 16_384)
_STATES: Memo[bytes, str] = Memo(text, 1_024)
_STATUSES: Memo[bytes, tuple[str, int]] = Memo(_read_status, 4_096)
