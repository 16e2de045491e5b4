"""The reference engine: spans in a list, every query written the plain way.

Slow and obvious on purpose. It is what the exam compares other engines with, and what tests of pages
use. It promises everything the contract says except surviving the process.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from collector import jsonvalue
from collector.batch import Batch
from collector.model import Kind, Resource, Scope, Span, SpanBatch
from collector.model_logs import LogBatch
from collector.model_metrics import MetricBatch
from collector.storage import cursor, memory_errors, memory_keys, memory_spanseries
from collector.storage.attribute_counts import Scalar, count
from collector.storage.base import (
    ATTRIBUTE_SAMPLE,
    BACKLINKS,
    PAIR_SLACK_NS,
    SETTLE_NS,
    AttributesQuery,
    Backlink,
    Call,
    CallsQuery,
    ColdStart,
    ColdStartsQuery,
    Edge,
    EdgePoint,
    EdgeSeriesQuery,
    EdgesQuery,
    ErrorsQuery,
    ErrorVariant,
    FunctionsQuery,
    FunctionStats,
    Grace,
    InvalidQuery,
    Node,
    SeriesPoint,
    SeriesQuery,
    SlowGroup,
    SlowQuery,
    StoreStats,
    TracePage,
    TracesQuery,
    TraceSummary,
    Window,
    WriteResult,
    bucket_index,
    bucket_start,
)
from collector.storage.figures import Figures
from collector.storage.keys import AttributeKey, KeysQuery
from collector.storage.memory_figures import quantile
from collector.storage.memory_logs import MemoryLogs
from collector.storage.memory_metrics import MemoryMetrics
from collector.storage.memory_spanset import has_spanset
from collector.storage.memory_usage import MemoryUsage, OfCalls, calls_of, was_refused
from collector.storage.rows import span_from_row, spans_of
from collector.storage.spanseries import SpanSeriesQuery
from collector.storage.unfinished import Snapshot, split

T = TypeVar("T")
K = TypeVar("K")
Key = tuple[str, str]


class MemoryStorage:
    """An engine without a disk."""

    def __init__(self) -> None:
        self._spans: dict[Key, Span] = {}
        self._open: dict[Key, tuple[Snapshot, Span]] = {}
        self._lock = threading.Lock()
        self._duplicates = 0
        self._mark = 0
        self.logs = MemoryLogs()
        self.metrics = MemoryMetrics()
        self._resources: dict[int, Resource] = {}
        self._scopes: dict[int, Scope] = {}

    @property
    def writer(self) -> MemoryStorage:
        return self

    @property
    def reader(self) -> MemoryStorage:
        return self

    @property
    def origins(self) -> MemoryStorage:
        return self

    def keys(self, query: KeysQuery) -> tuple[AttributeKey, ...]:
        said = chain(
            memory_keys.of_spans(self._spans.values(), self._scopes),
            memory_keys.of_logs(self.logs.stored, self._scopes),
            memory_keys.of_points(self.metrics.stored, self._resources, self._scopes),
        )
        return memory_keys.keys(said, query)

    def resources(self, ids: Collection[int]) -> dict[int, Resource]:
        return {key: self._resources[key] for key in ids if key in self._resources}

    def scopes(self, ids: Collection[int]) -> dict[int, Scope]:
        return {key: self._scopes[key] for key in ids if key in self._scopes}

    def close(self) -> None:
        """Nothing to release; the spans stay readable, as the contract asks of no engine."""

    # ------------------------------------------------------------ writing

    def write(self, batches: Sequence[Batch], mark: int | None = None) -> WriteResult:
        parts = [(batch, *split(batch)) for batch in batches if isinstance(batch, SpanBatch)]
        arrived = [span for _, finished, _ in parts for span in spans_of(finished)]
        with self._lock:
            merged = dict(self._spans)
            for span in arrived:
                merged.setdefault((span.trace_id, span.span_id), span)
            stored = len(merged) - len(self._spans)
            self._spans = merged
            self._duplicates += len(arrived) - stored
            self._keep_open([(batch, snapshot) for batch, _, snapshots in parts for snapshot in snapshots])
            self._mark = self._mark if mark is None else mark
            for sent in batches:
                self._resources |= sent.resources
                self._scopes |= sent.scopes
            logs = self.logs.write([batch for batch in batches if isinstance(batch, LogBatch)])
            points = self.metrics.write([batch for batch in batches if isinstance(batch, MetricBatch)])
        stored_others, duplicates = map(sum, zip(logs, points))
        return WriteResult(stored + stored_others, len(arrived) - stored + duplicates)

    def close_unfinished(self, now_ns: int, grace: Grace) -> int:
        with self._lock:
            due = {
                key: span
                for key, (snapshot, span) in self._open.items()
                if span.received_ns + grace.of(snapshot.imminent) <= now_ns
            }
            self._spans = {**self._spans, **due}
            self._open = {key: kept for key, kept in self._open.items() if key not in due}
        return len(due)

    def mark(self) -> int:
        return self._mark

    def checkpoint(self) -> int:
        return self._mark

    def log_bytes(self) -> int:
        return 0

    def _keep_open(self, snapshots: list[tuple[SpanBatch, Snapshot]]) -> None:
        for batch, snapshot in snapshots:
            resource = batch.resources.get(snapshot.row["resource_id"])
            attributes = jsonvalue.loads(resource.attributes_json) if resource else None
            span = span_from_row(snapshot.row, attributes or {})
            known = self._open.get((span.trace_id, span.span_id))
            if known is None or snapshot.taken_ns > known[0].taken_ns:
                self._open[span.trace_id, span.span_id] = snapshot, span
        self._open = {key: kept for key, kept in self._open.items() if key not in self._spans}

    # ------------------------------------------------------------ reading

    def services(self, window: Window) -> tuple[str, ...]:
        return tuple(sorted({s.service for s in self._starting_in(window)}))

    def functions(self, query: FunctionsQuery) -> tuple[FunctionStats, ...]:
        calls = _by(self._calls(query), lambda s: s.service)
        stats = [_function(service, spans, query) for service, spans in calls.items()]
        return tuple(sorted(stats, key=lambda f: (-f.calls, f.service)))

    def series(self, query: SeriesQuery) -> tuple[SeriesPoint, ...]:
        def place(span: Span) -> tuple[str, int]:
            group = str(getattr(span, query.by)) if query.by else ""
            return group, bucket_index(query.window, query.buckets, span.start_ns)

        placed = _by(self._calls(query), place)
        return tuple(
            _point(group, bucket_start(query.window, query.buckets, index), spans)
            for (group, index), spans in sorted(placed.items())
        )

    def calls(self, query: CallsQuery) -> tuple[Call, ...]:
        found = [s for s in self._calls(query) if _call_matches(s, query)]
        slowest = query.sort == "slowest"
        found.sort(key=lambda s: (-s.duration_ns if slowest else -s.start_ns, s.trace_id, s.span_id))
        return tuple(_call(s) for s in found[: query.limit])

    def cold_starts(self, query: ColdStartsQuery) -> tuple[ColdStart, ...]:
        cold = [s for s in self._calls(query) if s.coldstart]
        cold.sort(key=lambda s: (-s.start_ns, s.trace_id, s.span_id))
        return tuple(self._cold_start(s) for s in cold[: query.limit])

    def _cold_start(self, call: Span) -> ColdStart:
        phases = [
            (s.phase, s.start_ns, s.duration_ns)
            for s in self.trace(call.trace_id)
            if s.resource_id == call.resource_id and s.phase and s.phase != "invocation"
        ]
        phases.sort(key=lambda p: (p[1], -p[2], p[0]))
        return ColdStart(
            call.trace_id,
            call.span_id,
            call.service,
            call.version,
            call.instance,
            call.start_ns,
            call.duration_ns,
            call.failed,
            tuple(phases),
        )

    def traces(self, query: TracesQuery) -> TracePage:
        after = cursor.decode(query.cursor, query.sort) if query.cursor else None
        edges = self._trace_edges(query) if query.source or query.target else None
        rows = []
        for trace_id, spans in self._traces_starting_in(query.window):
            if _trace_matches(trace_id, spans, query) and (edges is None or trace_id in edges):
                summary = _summary(trace_id, spans)
                rows.append((_sort_key(summary, query.sort), trace_id, summary))
        rows.sort(key=lambda row: (-row[0], row[1]))
        if after:
            rows = [row for row in rows if (-row[0], row[1]) > (-after[0], after[1])]
        page, more = rows[: query.limit], len(rows) > query.limit
        last = cursor.encode(query.sort, page[-1][0], page[-1][1]) if more else ""
        return TracePage(tuple(row[2] for row in page), last)

    def _trace_edges(self, query: TracesQuery) -> set[str]:
        wide = _widen(query.window)
        return {
            pair.span.trace_id
            for pair in self._pairs(wide)
            if query.source in ("", pair.source.id) and query.target in ("", pair.target.id)
        }

    def span_series(self, query: SpanSeriesQuery) -> Figures:
        traces = _by(self._starting_in(query.near), lambda span: span.trace_id)
        return memory_spanseries.series(traces.values(), query)

    def attributes(self, query: AttributesQuery) -> tuple[tuple[Scalar, int], ...]:
        newest = sorted(self._starting_in(query.window), key=lambda s: (-s.start_ns, s.trace_id, s.span_id))[
            :ATTRIBUTE_SAMPLE
        ]
        if query.of == "names":
            return count(({span.name: None} for span in newest), replace(query, key=""))
        return count((s.attributes if query.of == "span" else s.resource for s in newest), query)

    def trace(self, trace_id: str) -> tuple[Span, ...]:
        _check_trace_id(trace_id)
        spans = [s for s in self._spans.values() if s.trace_id == trace_id]
        return tuple(sorted(spans, key=lambda s: (s.start_ns, s.span_id)))

    def linked_from(self, trace_id: str) -> tuple[Backlink, ...]:
        _check_trace_id(trace_id)
        found = [
            _backlink(target, span)
            for span in self._spans.values()
            if span.trace_id != trace_id
            for target in {link.span_id for link in span.links if link.trace_id == trace_id}
        ]
        found.sort(key=lambda b: (b.start_ns, b.trace_id, b.span_id, b.target_span_id))
        return tuple(found[:BACKLINKS])

    def edges(self, query: EdgesQuery) -> tuple[Edge, ...]:
        grouped = _by(self._pairs(query.window), lambda pair: (pair.source, pair.target))
        edges = [_edge(source, target, pairs) for (source, target), pairs in grouped.items()]
        if query.service:
            me = Node("function", query.service)
            edges = [e for e in edges if me in (e.source, e.target)]
        return tuple(sorted(edges, key=lambda e: (-e.calls, e.source.id, e.target.id)))

    def edge_series(self, query: EdgeSeriesQuery) -> tuple[EdgePoint, ...]:
        window, buckets = query.window, query.buckets
        mine = [p for p in self._pairs(window) if (p.source, p.target) == (query.source, query.target)]
        parts = _by(mine, lambda pair: bucket_index(window, buckets, pair.start_ns))
        return tuple(
            EdgePoint(bucket_start(window, buckets, part), _edge(query.source, query.target, pairs))
            for part, pairs in sorted(parts.items())
        )

    def _pairs(self, window: Window) -> Iterator[_Pair]:
        near = {(s.trace_id, s.span_id): s for s in self._starting_in(_widen(window))}
        parents = (_parent(s, near) for s in near.values() if s.is_call)
        entered = {(p.trace_id, p.span_id) for p in parents if p}
        for span in near.values():
            out = _outgoing(span, (span.trace_id, span.span_id) in entered)
            into = _incoming(span, near, window.end_ns - SETTLE_NS) if span.is_call else None
            yield from (p for p in (out, into) if p and window.start_ns <= p.start_ns < window.end_ns)

    def slow(self, query: SlowQuery) -> tuple[SlowGroup, ...]:
        spans = [s for s in self._starting_in(query.window) if query.service in ("", s.service)]
        grouped = _by((s for s in spans if _slow_key(s, query.what)), lambda s: _slow_key(s, query.what))
        groups = [_slow_group(key, members, query.what) for key, members in grouped.items() if key]
        groups.sort(key=lambda g: (-_slow_sort(g, query.sort), g.service, g.name, g.system))
        return tuple(groups[: query.limit])

    def errors(self, query: ErrorsQuery) -> tuple[ErrorVariant, ...]:
        return memory_errors.errors(self._starting_in(query.window), query)

    def stats(self) -> StoreStats:
        spans = self._spans.values()
        starts = [s.start_ns for s in spans] or [0]
        return StoreStats(
            spans=len(spans),
            first_ns=min(starts),
            last_ns=max(starts),
            bytes_on_disk=0,
            duplicates=self._duplicates,
            services=tuple(sorted({s.service for s in spans})),
        )

    def first_ns(self) -> int:
        return min((s.start_ns for s in self._spans.values()), default=0)

    def _starting_in(self, window: Window) -> list[Span]:
        return [s for s in self._spans.values() if window.start_ns <= s.start_ns < window.end_ns]

    def _calls(self, query: OfCalls) -> list[Span]:
        return calls_of(self._starting_in(query.window), query)

    @property
    def used(self) -> MemoryUsage:
        return MemoryUsage(self._starting_in)

    def _traces_starting_in(self, window: Window) -> Iterator[tuple[str, list[Span]]]:
        for trace_id, spans in _by(self._spans.values(), lambda s: s.trace_id).items():
            if window.start_ns <= min(s.start_ns for s in spans) < window.end_ns:
                yield trace_id, spans


# ---------------------------------------------------------------- arithmetic


def _quantiles(durations: Iterable[int], *qs: float) -> tuple[float, ...]:
    ordered = sorted(durations)
    return tuple(quantile(ordered, q) for q in qs)


def _maybe_quantiles(durations: Sequence[int], *qs: float) -> tuple[float | None, ...]:
    return _quantiles(durations, *qs) if durations else (None,) * len(qs)


def _by(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _widen(window: Window) -> Window:
    return Window(window.start_ns - PAIR_SLACK_NS, window.end_ns + PAIR_SLACK_NS)


# ---------------------------------------------------------------- calls


def _function(service: str, spans: list[Span], query: FunctionsQuery) -> FunctionStats:
    p50, p95, p99 = _quantiles((s.duration_ns for s in spans), 0.5, 0.95, 0.99)
    return FunctionStats(
        service=service,
        calls=len(spans),
        errors=sum(s.failed for s in spans),
        p50_ns=p50,
        p95_ns=p95,
        p99_ns=p99,
        cold_starts=sum(s.coldstart is True for s in spans),
        cold_known=sum(s.coldstart is not None for s in spans),
        versions=_distinct(s.version for s in spans),
        instances=len(_distinct(s.instance for s in spans)),
        platform=_most_frequent(s.platform for s in spans),
        region=_most_frequent(s.region for s in spans),
        triggers=_distinct(s.trigger for s in spans),
        last_seen_ns=max(s.start_ns for s in spans),
        calls_by_bucket=_histogram(spans, query),
        errors_by_bucket=_histogram([s for s in spans if s.failed], query),
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({v for v in values if v}))


def _most_frequent(values: Iterable[str]) -> str:
    """Ties go to the first in alphabetical order; "" where there is no value."""
    counts = Counter(v for v in values if v)
    return min(counts, key=lambda v: (-counts[v], v), default="")


def _histogram(spans: list[Span], query: FunctionsQuery) -> tuple[int, ...]:
    counts = Counter(bucket_index(query.window, query.buckets, s.start_ns) for s in spans)
    return tuple(counts[i] for i in range(query.buckets))


def _point(group: str, start_ns: int, spans: list[Span]) -> SeriesPoint:
    p50, p95, p99 = _quantiles((s.duration_ns for s in spans), 0.5, 0.95, 0.99)
    errors = sum(s.failed for s in spans)
    cold = sum(s.coldstart is True for s in spans)
    return SeriesPoint(group, start_ns, len(spans), errors, cold, p50, p95, p99)


def _call_matches(span: Span, query: CallsQuery) -> bool:
    return (
        query.version in ("", span.version)
        and (not query.status or span.failed == (query.status == "error"))
        and (query.coldstart is None or query.coldstart == bool(span.coldstart))
        and span.duration_ns >= query.min_duration_ns
        and (not query.max_duration_ns or span.duration_ns <= query.max_duration_ns)
    )


def _call(span: Span) -> Call:
    return Call(
        trace_id=span.trace_id,
        span_id=span.span_id,
        service=span.service,
        version=span.version,
        instance=span.instance,
        name=span.name,
        trigger=span.trigger,
        start_ns=span.start_ns,
        duration_ns=span.duration_ns,
        failed=span.failed,
        error_type=span.error_type,
        status_message=span.status_message,
        http_status=span.http_status,
        coldstart=span.coldstart,
        invocation_id=span.invocation_id,
    )


# ---------------------------------------------------------------- traces


def _trace_matches(trace_id: str, spans: list[Span], query: TracesQuery) -> bool:
    mine = [s for s in spans if query.service in ("", s.service)]
    duration = max(s.end_ns for s in spans) - min(s.start_ns for s in spans)
    return (
        bool(mine)
        and (not query.version or any(s.version == query.version for s in mine))
        and (not query.status or any(s.failed for s in mine) == (query.status == "error"))
        and (query.coldstart is None or any(s.coldstart and s.is_call for s in mine) == query.coldstart)
        and duration >= query.min_duration_ns
        and (not query.max_duration_ns or duration <= query.max_duration_ns)
        and _text_matches(trace_id, mine, query.text)
        and (query.spanset is None or has_spanset(spans, query.spanset))
    )


def _text_matches(trace_id: str, spans: list[Span], text: str) -> bool:
    words = text.lower().split()
    if words == [trace_id]:
        return True
    return not words or any(all(w in _searchable(s) for w in words) for s in spans)


def _searchable(s: Span) -> str:
    parts = (s.name, s.service, s.status_message, s.db_statement)
    more = (s.http_route, s.error_type, s.invocation_id, s.peer)
    return "\n".join(parts + more).lower()


def _summary(trace_id: str, spans: list[Span]) -> TraceSummary:
    ids = {s.span_id for s in spans}
    start = min(s.start_ns for s in spans)
    roots = [s for s in spans if s.parent_span_id not in ids] or spans
    root = min(roots, key=lambda s: (not s.is_call, s.start_ns, s.span_id))
    counts = Counter(s.service for s in spans)
    return TraceSummary(
        trace_id=trace_id,
        root_service=root.service,
        root_name=root.name,
        root_trigger=root.trigger,
        start_ns=start,
        duration_ns=max(s.end_ns for s in spans) - start,
        spans=len(spans),
        errors=sum(s.failed for s in spans),
        cold_starts=sum(s.is_call and s.coldstart is True for s in spans),
        services=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
    )


def _check_trace_id(trace_id: str) -> None:
    if len(trace_id) != 32 or not set(trace_id) <= set("0123456789abcdef"):
        raise InvalidQuery("a trace id is 32 lower-case hexadecimal digits")


def _backlink(target: str, span: Span) -> Backlink:
    return Backlink(
        target_span_id=target,
        trace_id=span.trace_id,
        span_id=span.span_id,
        service=span.service,
        name=span.name,
        start_ns=span.start_ns,
        duration_ns=span.duration_ns,
        failed=span.failed,
    )


def _sort_key(summary: TraceSummary, sort: str) -> int:
    keys = {
        "newest": summary.start_ns,
        "slowest": summary.duration_ns,
        "spans": summary.spans,
        "errors": summary.errors,
    }
    return keys[sort]


# ---------------------------------------------------------------- service graph


@dataclass(frozen=True, slots=True)
class _Pair:
    """One call of the service graph: the span it is filed under and what is known of both sides."""

    source: Node
    target: Node
    span: Span
    start_ns: int
    failed: bool
    client_ns: int | None = None
    server_ns: int | None = None
    delays_ns: tuple[int, ...] = ()
    refused: bool = False


def _parent(span: Span, near: dict[Key, Span]) -> Span | None:
    found = near.get((span.trace_id, span.parent_span_id))
    return found if found and _are_close(span, found) else None


def _are_close(span: Span, other: Span) -> bool:
    return abs(span.start_ns - other.start_ns) <= PAIR_SLACK_NS


def _outgoing(span: Span, entered: bool) -> _Pair | None:
    """Rules 3 and 4 of EdgesQuery: what a caller says of a side that sends no spans."""
    if span.kind not in (Kind.CLIENT, Kind.PRODUCER):
        return None
    target = _called(span, entered)
    if target is None:
        return None
    me = Node("function", span.service)
    refused = was_refused(span)
    return _Pair(me, target, span, span.start_ns, span.failed, span.duration_ns, refused=refused)


def _called(span: Span, entered: bool) -> Node | None:
    sends = span.kind is Kind.PRODUCER or span.peer_kind == "queue"
    if sends and span.messaging_destination:
        return Node("queue", span.messaging_destination)
    if entered or span.peer_kind in ("", "queue"):
        return None
    return Node(span.peer_kind, span.peer)  # type: ignore[arg-type]


def _incoming(span: Span, near: dict[Key, Span], settled_ns: int) -> _Pair | None:
    """Rules 1, 2, 5 and 6: who called this SERVER or CONSUMER span."""
    me = Node("function", span.service)
    parent = _parent(span, near)
    if span.kind is Kind.CONSUMER and span.messaging_destination:
        queue = Node("queue", span.messaging_destination)
        delays = _queue_delays(span, near)
        return _Pair(
            queue, me, span, span.start_ns, span.failed, server_ns=span.duration_ns, delays_ns=delays
        )
    if parent is None:
        if span.parent_span_id and span.start_ns >= settled_ns:
            return None
        return _Pair(_trigger(span), me, span, span.start_ns, span.failed, server_ns=span.duration_ns)
    calls_out = parent.kind in (Kind.CLIENT, Kind.PRODUCER)
    if parent.service == span.service and not calls_out:
        return None
    return _Pair(
        Node("function", parent.service),
        me,
        span,
        parent.start_ns,
        parent.failed or span.failed,
        client_ns=parent.duration_ns,
        server_ns=span.duration_ns,
        refused=calls_out and was_refused(parent),
    )


def _trigger(span: Span) -> Node:
    if span.trigger == "timer":
        return Node("trigger", "timer")
    if span.trigger == "datasource":
        return Node("bucket", span.bucket) if span.bucket else Node("trigger", "datasource")
    if span.trigger == "pubsub":
        destination = span.messaging_destination
        return Node("queue", destination) if destination else Node("trigger", "pubsub")
    return Node("user", "user")


def _queue_delays(span: Span, near: dict[Key, Span]) -> tuple[int, ...]:
    sources = {(link.trace_id, link.span_id) for link in span.links}
    sources.add((span.trace_id, span.parent_span_id))
    producers = [near[key] for key in sources if key in near and near[key].kind is Kind.PRODUCER]
    delays = [span.start_ns - p.end_ns for p in producers if _are_close(span, p)]
    return tuple(d for d in delays if d >= 0)


def _edge(source: Node, target: Node, pairs: list[_Pair]) -> Edge:
    client = [p.client_ns for p in pairs if p.client_ns is not None]
    server = [p.server_ns for p in pairs if p.server_ns is not None]
    p50, p95, p99 = _maybe_quantiles(client or server, 0.5, 0.95, 0.99)
    (server_p95,) = _maybe_quantiles(server, 0.95)
    delay_p50, delay_p95 = _maybe_quantiles([d for p in pairs for d in p.delays_ns], 0.5, 0.95)
    return Edge(
        source=source,
        target=target,
        calls=len(pairs),
        errors=sum(p.failed for p in pairs),
        p50_ns=p50,
        p95_ns=p95,
        p99_ns=p99,
        server_p95_ns=server_p95,
        queue_delay_p50_ns=delay_p50,
        queue_delay_p95_ns=delay_p95,
        total_ns=sum(client or server),
        refused=sum(p.refused for p in pairs),
    )


# ---------------------------------------------------------------- slow work


def _slow_key(span: Span, what: str) -> Key | tuple[()]:
    """(group, ...) the span counts in, or () if it does not."""
    if what == "functions":
        return (span.service, span.service) if span.is_call else ()
    if what == "operations":
        return (span.service, span.name) if span.is_call else ()
    if what == "statements":
        return (span.db_system, span.db_statement) if span.db_statement else ()
    calls_out = span.kind in (Kind.CLIENT, Kind.PRODUCER)
    return (span.service, span.peer or span.name) if calls_out else ()


def _slow_group(key: Key, spans: list[Span], what: str) -> SlowGroup:
    p50, p95 = _quantiles((s.duration_ns for s in spans), 0.5, 0.95)
    example = min(spans, key=lambda s: (-s.duration_ns, s.trace_id, s.span_id))
    per_trace = Counter(s.trace_id for s in spans if what in ("calls", "statements"))
    return SlowGroup(
        service=_most_frequent(s.service for s in spans) if what == "statements" else key[0],
        name=key[1],
        system=_slow_system(spans, what),
        count=len(spans),
        errors=sum(s.failed for s in spans),
        total_ns=sum(s.duration_ns for s in spans),
        p50_ns=p50,
        p95_ns=p95,
        max_ns=max(s.duration_ns for s in spans),
        callers=_distinct(s.service for s in spans),
        max_per_trace=max(per_trace.values(), default=0),
        example_trace_id=example.trace_id,
        example_span_id=example.span_id,
    )


def _slow_system(spans: list[Span], what: str) -> str:
    if what in ("functions", "operations"):
        return ""
    return _most_frequent(s.db_system or s.messaging_system or s.peer_kind for s in spans)


def _slow_sort(group: SlowGroup, sort: str) -> float:
    keys: dict[str, float] = {
        "total": group.total_ns,
        "p95": group.p95_ns,
        "max": group.max_ns,
        "count": group.count,
        "errors": group.errors,
    }
    return keys[sort]
