"""Rows of a span batch, put together the same way for every encoding."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import Any, NamedTuple

from collector import jsonvalue
from collector.decode.attributes import AttributeSet, object_json
from collector.decode.promote import ResourceColumns, resource_columns, span_columns
from collector.decode.result import BadSpan, Decoded, TooLarge
from collector.model import COLUMN_NAMES, Resource, Scope, SpanBatch

# Of one request. 19 KB of gzip can hold ten million empty spans: each costs far more here than on the wire.
MAX_SPANS = 200_000
MAX_GROUPS = 50_000  # ResourceSpans and ScopeSpans together
MAX_ITEMS = 2_000_000  # attributes, events and links together
MAX_EVENTS = 10_000  # of one span, and as many links; the rest are dropped and counted

# A start outside [2000-01-01, received + 1 day] is a broken clock, and would stretch every time range.
EARLIEST_NS = 946_684_800_000_000_000
LATEST_AHEAD_NS = 86_400_000_000_000

_U32 = 2**32 - 1
_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)
_CLAMPED = "tracekit.time_clamped"


class KnownResource(NamedTuple):
    resource: Resource
    columns: ResourceColumns


class KnownScope(NamedTuple):
    scope: Scope
    label: str


class SpanFields(NamedTuple):
    """A span as both encodings give it: ids as bytes, times unchecked, attributes read."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    start_ns: int
    end_ns: int
    kind: int
    status: int
    status_message: str
    name: str
    trace_state: str
    flags: int
    attributes: AttributeSet
    events: str  # JSON
    links: str  # JSON
    exception_type: str
    dropped_attributes: int
    dropped_events: int
    dropped_links: int


def known_resource(
    attributes: AttributeSet, schema_url: str, dropped: int = 0, entity_refs: str = ""
) -> KnownResource:
    """The resource with its id: a hash of all it says, whatever the order of its attributes."""
    dropped = _u32(dropped + attributes.dropped)
    # What most resources lack is left out of the hash, so that ids of earlier versions stay.
    rare = (str(dropped), entity_refs) if dropped or entity_refs else ()
    columns = resource_columns(attributes.wanted)
    resource_id = _hashed(schema_url, _canonical(attributes), *rare)
    made = Resource(resource_id, columns.service, attributes.json, schema_url, dropped, entity_refs)
    return KnownResource(made, columns)


def known_scope(
    name: str, version: str, attributes: AttributeSet, schema_url: str, dropped: int
) -> KnownScope:
    dropped = _u32(dropped + attributes.dropped)
    said = (name, version, _canonical(attributes), schema_url, str(dropped or ""))
    # Lengths keep apart what a newline in a name would run together.
    scope_id = _hashed(*(f"{len(text)}:{text}" for text in said)) if any(said) else 0
    scope = Scope(scope_id, name, version, attributes.json, schema_url, dropped)
    return KnownScope(scope, scope.label)


def _canonical(attributes: AttributeSet) -> str:
    return object_json(dict(sorted(attributes.fragments.items())))


