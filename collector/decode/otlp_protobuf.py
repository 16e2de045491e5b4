"""OTLP protobuf to span batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from collector.decode import wire
from collector.decode.attributes import (
    array_json,
)
from collector.decode.builder import (
    MAX_EVENTS,
    MAX_GROUPS,
    MAX_SPANS,
    BatchBuilder,
    SpanFields,
    event_json,
    link_json,
)
from collector.decode.fields import require_sparse
from collector.decode.memo import Memo
from collector.decode.parts import attributes, resource, scope, text
from collector.decode.result import BadSpan, Decoded, Undecodable

_GROUPS = (MAX_GROUPS, "resources and scopes in one request")
_SPANS = (MAX_SPANS, "spans in one request")
_FIELDS = (100_000, "attributes, events and links in one span")


def decode(body: bytes, received_ns: int) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable or TooLarge."""
    require_sparse(body, (_GROUPS, _GROUPS, _SPANS, _FIELDS))
    builder = BatchBuilder(received_ns, len(body))
    try:
        groups = wire.TracesData.FromString(body).resource_spans
        builder.expect_groups(len(groups))
        for raw in groups:
            _resource_spans(builder, wire.ResourceSpans.FromString(raw))
    except DecodeError as error:
        raise Undecodable("the body is not an OTLP ExportTraceServiceRequest in protobuf") from error
    return builder.finish()


def _resource_spans(builder: BatchBuilder, message: Any) -> None:
    known = resource(message.resource, message.schema_url)
    builder.expect_groups(len(message.scope_spans))
    for raw in message.scope_spans:
        scope_spans = wire.ScopeSpans.FromString(raw)
        within = scope(scope_spans.scope, scope_spans.schema_url)
        builder.expect_spans(len(scope_spans.spans))
        for span in scope_spans.spans:
            try:
                message = wire.Span.FromString(span)
                builder.add(known, within, _span(builder, message))
            except BadSpan as error:
                builder.reject(str(error))
            except DecodeError:
                builder.reject("span is not readable protobuf")


def _span(builder: BatchBuilder, message: Any) -> SpanFields:
    found = attributes(builder, message.attributes)
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
        text(message.trace_state),
        message.flags,
        found,
        events,
        links,
        exception_type,
        message.dropped_attributes_count,
        message.dropped_events_count + lost_events,
        message.dropped_links_count + lost_links,
    )


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
        found = attributes(builder, message.attributes)
        if message.name == b"exception":
            exception_type = found.wanted.get("exception.type", exception_type)
        name = text(message.name)
        parts.append(event_json(message.time_unix_nano, name, found, message.dropped_attributes_count))
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


_NAMES: Memo[str] = Memo(text, 16_384)
_STATUSES: Memo[tuple[str, int]] = Memo(_read_status, 4_096)
