"""The vocabulary every room of the collector shares: what a span is once it is decoded.

This module imports nothing of ours but how columns become Arrow memory and JSON text becomes values.
Receivers and decoders produce `SpanBatch`, engines store it, and readers give `Span` back. Field names
follow OTLP (opentelemetry-proto v1) and the semantic conventions; a field that is derived says so.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from typing import Any

from collector import arrow, jsonvalue
from collector.arrow import ColumnType

# Keys to what an OTLP AnyValue becomes: null, bool, int, float, str, bytes, list or dict of these.

Attributes = dict[str, Any]


class Kind(IntEnum):
    """OTLP Span.SpanKind."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Status(IntEnum):
    """OTLP Status.StatusCode."""

    UNSET = 0
    OK = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened inside a span, at a moment."""

    time_ns: int
    name: str
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A pointer to another span, in this trace or another."""

    trace_id: str
    span_id: str
    attributes: Attributes = field(default_factory=dict)
    trace_state: str = ""
    flags: int = 0
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """One stored span.

    Ids are lower-case hex (32 and 16 characters); `parent_span_id` is "" for a root. Times are
    nanoseconds since the Unix epoch. The second half are the promoted attributes: standard
    attributes that pages filter and group by, read once while decoding; "" or None where absent.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int
    duration_ns: int
    kind: Kind
    status: Status
    status_message: str
    service: str
    name: str
    scope: str
    resource_id: int
    attributes: Attributes
    resource: Attributes
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    trace_state: str = ""
    flags: int = 0
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0
    received_ns: int = 0
    # promoted from the resource
    version: str = ""
    instance: str = ""
    platform: str = ""
    region: str = ""
    # promoted from the span
    trigger: str = ""
    coldstart: bool | None = None
    phase: str = ""
    invocation_id: str = ""
    http_method: str = ""
    http_route: str = ""
    http_status: int | None = None
    db_system: str = ""
    db_statement: str = ""
    messaging_system: str = ""
    messaging_destination: str = ""
    bucket: str = ""
    error_type: str = ""
    peer_kind: str = ""
    peer: str = ""
    scope_id: int = 0

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns

    @property
    def is_call(self) -> bool:
        """Whether this span is a call of a function: SERVER, or CONSUMER for messages."""
        return self.kind in (Kind.SERVER, Kind.CONSUMER)

    @property
    def failed(self) -> bool:
        return self.status is Status.ERROR


# A span with this attribute = true is a snapshot of one that still runs (collector.storage.unfinished).
UNFINISHED = "tracekit.unfinished"
# As jsonvalue writes it. Quotes inside a value are escaped, so only a key can read like this.
_UNFINISHED_JSON = f'"{UNFINISHED}":true'


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a span batch. `meaning` is what docs/schema.md prints."""

    name: str
    type: ColumnType
    meaning: str


# The shape of a decoded batch, whichever decoder made it. Order matters: engines rely on it.
SPAN_COLUMNS: tuple[Column, ...] = (
    Column("trace_id", "hex128", "trace id, 32 lower-case hex digits"),
    Column("span_id", "u64", "span id as an unsigned 64-bit number"),
    Column("parent_span_id", "u64", "the parent's span id; 0 for a root"),
    Column("start_ns", "i64", "start, nanoseconds since the Unix epoch"),
    Column("duration_ns", "i64", "end - start, in nanoseconds; never negative"),
    Column("kind", "u8", "OTLP SpanKind, 0 to 5"),
    Column("status", "u8", "OTLP StatusCode: 0 unset, 1 ok, 2 error"),
    Column("status_message", "text", "OTLP Status.message"),
    Column("service", "text", "service.name of the resource, or 'unknown_service'"),
    Column("name", "text", "span name"),
    Column("scope", "text", "instrumentation scope, 'name' or 'name@version'"),
    Column("resource_id", "u64", "hash of the resource; key of the resources table"),
    Column("trace_state", "text", "W3C tracestate"),
    Column("flags", "u32", "OTLP Span.flags"),
    Column("dropped_attributes_count", "u32", "attributes the sender dropped"),
    Column("dropped_events_count", "u32", "events the sender dropped"),
    Column("dropped_links_count", "u32", "links the sender dropped"),
    Column("received_ns", "i64", "when the collector received the batch, nanoseconds since the epoch"),
    Column("version", "text", "service.version, else faas.version"),
    Column("instance", "text", "faas.instance, else service.instance.id"),
    Column("platform", "text", "cloud.platform"),
    Column("region", "text", "cloud.region"),
    Column("trigger", "text", "faas.trigger: datasource, http, pubsub, timer or other"),
    Column("coldstart", "bool", "faas.coldstart; null where the sender did not say"),
    Column(
        "phase",
        "text",
        "tracekit.phase: cold_start, runtime_init, function_init, initializer, invocation or pre_stop",
    ),
    Column("invocation_id", "text", "faas.invocation_id (old: faas.execution)"),
    Column("http_method", "text", "http.request.method (old: http.method)"),
    Column("http_route", "text", "http.route, else url.path (old: http.target)"),
    Column("http_status", "i32", "http.response.status_code (old: http.status_code)"),
    Column("db_system", "text", "db.system.name (old: db.system)"),
    Column("db_statement", "text", "db.query.text (old: db.statement) with literals replaced by ?"),
    Column("messaging_system", "text", "messaging.system"),
    Column("messaging_destination", "text", "messaging.destination.name"),
    Column(
        "bucket",
        "text",
        "object store bucket: aws.s3.bucket, oss.bucket.name, faas.document.collection",
    ),
    Column("error_type", "text", "error.type, else exception.type of the last exception event"),
    Column(
        "peer_kind",
        "text",
        "what a CLIENT or PRODUCER calls: database, bucket, queue, function, external",
    ),
    Column("peer", "text", "its name, by the order of SEMANTICS.md 'Service graph'"),
    Column("attributes", "json", "all span attributes with their types"),
    Column("events", "json", "span events: [{time_ns, name, attributes}]"),
    Column("links", "json", "span links: [{trace_id, span_id, attributes}]"),
    Column("scope_id", "u64", "hash of the scope; key of the scopes table, 0 where the sender named none"),
)
COLUMN_NAMES: tuple[str, ...] = tuple(c.name for c in SPAN_COLUMNS)

