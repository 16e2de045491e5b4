"""Every query of the contract: parameters in, SQL of queries/, rows out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from collector import jsonvalue
from collector.model import COLUMN_NAMES, Span, hex_span_id
from collector.storage import cursor
from collector.storage.attribute_counts import Scalar, count
from collector.storage.base import (
    ATTRIBUTE_SAMPLE,
    BACKLINKS,
    LONG_GRAPH_NS,
    MESSAGE_KEPT,
    PAIR_SLACK_NS,
    SETTLE_NS,
    STACK_KEPT,
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
    bucket_start,
    is_rolled_up,
)
from collector.storage.duckdb import edgecalls, edgenear, edgesums, latest, rollups, spanseries, trace_times
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.keys import DuckDBKeys
from collector.storage.duckdb.spanset_sql import compile_spanset
from collector.storage.duckdb.usage import REFUSED, DuckDBUsage
from collector.storage.failures import MESSAGE_VALUES, STACK_VALUES
from collector.storage.figures import Figures
from collector.storage.keys import AttributeKey, KeysQuery
from collector.storage.rows import spans_from_columns
from collector.storage.spanseries import SpanSeriesQuery

_HEX = frozenset("0123456789abcdef")


class DuckDBReader:
    """Answers from any thread; each has a cursor of its own."""

    def __init__(self, database: Database, duplicates: Callable[[], int], keys: DuckDBKeys) -> None:
        self._database = database
        self._keys = keys
        self._duplicates = duplicates
        self.used = DuckDBUsage(database)

    def services(self, window: Window) -> tuple[str, ...]:
        found = None
        if is_rolled_up(window):
            query = FunctionsQuery(window)
            found = rollups.rows(self._database, "services_rolled", _bounds(window), query)
        if found is None:
            found = self._database.rows("services", _bounds(window))
        return tuple(service for (service,) in found)

    def functions(self, query: FunctionsQuery) -> tuple[FunctionStats, ...]:
        rows, error = self._figures("functions", query)
        return tuple(_function(row, query.buckets, error) for row in rows)

    def series(self, query: SeriesQuery) -> tuple[SeriesPoint, ...]:
        rows, error = self._figures("series", query)
        window, buckets = query.window, query.buckets
        return tuple(
            SeriesPoint(line, bucket_start(window, buckets, part), calls, errors, cold, p50, p95, p99, error)
            for line, part, calls, errors, cold, (p50, p95, p99) in rows
        )

    def _figures(self, name: str, query: FunctionsQuery | SeriesQuery) -> tuple[list[tuple[Any, ...]], float]:
        """The rows of a statement, from sums where there are some, and what their quantiles may be off by."""
        values = _values(query) | {"width_ns": _width(query.window)}
        if rollups.serves(query):
            rows = rollups.rows(self._database, f"{name}_rolled", values, query)
            if rows is not None:
                return rows, rollups.RELATIVE_ERROR
        return self._database.rows(name, values, q=query), 0.0

    def calls(self, query: CallsQuery) -> tuple[Call, ...]:
        if query.sort != "newest":
            return self._calls(query)
        found: tuple[Call, ...] = ()
        for window in latest.stretches(query.window, query.window.end_ns):
            found = self._calls(replace(query, window=window))
            if len(found) == query.limit:
                break
        return found

    def _calls(self, query: CallsQuery) -> tuple[Call, ...]:
        rows = self._database.rows("calls", _values(query), q=query)
        return tuple(Call(trace_id.hex, hex_span_id(span_id), *rest) for trace_id, span_id, *rest in rows)

    def cold_starts(self, query: ColdStartsQuery) -> tuple[ColdStart, ...]:
        rows = self._database.rows("cold_starts", _values(query), q=query)
        return tuple(_cold_start(row) for row in rows)

    def traces(self, query: TracesQuery) -> TracePage:
        if query.sort != "newest" or query.source or query.target:  # edges reach beyond their window
            return self._traces(query)
        until_ns = cursor.decode(query.cursor, query.sort)[0] + 1 if query.cursor else query.window.end_ns
        for window in latest.stretches(query.window, until_ns):
            page = self._traces(replace(query, window=window))
            if page.next_cursor:
                break
        return page

    def _traces(self, query: TracesQuery) -> TracePage:
        values = _values(query)
        words = query.text.split()
        by_id = len(words) == 1 and _is_trace_id(words[0].lower())
        if by_id:
            values["trace_id"] = words.pop().lower()
        values |= {f"word_{i}": word for i, word in enumerate(words)}
        if query.source or query.target:
            near = _widened(query.window)
            values |= _pair_bounds(near)
        if query.cursor:
            values["after_key"], values["after_id"] = cursor.decode(query.cursor, query.sort)
        asked = compile_spanset(query.spanset) if query.spanset else None
        if asked:
            values |= asked.values
        values["limit"] = query.limit + 1  # one more says whether there is a next page
        structure = {
            "q": query,
            "asked": asked,
            "words": words,
            "by_id": by_id,
            "edge": bool(query.source or query.target),
            "after": bool(query.cursor),
        }
        rows = self._database.rows("traces", values, **structure)
        return _page(rows, query)

    def span_series(self, query: SpanSeriesQuery) -> Figures:
        return spanseries.series(self._database, query)

    def attributes(self, query: AttributesQuery) -> tuple[tuple[Scalar, int], ...]:
        column = {"span": "attributes", "resource": "resource_id", "names": "name"}[query.of]
        values = _values(query) | {"sample": ATTRIBUTE_SAMPLE}
        rows = self._database.rows("attributes", values, column=column)
        if query.of == "names":
            return count(({name: None} for name, n in rows for _ in range(n)), replace(query, key=""))
        return count((said for text, n in rows for said in [jsonvalue.loads(text) or {}] * n), query)

    def keys(self, query: KeysQuery) -> tuple[AttributeKey, ...]:
        return self._keys.find(query)

    def trace(self, trace_id: str) -> tuple[Span, ...]:
        check_trace_id(trace_id)
        columns = ", ".join(_READ)
        database = self._database
        rows = database.read(lambda c: trace_times.rows_of(database.parts, c, trace_id, columns))
        return _spans(rows, trace_id)

    def linked_from(self, trace_id: str) -> tuple[Backlink, ...]:
        check_trace_id(trace_id)
        rows = self._database.rows("linked_from", {"trace_id": trace_id, "limit": BACKLINKS})
        return tuple(_backlink(row) for row in rows)

    def edges(self, query: EdgesQuery) -> tuple[Edge, ...]:
        rolled_up = is_rolled_up(query.window, least_ns=LONG_GRAPH_NS)
        found = edgesums.edges(self._database, query) if rolled_up else None
        if found is not None:
            return found
        kept = edgecalls.rows(self._database, query, service=query.service)
        return self._edges(query) if kept is None else _edges(kept)

    def _edges(self, query: EdgesQuery) -> tuple[Edge, ...]:
        """From the spans."""
        values = _values(query) | _pair_bounds(query.window)
        return _edges(edgenear.rows(self._database, "edges", values, q=query, over_time=False))

    def edge_series(self, query: EdgeSeriesQuery) -> tuple[EdgePoint, ...]:
        rolled_up = is_rolled_up(query.window, query.buckets)
        found = edgesums.series(self._database, query) if rolled_up else None
        if found is not None:
            return found
        kept = edgecalls.rows(self._database, query, **_series_values(query))
        return self._edge_series(query) if kept is None else _edge_points(kept, query)

    def _edge_series(self, query: EdgeSeriesQuery) -> tuple[EdgePoint, ...]:
        """From the spans."""
        values = _series_values(query) | _pair_bounds(query.window)
        return _edge_points(edgenear.rows(self._database, "edges", values, q=query, over_time=True), query)

    def slow(self, query: SlowQuery) -> tuple[SlowGroup, ...]:
        return tuple(_slow_group(row) for row in self._database.rows("slow", _values(query), q=query))

    def errors(self, query: ErrorsQuery) -> tuple[ErrorVariant, ...]:
        values = _values(query) | {
            "width_ns": _width(query.window),
            "message_kept": MESSAGE_KEPT,
            "stack_kept": STACK_KEPT,
            "message_values": MESSAGE_VALUES,
            "stack_values": STACK_VALUES,
        }
        return tuple(_error(row, query) for row in self._database.rows("errors", values, q=query))

    def stats(self) -> StoreStats:
        ((spans, first_ns, last_ns),) = self._extent()
        ((services,),) = self._database.rows("service_names", {})
        return StoreStats(
            spans=spans,
            first_ns=first_ns,
            last_ns=last_ns,
            bytes_on_disk=self._database.bytes_on_disk(),
            duplicates=self._duplicates(),
            unreadable=self._database.unreadable,
            services=tuple(services),
        )

    def first_ns(self) -> int:
        ((_, first_ns, _),) = self._extent()
        return int(first_ns)

    def _extent(self) -> list[tuple[Any, ...]]:
        return self._database.rows("extent", {})


# ---------------------------------------------------------------- parameters


def _values(query: Any) -> dict[str, Any]:
    """A query object's fields by name, its window as bounds."""
    values = {name: value for name, value in asdict(query).items() if name != "window"}
    return values | _bounds(query.window)


