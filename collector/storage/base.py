"""The storage contract: query objects go in, plain rows come out, no engine shows through.

Every engine passes one exam (tests/storage_contract.py). An engine that cannot answer a query says so
by raising `Unsupported`; it never answers approximately without the result saying it. All times are
integer nanoseconds: since the Unix epoch for moments, elapsed for durations. A window holds `start`
and excludes `end`. Readers may be called from several threads at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from collector.batch import Batch
from collector.model import Resource, Scope, Span
from collector.storage.spanset import Spanset

if TYPE_CHECKING:  # their own contracts, built on this one
    from collector.storage.figures import Figures
    from collector.storage.keys import AttributeKey, KeysQuery
    from collector.storage.logs import LogReader
    from collector.storage.metrics import MetricReader
    from collector.storage.spanseries import SpanSeriesQuery
    from collector.storage.usage import UsageReader

# ---------------------------------------------------------------- errors


class StorageError(Exception):
    """Base of what an engine raises. Receivers and pages translate it to HTTP in one place each."""


class RetryLater(StorageError):
    """Nothing was stored; the same write may succeed later (disk nearly full, engine busy or reopening)."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(StorageError):
    """Nothing was stored and a retry cannot help: the data itself is unacceptable to the engine."""


class InvalidQuery(StorageError, ValueError):
    """The query's own values make no sense (a cursor that was tampered with, an empty window)."""


class IncompatibleSchema(StorageError):
    """The data folder was written by a newer tracekit. Says which version reads it."""


class Unsupported(StorageError):
    """This engine does not answer this query."""


# ---------------------------------------------------------------- what pages ask

# Figures of a window of LONG_NS and more may come from sums over slots of this length, if the window and its
# buckets begin and end with one. Counts are exact all the same; answers say by how much quantiles may be off.
ROLLUP_SLOT_NS = 360 * 10**9
LONG_NS = 6 * 3_600 * 10**9
# The service graph takes more work from spans: its figures may come from sums for so long a window already.
LONG_GRAPH_NS = 3_600 * 10**9


def is_rolled_up(window: Window, buckets: int = 1, least_ns: int = LONG_NS) -> bool:
    """Whether the figures of this window and its buckets may come from sums."""
    width = window.end_ns - window.start_ns
    aligned = window.start_ns % ROLLUP_SLOT_NS == 0 and width % (ROLLUP_SLOT_NS * buckets) == 0
    return width >= least_ns and aligned


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, [start_ns, end_ns)."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise InvalidQuery("the time range is empty: its end must lie after its start")

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class FunctionsQuery:
    """RED per function. Counts calls: SERVER and CONSUMER spans that start in the window."""

    window: Window
    service: str = ""  # only this function
    buckets: int = 30  # length of the sparklines
    instance: str = ""  # only calls of this instance, trigger, span name
    trigger: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class FunctionStats:
    """One function over a window. Durations are of calls, failed ones included.

    `calls` counts all of them; `errors` those with status ERROR. `cold_starts` counts calls with
    faas.coldstart = true and `cold_known` calls that say either way, so that
    cold-start share = cold_starts / cold_known. Quantiles are by linear interpolation, and exact, or off by
    `quantile_error` (a share of their value) at most.
    """

    service: str
    calls: int
    errors: int
    p50_ns: float
    p95_ns: float
    p99_ns: float
    cold_starts: int
    cold_known: int
    versions: tuple[str, ...]  # sorted
    instances: int
    platform: str  # most frequent
    region: str  # most frequent
    triggers: tuple[str, ...]  # sorted
    last_seen_ns: int  # start of the latest call
    calls_by_bucket: tuple[int, ...]
    errors_by_bucket: tuple[int, ...]
    quantile_error: float = 0.0

    @property
    def error_rate(self) -> float:
        return self.errors / self.calls if self.calls else 0.0

    @property
    def cold_share(self) -> float | None:
        """None where no call said whether it was cold."""
        return self.cold_starts / self.cold_known if self.cold_known else None