# The links of spans once more, a row a link.
LINK_COLUMNS: tuple[Column, ...] = (
    Column("trace_id", "hex128", "the linking span's trace"),
    Column("span_id", "u64", "the linking span"),
    Column("start_ns", "i64", "its start, so that a time range reads few of them"),
    Column("linked_trace_id", "hex128", "the trace it points to"),
    Column("linked_span_id", "u64", "the span it points to"),
)

KEY_BYTES = 24


@dataclass(frozen=True, slots=True)
class Resource:
    """What sent the spans. `resource_id` hashes all of it, so equal resources are one.

    `entity_refs` is OTLP's Resource.entity_refs as JSON text, "" for none.
    """

    resource_id: int
    service: str
    attributes_json: str
    schema_url: str = ""
    dropped_attributes_count: int = 0
    entity_refs: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The instrumentation that made the spans. `scope_id` hashes all of it; 0 if it says nothing."""

    scope_id: int
    name: str = ""
    version: str = ""
    attributes_json: str = ""
    schema_url: str = ""
    dropped_attributes_count: int = 0

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(slots=True)
class SpanBatch:
    """Decoded spans, one list a column (see SPAN_COLUMNS), all of equal length.

    `resources` and `scopes` hold all that the batch refers to, but for scope 0, which says nothing. "json"
    columns hold JSON text as `collector.jsonvalue` writes it ("" for none). The decoder in C gives a
    subclass that holds Arrow memory instead and makes these lists only if asked: what must be fast uses
    the methods.
    """

    columns: dict[str, list[Any]]
    resources: dict[int, Resource]
    wire_bytes: int = 0
    scopes: dict[int, Scope] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> SpanBatch:
        return cls({name: [] for name in COLUMN_NAMES}, {})

    def __len__(self) -> int:
        return len(self.columns["span_id"])

    def arrow(self) -> Any:
        """The spans as one Arrow array (collector.arrow) with the columns of SPAN_COLUMNS."""
        return arrow.table({c.name: (c.type, self.columns[c.name]) for c in SPAN_COLUMNS})

    @staticmethod
    def joined_arrow(batches: Sequence[SpanBatch]) -> Any:
        """The spans of batches of this class, one after the other, as one Arrow array like `arrow`."""
        columns = {
            c.name: (c.type, list(chain.from_iterable(batch.columns[c.name] for batch in batches)))
            for c in SPAN_COLUMNS
        }
        return arrow.table(columns)

    def links_arrow(self) -> Any | None:
        """The links of all spans as one Arrow array, a row a link (LINK_COLUMNS); None without any."""
        columns = self.columns
        if not any(columns["links"]):
            return None
        spans = zip(columns["trace_id"], columns["span_id"], columns["start_ns"], columns["links"])
        rows = [
            (trace_id, span_id, start_ns, link["trace_id"], int(link["span_id"], 16))
            for trace_id, span_id, start_ns, links in spans
            if links
            for link in jsonvalue.loads(links)
        ]
        return arrow.table({c.name: (c.type, values) for c, values in zip(LINK_COLUMNS, zip(*rows))})

    def key_bytes(self) -> bytes:
        """KEY_BYTES a span that tell it from all others: trace id and span id, both big-endian."""
        traces = array("Q", bytes.fromhex("".join(self.columns["trace_id"])))  # two words each
        spans = array("Q", self.columns["span_id"])
        if sys.byteorder == "little":
            spans.byteswap()
        keys = array("Q", bytes(KEY_BYTES * len(spans)))
        keys[::3], keys[1::3], keys[2::3] = traces[::2], traces[1::2], spans
        return keys.tobytes()

    def start_range(self) -> tuple[int, int]:
        """(earliest, latest) start_ns; of no span (0, 0)."""
        starts = self.columns["start_ns"] or [0]
        return min(starts), max(starts)

    def snapshot_rows(self) -> list[int]:
        """Rows that are snapshots of running spans (UNFINISHED), in order."""
        texts = self.columns["attributes"]
        marked = [row for row, text in enumerate(texts) if _UNFINISHED_JSON in text]
        return [row for row in marked if jsonvalue.loads(texts[row]).get(UNFINISHED) is True]

    def take(self, rows: Sequence[int]) -> SpanBatch:
        """The batch with only these rows, in this order."""
        picked = {name: [values[i] for i in rows] for name, values in self.columns.items()}
        return SpanBatch(picked, self.resources, self.wire_bytes, self.scopes)


def hex_span_id(span_id: int) -> str:
    """A span id as OTLP/JSON writes it: 16 hex digits, "" for 0 (no span)."""
    return f"{span_id:016x}" if span_id else ""