def _series_values(query: EdgeSeriesQuery) -> dict[str, Any]:
    window = query.window
    return _bounds(window) | edgesums.ends_of(query) | {"buckets": query.buckets, "width_ns": _width(window)}


def _bounds(window: Window) -> dict[str, Any]:
    return {"start_ns": window.start_ns, "end_ns": window.end_ns}


def _width(window: Window) -> int:
    return window.end_ns - window.start_ns


def _widened(window: Window) -> Window:
    return Window(window.start_ns - PAIR_SLACK_NS, window.end_ns + PAIR_SLACK_NS)


def _pair_bounds(window: Window) -> dict[str, Any]:
    near = _widened(window)
    return {
        "pair_start_ns": window.start_ns,
        "pair_end_ns": window.end_ns,
        "settled_ns": window.end_ns - SETTLE_NS,
        "slack_ns": PAIR_SLACK_NS,
        "near_start_ns": near.start_ns,
        "near_end_ns": near.end_ns,
        "sent_from_ns": near.start_ns,
        "refusals": REFUSED,
    }


def check_trace_id(text: str) -> None:
    if not _is_trace_id(text):
        raise InvalidQuery("a trace id is 32 lower-case hexadecimal digits")


def _is_trace_id(text: str) -> bool:
    return len(text) == 32 and set(text) <= _HEX


