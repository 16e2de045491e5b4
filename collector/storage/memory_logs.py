"""Logs in the reference engine: records in a list, every query written the plain way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from collector import jsonvalue
from collector.model_logs import LOG_COLUMN_NAMES, LogBatch, LogRecord
from collector.storage import cursor
from collector.storage.base import bucket_index, bucket_start
from collector.storage.digests import RecentDigests
from collector.storage.figures import Figures
from collector.storage.ids import check_span_id, check_trace_id
from collector.storage.logs import (
    BODY,
    FACET_VALUES,
    TRACE_LOGS,
    LogBucket,
    LogFacets,
    LogPage,
    LogSeriesQuery,
    LogsQuery,
)
from collector.storage.memory_figures import figures
from collector.storage.signal_rows import as_text, escaped, log_from_row


class MemoryLogs:
    """Writer and reader. The storage that owns it holds the lock."""

    def __init__(self) -> None:
        self._records: list[LogRecord] = []
        self._digests = RecentDigests()

    def write(self, batches: Sequence[LogBatch]) -> tuple[int, int]:
        """How many records were stored, and how many belong to payloads that were stored already."""
        fresh: list[LogRecord] = []
        offered = 0
        for batch in batches:
            offered += len(batch)
            received_ns = max(batch.columns["received_ns"], default=0)
            if not self._digests.holds(batch.digest, received_ns):
                fresh += _records(batch)
                self._digests.add(batch.digest, received_ns)
        self._records = [*self._records, *fresh]
        return len(fresh), offered - len(fresh)

    @property
    def stored(self) -> Sequence[LogRecord]:
        return self._records

    def search(self, query: LogsQuery) -> LogPage:
        after = cursor.decode(query.cursor, query.order) if query.cursor else None
        newest = query.order == "newest"
        found = sorted(self._matching(query), key=_order, reverse=newest)
        if after:
            limit = after[0], int(after[1], 16)
            found = [r for r in found if (_order(r) < limit if newest else _order(r) > limit)]
        page = found[: query.limit]
        more = len(found) > len(page) and page
        last = cursor.encode(query.order, page[-1].time_ns, f"{page[-1].log_id:032x}") if more else ""
        return LogPage(tuple(page), last)

    def histogram(self, query: LogsQuery, buckets: int = 60) -> tuple[LogBucket, ...]:
        counts = Counter(
            (bucket_index(query.window, buckets, record.time_ns), record.severity_name)
            for record in self._matching(query)
        )
        return tuple(
            LogBucket(bucket_start(query.window, buckets, index), severity, count)
            for (index, severity), count in sorted(counts.items())
        )

    def series(self, query: LogSeriesQuery) -> Figures:
        placed = [
            (record.time_ns, _group(record, query.by), value)
            for record in self._matching(query.logs)
            for value in [jsonvalue.number(_said(record, query.field)) if query.field else 1.0]
            if value is not None
        ]
        window = query.logs.window
        return figures(placed, window, query.buckets, query.statistic, query.quantile, query.groups)

    def facets(self, query: LogsQuery) -> LogFacets:
        found = self._matching(query)
        return LogFacets(
            len(found),
            _facet(record.service for record in found),
            _facet(record.severity_name for record in found),
            _facet(record.scope for record in found),
        )

    def of_trace(self, trace_id: str) -> tuple[LogRecord, ...]:
        check_trace_id(trace_id)
        found = [record for record in self._records if record.trace_id == trace_id]
        return tuple(sorted(found, key=_order)[:TRACE_LOGS])

    def _matching(self, query: LogsQuery) -> list[LogRecord]:
        if query.trace_id:
            check_trace_id(query.trace_id)
        if query.span_id:
            check_span_id(query.span_id)
        window = query.window
        return [
            record
            for record in self._records
            if window.start_ns <= record.time_ns < window.end_ns and _matches(record, query)
        ]


def _records(batch: LogBatch) -> Iterable[LogRecord]:
    sent_by = {key: jsonvalue.loads(r.attributes_json) or {} for key, r in batch.resources.items()}
    for values in zip(*(batch.columns[name] for name in LOG_COLUMN_NAMES)):
        row = dict(zip(LOG_COLUMN_NAMES, values))
        yield log_from_row(row, sent_by.get(row["resource_id"], {}))


def _order(record: LogRecord) -> tuple[int, int]:
    return record.time_ns, record.log_id


def _matches(record: LogRecord, query: LogsQuery) -> bool:
    return (
        query.service in ("", record.service)
        and query.scope in ("", record.scope)
        and record.severity >= query.min_severity
        and query.trace_id in ("", record.trace_id)
        and query.span_id in ("", record.span_id)
        and all(_has(record, key, value) for key, value in query.attributes)
        and _has_words(record, query.text.split())
    )


def _has(record: LogRecord, key: str, value: str) -> bool:
    if key.startswith("resource."):
        return as_text(record.resource, key.removeprefix("resource.")) == value
    return as_text(record.attributes, key) == value


def _has_words(record: LogRecord, words: list[str]) -> bool:
    if not words:
        return True
    body = "" if record.body is None else jsonvalue.dumps(record.body)
    attributes = jsonvalue.dumps(record.attributes) if record.attributes else ""
    texts = "\n".join((body, record.event_name, record.severity_text, attributes)).lower()
    return all(escaped(word).lower() in texts for word in words)


def _said(record: LogRecord, field: str) -> Any:
    """What a record says in an attribute, or in its body."""
    if not field.startswith(BODY):
        return record.attributes.get(field)
    return record.body.get(field.removeprefix(BODY)) if isinstance(record.body, dict) else None


def _group(record: LogRecord, by: str) -> str:
    if by in ("", "service", "scope"):
        return str(getattr(record, by)) if by else ""
    if by == "level":
        return record.severity_name
    said = _said(record, by)
    return "" if said is None else said if isinstance(said, str) else jsonvalue.dumps(said)


def _facet(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counts = Counter(values)
    return tuple(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:FACET_VALUES])
