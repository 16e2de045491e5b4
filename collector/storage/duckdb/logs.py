"""Queries of logs: parameters in, SQL of queries/, records out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from collector import jsonvalue
from collector.model import Attributes
from collector.model_logs import LOG_COLUMN_NAMES, SEVERITIES, UNSPECIFIED, LogRecord
from collector.storage import cursor
from collector.storage.base import bucket_start
from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.figures import figures, parameters
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
from collector.storage.signal_rows import escaped, log_from_row

_COLUMNS = ", ".join(LOG_COLUMN_NAMES)
_NAMES = (UNSPECIFIED, *(name for name, _ in SEVERITIES))


class DuckDBLogs:
    """Answers from any thread; each has a cursor of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, query: LogsQuery) -> LogPage:
        structure, values = _parameters(query)
        values["limit"] = query.limit + 1  # one more says whether there is a next page
        if query.cursor:
            values["after_ns"], last = cursor.decode(query.cursor, query.order)
            values["after_id"] = int(last, 16) % 2**64
        found = self._records("logs", structure | {"after": bool(query.cursor)}, values)
        page = found[: query.limit]
        more = len(found) > len(page) and page
        after = cursor.encode(query.order, page[-1].time_ns, f"{page[-1].log_id:032x}") if more else ""
        return LogPage(page, after)

    def histogram(self, query: LogsQuery, buckets: int = 60) -> tuple[LogBucket, ...]:
        structure, values = _parameters(query)
        values |= {"buckets": buckets, "width_ns": query.window.end_ns - query.window.start_ns}
        rows = self._database.rows("log_histogram", values, **structure)
        counts = [(part, _NAMES[severity], n) for part, severity, n in rows]
        return tuple(LogBucket(bucket_start(query.window, buckets, p), s, n) for p, s, n in sorted(counts))

    def series(self, query: LogSeriesQuery) -> Figures:
        window = query.logs.window
        structure, values = _parameters(query.logs)
        values |= parameters(window, query.buckets, query.groups, query.quantile)
        structure |= {
            "line": _line(query.by, values),
            "figure": _number(query.field, values) if query.field else "1",
            "statistic": query.statistic,
        }
        rows = self._database.rows("log_series", values, **structure)
        return figures(rows, window, query.buckets, query.statistic)

    def facets(self, query: LogsQuery) -> LogFacets:
        structure, values = _parameters(query)
        counts: tuple[list[tuple[str, int]], ...] = ([], [], [], [])
        rows = self._database.rows("log_facets", values, **structure)
        for facet, service, severity, scope, n in rows:
            name = ("", service, _NAMES[severity or 0], scope)[facet]
            counts[facet].append((name, n))
        ((_, total),) = counts[0] or [("", 0)]
        return LogFacets(total, *(_most(facet) for facet in counts[1:]))

    def of_trace(self, trace_id: str) -> tuple[LogRecord, ...]:
        check_trace_id(trace_id)
        return self._records("trace_logs", {}, {"trace_id": trace_id, "limit": TRACE_LOGS})

    def _records(self, name: str, structure: dict[str, Any], values: dict[str, Any]) -> tuple[LogRecord, ...]:
        rows = self._database.rows(name, values, columns=_COLUMNS, **structure)
        sent_by: dict[str, Attributes] = {row[-1]: jsonvalue.loads(row[-1]) or {} for row in rows}
        return tuple(_record(row[:-1], sent_by[row[-1]]) for row in rows)


def _parameters(query: LogsQuery) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a template chooses by, and the values it may name."""
    if query.trace_id:
        check_trace_id(query.trace_id)
    words = [escaped(word) for word in query.text.split()]
    values = {name: value for name, value in asdict(query).items() if name not in ("window", "attributes")}
    values |= {"start_ns": query.window.start_ns, "end_ns": query.window.end_ns}
    values |= {f"word_{i}": word for i, word in enumerate(words)}
    for i, (key, value) in enumerate(query.attributes):
        values |= {f"path_{i}": sql.pointer(key.removeprefix("resource.")), f"value_{i}": value}
    if query.span_id:
        check_span_id(query.span_id)
        values["span_number"] = int(query.span_id, 16)
    return {"q": query, "words": words}, values


def _line(by: str, values: dict[str, Any]) -> str:
    if by in ("", "service", "scope"):
        return by or "''"
    if by == "level":
        return f"{list(_NAMES)}[(severity + 3) // 4 + 1]"
    return f"coalesce(json_extract_string({_place(by, 'by_path', values)}), '')"


def _number(field: str, values: dict[str, Any]) -> str:
    """The number that a record says; NULL if it says none. A string keeps its quotes here, and is none."""
    number = f"try_cast(json_extract({_place(field, 'field_path', values)})::VARCHAR AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _place(field: str, name: str, values: dict[str, Any]) -> str:
    """JSON and where in it, as functions of JSON take them."""
    column = "body" if field.startswith(BODY) else "attributes"
    values[name] = sql.pointer(field.removeprefix(BODY))
    return f"nullif({column}, ''), ${name}"


def _record(row: tuple[Any, ...], resource: Attributes) -> LogRecord:
    named = dict(zip(LOG_COLUMN_NAMES, row))
    named["trace_id"] = named["trace_id"].hex if named["trace_id"] else ""
    return log_from_row(named, resource)


def _most(counts: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts, key=lambda entry: (-entry[1], entry[0]))[:FACET_VALUES])