# ---------------------------------------------------------------- rows


def _function(row: tuple[Any, ...], buckets: int, error: float) -> FunctionStats:
    service, calls, errors, quantiles, cold, known, versions, instances, platform, region = row[:10]
    triggers, last_seen_ns, sparkline = row[10:]
    by_bucket = {bucket: (n, failed) for bucket, n, failed in sparkline}
    return FunctionStats(
        service=service,
        calls=calls,
        errors=errors,
        p50_ns=quantiles[0],
        p95_ns=quantiles[1],
        p99_ns=quantiles[2],
        cold_starts=cold,
        cold_known=known,
        versions=tuple(versions),
        instances=instances,
        platform=platform,
        region=region,
        triggers=tuple(triggers),
        last_seen_ns=last_seen_ns,
        calls_by_bucket=tuple(by_bucket.get(i, (0, 0))[0] for i in range(buckets)),
        errors_by_bucket=tuple(by_bucket.get(i, (0, 0))[1] for i in range(buckets)),
        quantile_error=error,
    )


def _cold_start(row: tuple[Any, ...]) -> ColdStart:
    trace_id, span_id, service, version, instance, start_ns, duration_ns, failed, phases = row
    return ColdStart(
        trace_id=trace_id.hex,
        span_id=hex_span_id(span_id),
        service=service,
        version=version,
        instance=instance,
        call_start_ns=start_ns,
        call_duration_ns=duration_ns,
        failed=failed,
        phases=tuple(map(tuple, phases)),
    )