SeriesBy = Literal["", "version", "trigger", "service"]


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """RED over time, in `buckets` equal parts of the window, optionally one line per `by`."""

    window: Window
    service: str = ""
    by: SeriesBy = ""
    buckets: int = 60
    instance: str = ""  # only calls of this instance, trigger, span name
    trigger: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One bucket of one line. Buckets without calls are left out. Ordered by (group, start_ns)."""

    group: str  # "" when the query has no `by`
    start_ns: int
    calls: int
    errors: int
    cold_starts: int
    p50_ns: float
    p95_ns: float
    p99_ns: float
    quantile_error: float = 0.0  # a share of the quantiles, which they may be off by


CallSort = Literal["newest", "slowest"]


@dataclass(frozen=True, slots=True)
class CallsQuery:
    """Calls of one function (SERVER/CONSUMER spans that start in the window)."""

    window: Window
    service: str = ""
    version: str = ""
    status: Literal["", "error", "ok"] = ""  # "ok" is everything that did not fail
    coldstart: bool | None = None
    min_duration_ns: int = 0
    max_duration_ns: int = 0  # 0: no bound
    sort: CallSort = "newest"
    limit: int = 20
    instance: str = ""  # only calls of this instance, trigger, span name
    trigger: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    trace_id: str
    span_id: str
    service: str
    version: str
    instance: str
    name: str
    trigger: str
    start_ns: int
    duration_ns: int
    failed: bool
    error_type: str
    status_message: str
    http_status: int | None
    coldstart: bool | None
    invocation_id: str


@dataclass(frozen=True, slots=True)
class ColdStartsQuery:
    """Calls with faas.coldstart = true, newest first."""

    window: Window
    service: str = ""
    limit: int = 50
    instance: str = ""  # only calls of this instance, trigger, span name
    trigger: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A cold call and what came before it.

    `phases` holds the spans that carry `tracekit.phase` in the same trace and from the same resource:
    (phase, start_ns, duration_ns) by start: runtime_init, function_init, initializer, and cold_start for
    the whole. Empty for senders that report no phases. `call_*` is the invocation itself.
    """

    trace_id: str
    span_id: str
    service: str
    version: str
    instance: str
    call_start_ns: int
    call_duration_ns: int
    failed: bool
    phases: tuple[tuple[str, int, int], ...]

    @property
    def total_ns(self) -> int:
        """Length of the cold start without the call; 0 if no phases were reported."""
        whole = [duration for phase, _, duration in self.phases if phase == "cold_start"]
        return whole[0] if whole else sum(duration for _, _, duration in self.phases)


TraceSort = Literal["newest", "slowest", "spans", "errors"]