def _hashed(*texts: str) -> int:
    digest = blake2b("\n".join(texts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1  # 0 would read as "none"


class BatchBuilder:
    """Collects spans of one request. Raises TooLarge when the request holds too much."""

    def __init__(self, received_ns: int, wire_bytes: int) -> None:
        self._received_ns = received_ns
        self._wire_bytes = wire_bytes
        self._rows: list[tuple[Any, ...]] = []
        self._resources: dict[int, Resource] = {}
        self._scopes: dict[int, Scope] = {}
        self._rejected: Counter[str] = Counter()
        self._items = 0
        self._spans = 0
        self._groups = 0

    def expect_groups(self, count: int) -> None:
        """Called before reading them: an empty group costs four bytes on the wire, and far more to read."""
        self._groups += count
        if self._groups > MAX_GROUPS:
            raise TooLarge(f"more than {MAX_GROUPS} resources and scopes in one request")

    def expect_spans(self, count: int) -> None:
        """Called before reading them, so that too many are refused while they are cheap."""
        self._spans += count
        if self._spans > MAX_SPANS:
            raise TooLarge(f"more than {MAX_SPANS} spans in one request")

    def count_items(self, count: int) -> None:
        self._items += count
        if self._items > MAX_ITEMS:
            raise TooLarge(f"more than {MAX_ITEMS} attributes, events and links in one request")

    def reject(self, reason: str) -> None:
        self._rejected[reason] += 1

    def add(self, known: KnownResource, known_scope: KnownScope, span: SpanFields) -> None:
        """Append one span, or raise BadSpan."""
        trace_id, span_id, parent_id = _checked_ids(span.trace_id, span.span_id, span.parent_span_id)
        start_ns, duration_ns, clamped = _sane_times(span.start_ns, span.end_ns, self._received_ns)
        fragments = span.attributes.fragments
        if clamped:
            fragments = {**fragments, _CLAMPED: f'"{_CLAMPED}":true'}
        resource, columns = known
        self._resources[resource.resource_id] = resource
        scope, label = known_scope
        if scope.scope_id:
            self._scopes[scope.scope_id] = scope
        self._rows.append(
            (
                trace_id,
                span_id,
                parent_id,
                start_ns,
                duration_ns,
                span.kind if 0 <= span.kind <= 5 else 0,
                span.status if 0 <= span.status <= 2 else 0,
                span.status_message,
                columns.service,
                span.name,
                label,
                resource.resource_id,
                span.trace_state,
                *_counts(span),
                self._received_ns,
                *columns[1:],
                *span_columns(span.kind, span.attributes.wanted, span.exception_type),
                object_json(fragments),
                span.events,
                span.links,
                scope.scope_id,
            )
        )

    def finish(self) -> Decoded:
        if not self._rows:
            return Decoded(SpanBatch.empty(), self._rejected)
        columns = dict(zip(COLUMN_NAMES, map(list, zip(*self._rows))))
        return Decoded(SpanBatch(columns, self._resources, self._wire_bytes, self._scopes), self._rejected)


def _checked_ids(trace_id: bytes, span_id: bytes, parent_id: bytes) -> tuple[str, int, int]:
    if len(trace_id) != 16:
        raise BadSpan("trace id is not 16 bytes long")
    if len(span_id) != 8:
        raise BadSpan("span id is not 8 bytes long")
    if parent_id and len(parent_id) != 8:
        raise BadSpan("parent span id is not 8 bytes long")
    if span_id == _NO_SPAN:
        raise BadSpan("span id is all zeros")
    if trace_id == _NO_TRACE:
        raise BadSpan("trace id is all zeros")
    return trace_id.hex(), int.from_bytes(span_id, "big"), int.from_bytes(parent_id, "big")


def _sane_times(start_ns: int, end_ns: int, received_ns: int) -> tuple[int, int, bool]:
    """(start, duration, whether either had to be changed). A span without a start starts where it ends."""
    latest = received_ns + LATEST_AHEAD_NS
    if EARLIEST_NS <= start_ns <= end_ns <= latest:
        return start_ns, end_ns - start_ns, False
    wanted = start_ns or end_ns or received_ns
    start = min(max(wanted, EARLIEST_NS), latest)
    end = min(max(end_ns, start), latest)
    return start, end - start, True


def _counts(span: SpanFields) -> tuple[int, int, int, int]:
    """flags and the dropped counts, as unsigned 32-bit numbers whatever a JSON sender wrote."""
    dropped = span.dropped_attributes + span.attributes.dropped
    counts = (span.flags, dropped, span.dropped_events, span.dropped_links)
    if counts != (0, 0, 0, 0) and not all(0 <= count <= _U32 for count in counts):
        return _u32(span.flags), _u32(dropped), _u32(span.dropped_events), _u32(span.dropped_links)
    return counts


def _u32(count: int) -> int:
    return min(max(count, 0), _U32)


def event_json(time_ns: int, name: str, attributes: AttributeSet, dropped: int) -> str:
    text = f'{{"time_ns":{_i64(time_ns)},"name":{jsonvalue.dumps(name)}'
    return text + _tail(attributes, dropped)


def link_json(
    trace_id: bytes, span_id: bytes, trace_state: str, flags: int, attributes: AttributeSet, dropped: int
) -> str:
    """ "" for a link to nowhere (ids of a wrong length or all zeros): the caller counts it as dropped."""
    if len(trace_id) != 16 or len(span_id) != 8 or not any(trace_id) or not any(span_id):
        return ""
    text = f'{{"trace_id":"{trace_id.hex()}","span_id":"{span_id.hex()}"'
    if trace_state:
        text += f',"trace_state":{jsonvalue.dumps(trace_state)}'
    if flags:
        text += f',"flags":{_u32(flags)}'
    return text + _tail(attributes, dropped)


def _tail(attributes: AttributeSet, dropped: int) -> str:
    text = f',"attributes":{attributes.json}' if attributes.fragments else ""
    dropped += attributes.dropped
    return text + (f',"dropped_attributes_count":{_u32(dropped)}}}' if dropped else "}")


def _i64(value: int) -> int:
    return min(max(value, 0), 2**63 - 1)