def _page(rows: list[tuple[Any, ...]], query: TracesQuery) -> TracePage:
    shown = rows[: query.limit]
    more = len(rows) > len(shown)
    after = cursor.encode(query.sort, int(shown[-1][-1]), shown[-1][0].hex) if more and shown else ""
    return TracePage(tuple(_summary(row) for row in shown), after)


def _summary(row: tuple[Any, ...]) -> TraceSummary:
    trace_id, root, start_ns, duration_ns, spans, errors, cold_starts, services, _ = row
    service, name, trigger = root
    return TraceSummary(
        trace_id=trace_id.hex,
        root_service=service,
        root_name=name,
        root_trigger=trigger,
        start_ns=start_ns,
        duration_ns=duration_ns,
        spans=spans,
        errors=errors,
        cold_starts=cold_starts,
        services=tuple(map(tuple, services)),
    )


# All of a span's columns but the id that all spans of a trace share.
_READ = tuple(name for name in COLUMN_NAMES if name != "trace_id")


def _spans(rows: list[tuple[Any, ...]], trace_id: str) -> tuple[Span, ...]:
    if not rows:
        return ()
    *columns, sent_by = zip(*rows)
    resources = {text: jsonvalue.loads(text) or {} for text in set(sent_by)}
    named = dict(zip(_READ, columns)) | {"trace_id": (trace_id,) * len(rows)}
    return tuple(spans_from_columns(named, [resources[text] for text in sent_by]))


def _backlink(row: tuple[Any, ...]) -> Backlink:
    target, trace_id, span_id, *rest = row
    return Backlink(hex_span_id(target), trace_id.hex, hex_span_id(span_id), *rest)


def _edge(row: Sequence[Any]) -> Edge:
    source_kind, source, target_kind, target, calls, errors, refused, *times = row
    latency, server_p95, delays, total = times
    p50, p95, p99 = latency or (None, None, None)
    delay_p50, delay_p95 = delays or (None, None)
    return Edge(
        source=Node(source_kind, source),
        target=Node(target_kind, target),
        calls=calls,
        errors=errors,
        p50_ns=p50,
        p95_ns=p95,
        p99_ns=p99,
        server_p95_ns=server_p95,
        queue_delay_p50_ns=delay_p50,
        queue_delay_p95_ns=delay_p95,
        total_ns=total,
        refused=refused,
    )


def _edges(rows: Sequence[Sequence[Any]]) -> tuple[Edge, ...]:
    return tuple(_edge(row) for _, *row in rows)


def _edge_points(rows: Sequence[Sequence[Any]], query: EdgeSeriesQuery) -> tuple[EdgePoint, ...]:
    return tuple(
        EdgePoint(bucket_start(query.window, query.buckets, part), _edge(row)) for part, *row in rows
    )


def _slow_group(row: tuple[Any, ...]) -> SlowGroup:
    service, name, system, count, errors, total, quantiles, longest, callers, per_trace, example = row
    trace_id, span_id = example
    return SlowGroup(
        service=service,
        name=name,
        system=system,
        count=count,
        errors=errors,
        total_ns=total,
        p50_ns=quantiles[0],
        p95_ns=quantiles[1],
        max_ns=longest,
        callers=tuple(callers),
        max_per_trace=per_trace,
        example_trace_id=trace_id.hex,
        example_span_id=hex_span_id(span_id),
    )


def _error(row: tuple[Any, ...], query: ErrorsQuery) -> ErrorVariant:
    service, kind, pattern, count, first_ns, last_ns, versions, parts, example = row
    trace_id, span_id, name, message, stacktrace = example
    by_bucket = dict(parts)
    return ErrorVariant(
        service=service,
        type=kind,
        pattern=pattern,
        count=count,
        first_ns=first_ns,
        last_ns=last_ns,
        versions=tuple(versions),
        counts_by_bucket=tuple(by_bucket.get(i, 0) for i in range(query.buckets)),
        message=message,
        stacktrace=stacktrace,
        example_trace_id=trace_id.hex,
        example_span_id=hex_span_id(span_id),
        example_name=name,
    )