@dataclass(frozen=True, slots=True)
class TracesQuery:
    """Traces whose first span starts in the window, filtered, sorted, paged.

    A trace matches when every given filter holds: `service` - it has a span of that function;
    `status` - "error": a span failed (of that function, if `service` is given), "ok": none did;
    durations bound the whole trace (first start to last end); `text` - every whitespace-separated
    word occurs, ignoring case, in the name, service, status message, normalised SQL statement,
    http route, error type, invocation id or peer of one of its spans (each word of the same span; of
    `service`, if given), or the text is the trace id. % and _ are ordinary characters.
    `source`/`target` - the trace has a pair of that topology edge (node ids as in `Node.id`).
    `coldstart` - a call of the trace was cold (True) or none was (False). `version` - a span has it.
    `spanset` - the trace has such spans (collector.storage.spanset); of any function, whatever `service` is.
    """

    window: Window
    service: str = ""
    version: str = ""
    status: Literal["", "error", "ok"] = ""
    coldstart: bool | None = None
    min_duration_ns: int = 0
    max_duration_ns: int = 0  # 0: no bound
    text: str = ""
    source: str = ""
    target: str = ""
    spanset: Spanset | None = None
    sort: TraceSort = "newest"
    limit: int = 50
    cursor: str = ""  # opaque, from the page before; InvalidQuery if it was altered or is of another sort


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace. The root is the earliest call (SERVER, CONSUMER) without a parent in the store, else the
    earliest span without one, else (a cycle) the earliest call, else the earliest span. Ties: smallest
    span id."""

    trace_id: str
    root_service: str
    root_name: str
    root_trigger: str
    start_ns: int
    duration_ns: int  # last end - first start
    spans: int
    errors: int
    cold_starts: int
    services: tuple[tuple[str, int], ...]  # (service, spans), most spans first, then by name


@dataclass(frozen=True, slots=True)
class TracePage:
    traces: tuple[TraceSummary, ...]
    next_cursor: str  # "" on the last page


# From how many spans the attributes are gathered that a person is offered to choose from.
ATTRIBUTE_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class AttributesQuery:
    """What the newest ATTRIBUTE_SAMPLE spans of the window say: `of` the span, its resource, or their names.

    Without `key` the keys of attributes, with it that one's values: texts, numbers and booleans. For `names`
    the names of the spans, whatever `key` is."""

    window: Window
    of: Literal["span", "resource", "names"]
    key: str = ""
    limit: int = 100


# As many links into one trace as a reader gives back: far more than a page shows, far less than memory.
BACKLINKS = 1_000


@dataclass(frozen=True, slots=True)
class Backlink:
    """A span of another trace that links to a span of this one: what went on elsewhere, say in the consumer
    of a message that was sent here."""

    target_span_id: str  # the span of this trace that is linked to; need not be stored
    trace_id: str
    span_id: str
    service: str
    name: str
    start_ns: int
    duration_ns: int
    failed: bool


NodeKind = Literal["function", "queue", "database", "bucket", "external", "trigger", "user"]


@dataclass(frozen=True, slots=True)
class Node:
    """A corner of the topology. Functions are named by service.name."""

    kind: NodeKind
    name: str

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class EdgesQuery:
    """The service graph of a window, by the rules of SEMANTICS.md "Service graph".

    The spans of the calling side start in the window. Halves of a pair start within `PAIR_SLACK_NS` of each
    other: what is further away counts as not stored. Rules, in this order, each counting one call:

    1. SERVER span s whose parent p is stored and p.kind is CLIENT or PRODUCER, or p belongs to another
       service: function p.service -> function s.service. Failed if either failed. Client latency is p's
       duration, server latency s's. (p and s of the same service with p CLIENT/PRODUCER count too.)
    2. SERVER span whose parent is absent or not stored: from trigger `timer` (trigger:timer),
       `datasource` (bucket:<bucket>, or trigger:datasource without one), `pubsub` (queue:<destination>, or
       trigger:pubsub), otherwise user:user. -> function s.service. One that has a parent and starts in the
       last `SETTLE_NS` of the window is left out: its caller may not have reported yet.
    3. CLIENT or PRODUCER span with a peer (`peer_kind`, `peer`) and without a SERVER or CONSUMER child
       stored: function service -> peer_kind:peer. `peer_kind` queue is rule 4.
    4. PRODUCER (or CLIENT with peer_kind queue) span with a messaging destination: function service ->
       queue:<destination>, whether or not a consumer was seen.
    5. CONSUMER span with a messaging destination: queue:<destination> -> function service. Queue delay:
       for each link, and the parent, that is a stored PRODUCER span: consumer start - producer end,
       dropped if negative.
    6. CONSUMER span without a destination: as a SERVER span, by rules 1 and 2.
    """

    window: Window
    service: str = ""  # only edges that touch this function


PAIR_SLACK_NS = 15 * 60 * 1_000_000_000
# How long a caller may take to report itself: a call and its delivery.
SETTLE_NS = 15 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Edge:
    """RED of who-calls-whom. Latencies are None where that side was not seen."""

    source: Node
    target: Node
    calls: int
    errors: int
    p50_ns: float | None  # as the caller saw it; of the called side where only that is known
    p95_ns: float | None
    p99_ns: float | None
    server_p95_ns: float | None
    queue_delay_p50_ns: float | None
    queue_delay_p95_ns: float | None
    total_ns: int = 0  # all calls together, of the side that p50_ns is of
    quantile_error: float = 0.0  # a share of latencies and delays, which they may be off by
    # Calls that were turned away (throttled), as the CLIENT or PRODUCER span says: usage.REFUSALS.
    refused: int = 0


@dataclass(frozen=True, slots=True)
class EdgeSeriesQuery:
    """One edge of the service graph of the window (EdgesQuery) over time, in `buckets` equal parts of it.

    A call counts where the span of the calling side starts, a delay where the consumer's does."""

    window: Window
    source: Node
    target: Node
    buckets: int = 60


@dataclass(frozen=True, slots=True)
class EdgePoint:
    """One part of the window; those without calls are left out."""

    start_ns: int
    edge: Edge


