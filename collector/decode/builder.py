"""Rows of a span batch, put together the same way for every encoding."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from collector import jsonvalue
from collector.decode.attributes import AttributeSet, entry, object_json
from collector.decode.promote import ResourceColumns, SpanColumns, resource_columns, span_columns
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
# What a span gets that had to be moved in time.
CLAMPED = entry("tracekit.time_clamped", True)


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
        self.received_ns = received_ns
        self._wire_bytes = wire_bytes
        self._rows: list[tuple[Any, ...]] = []  # what each span has of its own: _OWN, and SpanColumns
        self._runs: list[_Run] = []
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

    def begin(self, known: KnownResource, known_scope: KnownScope) -> None:
        """What sent and what made the spans that are added from now on."""
        self._runs.append(_Run(known, known_scope, len(self._rows)))

    def add(self, known: KnownResource, known_scope: KnownScope, span: SpanFields) -> None:
        """Append one span, or raise BadSpan."""
        if not self._runs or (self._runs[-1].known, self._runs[-1].scope) != (known, known_scope):
            self.begin(known, known_scope)
        start_ns, duration_ns, clamped = sane_times(span.start_ns, span.end_ns, self.received_ns)
        fragments = span.attributes.fragments
        if clamped:
            fragments = {**fragments, CLAMPED.key: CLAMPED.fragment}
        columns = span_columns(span.kind, span.attributes.wanted, span.exception_type)
        self.append(
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            start_ns,
            duration_ns,
            span.kind,
            span.status,
            span.status_message,
            span.name,
            span.trace_state,
            span.flags,
            object_json(fragments),
            span.events,
            span.links,
            columns,
            columns.invocation_id,
            span.dropped_attributes + span.attributes.dropped,
            span.dropped_events,
            span.dropped_links,
        )

    def append(
        self,
        trace_id: bytes,
        span_id: bytes,
        parent_id: bytes,
        start_ns: int,
        duration_ns: int,
        kind: int,
        status: int,
        status_message: str,
        name: str,
        trace_state: str,
        flags: int,
        attributes: str,
        events: str,
        links: str,
        columns: SpanColumns,
        invocation_id: str,
        dropped_attributes: int,
        dropped_events: int,
        dropped_links: int,
    ) -> None:
        """The same of texts in JSON and sane times; ids, numbers and counts may be anything."""
        if len(trace_id) != 16 or len(span_id) != 8 or trace_id == _NO_TRACE or span_id == _NO_SPAN:
            raise BadSpan(_why(trace_id, span_id, parent_id))
        if parent_id and len(parent_id) != 8:
            raise BadSpan(_why(trace_id, span_id, parent_id))
        self._rows.append(
            (
                trace_id,
                span_id,
                parent_id or _NO_SPAN,
                start_ns,
                duration_ns,
                kind if 0 <= kind <= 5 else 0,
                status if 0 <= status <= 2 else 0,
                status_message,
                name,
                trace_state,
                flags and _u32(flags),
                dropped_attributes and _u32(dropped_attributes),
                dropped_events and _u32(dropped_events),
                dropped_links and _u32(dropped_links),
                attributes,
                events,
                links,
                columns,
                invocation_id,
            )
        )

    def finish(self) -> Decoded:
        if not self._rows:
            return Decoded(SpanBatch.empty(), self._rejected)
        *own, columns, invocation_ids = map(list, zip(*self._rows))
        found = dict(zip(_OWN, own))
        found["trace_id"] = [trace_id.hex() for trace_id in found["trace_id"]]
        found["span_id"] = _numbers(found["span_id"])
        found["parent_span_id"] = _numbers(found["parent_span_id"])
        found.update(zip(SpanColumns._fields, map(list, zip(*columns))))
        found["invocation_id"] = invocation_ids
        return Decoded(self._batch(found), self._rejected)

    def _batch(self, found: dict[str, list[Any]]) -> SpanBatch:
        """With what spans have of their resource and scope."""
        resources: dict[int, Resource] = {}
        scopes: dict[int, Scope] = {}
        shared: dict[str, list[Any]] = {name: [] for name in _SHARED}
        ends = [run.first for run in self._runs[1:]]
        for run, end in zip(self._runs, [*ends, len(self._rows)]):
            if run.first < end:
                (resource, columns), (scope, label) = run.known, run.scope
                resources[resource.resource_id] = resource
                if scope.scope_id:
                    scopes[scope.scope_id] = scope
                values = (*columns, label, resource.resource_id, scope.scope_id, self.received_ns)
                for name, value in zip(_SHARED, values):
                    shared[name] += [value] * (end - run.first)
        found.update(shared)
        columns_in_order = {name: found[name] for name in COLUMN_NAMES}
        return SpanBatch(columns_in_order, resources, self._wire_bytes, scopes)


class _Run(NamedTuple):
    """Spans of one resource and scope, from one row to where the next run begins."""

    known: KnownResource
    scope: KnownScope
    first: int


_OWN = (
    *("trace_id", "span_id", "parent_span_id", "start_ns", "duration_ns", "kind", "status", "status_message"),
    *("name", "trace_state", "flags"),
    *("dropped_attributes_count", "dropped_events_count", "dropped_links_count"),
    *("attributes", "events", "links"),
)
_SHARED = (*ResourceColumns._fields, "scope", "resource_id", "scope_id", "received_ns")


def _numbers(ids: Sequence[bytes]) -> list[int]:
    """Of eight bytes each."""
    found = array("Q", b"".join(ids))
    if sys.byteorder == "little":
        found.byteswap()
    return found.tolist()


def _why(trace_id: bytes, span_id: bytes, parent_id: bytes) -> str:
    if len(trace_id) != 16:
        return "trace id is not 16 bytes long"
    if len(span_id) != 8:
        return "span id is not 8 bytes long"
    if parent_id and len(parent_id) != 8:
        return "parent span id is not 8 bytes long"
    return "span id is all zeros" if span_id == _NO_SPAN else "trace id is all zeros"


def sane_times(start_ns: int, end_ns: int, received_ns: int) -> tuple[int, int, bool]:
    """(start, duration, whether either had to be changed). A span without a start starts where it ends."""
    latest = received_ns + LATEST_AHEAD_NS
    if EARLIEST_NS <= start_ns <= end_ns <= latest:
        return start_ns, end_ns - start_ns, False
    wanted = start_ns or end_ns or received_ns
    start = min(max(wanted, EARLIEST_NS), latest)
    end = min(max(end_ns, start), latest)
    return start, end - start, True


def _u32(count: int) -> int:
    """As an unsigned 32-bit number, whatever a JSON sender wrote."""
    return min(max(count, 0), _U32)


def event_json(time_ns: int, name: str, attributes: AttributeSet, dropped: int) -> str:
    text = f'{{"time_ns":{_i64(time_ns)},"name":{encode_basestring(name)}'
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