SlowWhat = Literal["functions", "operations", "calls", "statements"]
SlowSort = Literal["total", "p95", "max", "count", "errors"]


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """Where time goes, grouped: functions (calls by service), operations (calls by service and span
    name), downstream calls (CLIENT and PRODUCER spans by service and peer; for peer-less ones the span
    name; database spans included), SQL statements (spans with a db_statement, by system and normalised text).

    Spans that start in the window, of `service` only if given. Sorted by `sort`, largest first, then by
    service, name and system."""

    window: Window
    what: SlowWhat
    service: str = ""
    sort: SlowSort = "total"
    limit: int = 50


@dataclass(frozen=True, slots=True)
class SlowGroup:
    """One group of equal work. The example is its slowest span."""

    service: str  # the function; for statements the one that ran it most (ties: first by name)
    name: str  # span name, peer or statement; the service itself for "functions"
    system: (
        str  # most frequent of db system, else messaging system, else peer kind; "" for functions, operations
    )
    count: int
    errors: int
    total_ns: int
    p50_ns: float
    p95_ns: float
    max_ns: int
    callers: tuple[str, ...]  # services, sorted
    max_per_trace: int  # how often one trace ran it: >= 5 hints at N+1; 0 for functions, operations
    example_trace_id: str
    example_span_id: str


@dataclass(frozen=True, slots=True)
class ErrorsQuery:
    """What failed, told apart by where it was raised.

    Counts spans with status ERROR that start in the window, and of a failure that passed through several
    spans of one function only the innermost: those without a failed child of the same service that starts in
    the window. Variants are groups by service, exception type, message and stack trace, with what changes
    from call to call taken out of message (collector.storage.failures.MESSAGE_VALUES) and stack trace (the
    message itself, then digits). `collector.analysis.exceptions` puts variants together further."""

    window: Window
    service: str = ""  # only this function
    buckets: int = 30  # length of the sparklines
    limit: int = 5_000  # the most frequent variants; ties by service, type, pattern


@dataclass(frozen=True, slots=True)
class ErrorVariant:
    """Failures that are equal but for what changes from call to call; the example is the latest (ties: the
    largest trace id, then span id). Type and message are those of the span's last exception event; without
    one, its error type (else "error") and status message."""

    service: str
    type: str
    pattern: str  # the message, its values replaced by ?
    count: int
    first_ns: int
    last_ns: int
    versions: tuple[str, ...]  # sorted
    counts_by_bucket: tuple[int, ...]
    message: str  # of the example, at most MESSAGE_KEPT characters
    stacktrace: str  # of the example, at most STACK_KEPT characters; "" if the sender gave none
    example_trace_id: str
    example_span_id: str
    example_name: str  # the example's span name


# What is compared and shown of one failure; nobody reads further.
MESSAGE_KEPT = 2_000
STACK_KEPT = 60_000


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What the store holds, for the status line and for empty states."""

    spans: int
    first_ns: int  # earliest start; 0 when empty
    last_ns: int  # latest start; 0 when empty
    bytes_on_disk: int
    duplicates: int = 0  # spans dropped since start because they were stored already
    unreadable: tuple[str, ...] = ()  # files that could not be opened and are left out, untouched
    services: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Rows of one write, of any signal. Snapshots of running spans are neither stored nor duplicates."""

    stored: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class BlockResult:
    """Of the batches that were offered: the first `whole` are written, and of the one that follows them all
    but `rest`, if there is any."""

    result: WriteResult
    whole: int
    rest: Batch | None = None


@dataclass(frozen=True, slots=True)
class Grace:
    """How long after its last snapshot a running span is believed to be running, in nanoseconds."""

    ordinary_ns: int = 60 * 10**9
    imminent_ns: int = 10 * 10**9  # the snapshot said that the platform was about to end the call

    def of(self, imminent: bool) -> int:
        return self.imminent_ns if imminent else self.ordinary_ns


# ---------------------------------------------------------------- what an engine gives


class SpanWriter(Protocol):
    """One writer an engine, for all signals. Not thread-safe, `checkpoint` excepted: ingest owns it."""

    def write(self, batches: Sequence[Batch], mark: int | None = None) -> WriteResult:
        """Store all rows of all batches, of whatever signal, or none: on return they survive kill -9 and
        power loss (engines that promise it). A span whose (trace_id, span_id) is stored already is dropped
        and counted; the first one wins. So is a batch of logs or metrics whose payload (`digest`) was
        received within the 15 minutes before. Raises RetryLater or Rejected; nothing is stored then.

        `mark` is the caller's position after these batches (of a journal, say), above every earlier one. It
        is stored in the same transaction, even if nothing else was new; None leaves the last one.

        Snapshots of running spans (collector.storage.unfinished) are kept apart, as durably, the latest of
        each: no reader sees them. The finished span removes its snapshot, and one that is stored already
        makes a snapshot meaningless."""
        ...

    def close_unfinished(self, now_ns: int, grace: Grace) -> int:
        """Store what has not been heard of for its grace, counted from the snapshot's `received_ns`, as
        failed with error type `tracekit.unfinished`; the number of spans. All at once or none, as `write`."""
        ...

    def mark(self) -> int:
        """The highest mark that is committed, as found when the store was opened or reopened and written
        since; 0 for none. A log that lost its tail shows here: what lies above the mark is not stored."""
        ...

    def checkpoint(self) -> int:
        """Make the engine's own files hold everything up to the returned mark without the engine's log, so
        that the caller may forget what lies below. May be called on another thread than `write`; a write
        meanwhile may wait, but never fails for it. Raises RetryLater if it could not."""
        ...

    def log_bytes(self) -> int:
        """How large the engine's log is, which is read again at a start; 0 where it has none."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class BlockWriter(SpanWriter, Protocol):
    """A writer that stores spans for much less where it gets blocks of just the right size."""

    @property
    def block_spans(self) -> int:
        """How many spans make a block."""
        ...

    def write_block(self, batches: Sequence[Batch], marks: Sequence[int]) -> BlockResult:
        """As `write`, all or nothing, but of so many of the first batches as fill one block with spans that
        are new; of all batches if they do not fill it. `marks` are the positions after each. A batch that is
        stored in part is not below the mark: when it is offered whole after a restart, its spans that are
        stored are told from the others whatever their clocks said, if it comes with the first write."""
        ...


class SpanReader(Protocol):
    """Thread-safe. Sees everything whose `write` returned before the query began."""

    def services(self, window: Window) -> tuple[str, ...]:
        """Functions with any span in the window, sorted."""
        ...

    def functions(self, query: FunctionsQuery) -> tuple[FunctionStats, ...]:
        """By calls, most first, then by name."""
        ...

    def series(self, query: SeriesQuery) -> tuple[SeriesPoint, ...]: ...

    def calls(self, query: CallsQuery) -> tuple[Call, ...]: ...

    def cold_starts(self, query: ColdStartsQuery) -> tuple[ColdStart, ...]: ...

    def traces(self, query: TracesQuery) -> TracePage:
        """Paging with the cursor never repeats nor skips a trace that was stored before page one."""
        ...

    def span_series(self, query: SpanSeriesQuery) -> Figures:
        """Any set of spans over time (collector.storage.spanseries)."""
        ...

    def attributes(self, query: AttributesQuery) -> tuple[tuple[str | int | float | bool, int], ...]:
        """Keys or values with the number of spans that have them, most first, then by text."""
        ...

    def keys(self, query: KeysQuery) -> tuple[AttributeKey, ...]:
        """Which attribute keys there are, of every signal (collector.storage.keys), most rows first, then by
        source, key and type. Of rows that came lately, and of very large attributes, some may be missing."""
        ...

    def trace(self, trace_id: str) -> tuple[Span, ...]:
        """All spans of a trace by (start_ns, span_id); () if unknown. InvalidQuery if not 32 hex digits."""
        ...

    def linked_from(self, trace_id: str) -> tuple[Backlink, ...]:
        """Spans of other traces whose links point into this trace, one a pair of spans, by (start_ns,
        trace_id, span_id, target_span_id); the first BACKLINKS of them. InvalidQuery if not 32 hex digits."""
        ...

    def edges(self, query: EdgesQuery) -> tuple[Edge, ...]:
        """By calls, most first, then by node ids."""
        ...

    def edge_series(self, query: EdgeSeriesQuery) -> tuple[EdgePoint, ...]:
        """By time."""
        ...

    def slow(self, query: SlowQuery) -> tuple[SlowGroup, ...]: ...

    def errors(self, query: ErrorsQuery) -> tuple[ErrorVariant, ...]:
        """By count, most first, then by service, type and pattern."""
        ...

    def stats(self) -> StoreStats: ...

    def first_ns(self) -> int:
        """The earliest start of any span, 0 when empty: known at once, however much is stored."""
        ...

    @property
    def used(self) -> UsageReader:
        """What calls used: memory, processor, time as a heatmap."""
        ...


class OriginReader(Protocol):
    """What sent the rows of any signal. Thread-safe."""

    def resources(self, ids: Collection[int]) -> dict[int, Resource]:
        """Those of them that are stored, by id."""
        ...

    def scopes(self, ids: Collection[int]) -> dict[int, Scope]:
        """Those of them that are stored, by id; scope 0, which says nothing, is not."""
        ...


Signal = Literal["traces", "logs", "metrics"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one file of the store holds of one signal. `last_ns` is the end of what it received, the present
    for the file that is being written (`growing`), which cannot be forgotten."""

    part: str
    signal: Signal
    last_ns: int
    bytes: int  # on disk; files shared by signals are divided by the blocks each takes
    growing: bool = False


# Which calls are slow, and which operations rare, among those of one file: see StorageCare.sample.
SLOW_QUANTILE = 0.99
RARE_CALLS = 100


@dataclass(frozen=True, slots=True)
class SampledOut:
    """What sampling did not keep."""

    traces: int = 0
    spans: int = 0


class StorageCare(Protocol):
    """Looking after what is stored, beside reading and writing; called by one thread of its own."""

    def holdings(self) -> tuple[Holding, ...]:
        """Everything, oldest receipt first."""
        ...

    def forget(self, *holdings: Holding) -> None:
        """Delete what these say, all of one part, and give the bytes back to the disk. Traces that are pinned
        stay, with their links and logs. A query that runs finishes undisturbed. RetryLater if it could not be
        done now."""
        ...

    def pin(self, trace_id: str) -> None:
        """Keep this trace whatever is forgotten around it. InvalidQuery if not 32 hex digits."""
        ...

    def unpin(self, trace_id: str) -> None:
        """Let it be forgotten with its time, or now if its time has passed."""
        ...

    def pinned(self) -> tuple[str, ...]:
        """Trace ids, sorted."""
        ...

    def sample(self, one_of: int, settled_ns: int) -> int:
        """Of files that are not written any more, and of which everything was received before that moment,
        keep whole: traces with an error, a cold start, a call slower than SLOW_QUANTILE of its operation's,
        or of an operation called less than RARE_CALLS times in the file, and pinned ones. Of the others keep
        one of `one_of`, by a hash of the trace id; what it counts for is multiplied by that. A file is
        sampled once; how many were. RetryLater if it could not be done now."""
        ...

    def sampled_out(self) -> SampledOut:
        """What `sample` has left out since the store was opened."""
        ...

    def rollup_lag(self) -> int:
        """How many spans should have been summed up by now and were not, so that queries over hours read them
        one by one. Not those that wait on purpose: few ones, and what may still be added to."""
        ...

    def care(self) -> None:
        """Whatever else must be done now and then: checkpoint what the log has gathered. RetryLater if it
        could not be done now."""
        ...


class Storage(Protocol):
    """An opened engine. Its readers and `writer` live as long as it; `close` ends all, writer first."""

    @property
    def writer(self) -> SpanWriter: ...

    @property
    def reader(self) -> SpanReader: ...

    @property
    def logs(self) -> LogReader: ...

    @property
    def metrics(self) -> MetricReader: ...

    @property
    def origins(self) -> OriginReader: ...

    def close(self) -> None: ...


def bucket_index(window: Window, buckets: int, moment_ns: int) -> int:
    """Which of `buckets` equal parts of the window a moment falls in; the same arithmetic in every engine."""
    return (moment_ns - window.start_ns) * buckets // (window.end_ns - window.start_ns)


def bucket_start(window: Window, buckets: int, index: int) -> int:
    """First nanosecond of a part: the smallest moment that `bucket_index` maps to `index`."""
    width = window.end_ns - window.start_ns
    return window.start_ns + -(-index * width // buckets)
