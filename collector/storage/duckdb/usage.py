"""What calls used (collector/storage/usage.py): parameters in, SQL of queries/, rows out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from collector.storage.base import Window, bucket_start
from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database
from collector.storage.usage import (
    REFUSALS,
    HeatmapCell,
    HeatmapQuery,
    InstanceMemory,
    MemoryQuery,
    Tag,
    TagsQuery,
    Usage,
    UsageQuery,
    slices,
)

# As regular expressions are written for DuckDB.
REFUSED = f"(?i){REFUSALS}"


class DuckDBUsage:
    """Answers from any thread, as DuckDBReader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def heatmap(self, query: HeatmapQuery) -> tuple[HeatmapCell, ...]:
        rows = self._database.rows("heatmap", _values(query), q=query)
        row_of = {bound: row for row, bound in enumerate(query.bounds)}
        return tuple(
            HeatmapCell(
                bucket_start(query.window, query.buckets, part),
                row_of.get(bound, len(query.bounds)),
                calls,
                errors,
            )
            for part, bound, calls, errors in rows
        )

    def usage(self, query: UsageQuery) -> tuple[Usage, ...]:
        values = _values(query) | _sample(query)
        rows = self._database.rows("usage", values, q=query, slices=len(slices(query.window, query.one_in)))
        return tuple(_usage(row, query) for row in rows)

    def memory(self, query: MemoryQuery) -> tuple[InstanceMemory, ...]:
        asked = UsageQuery(query.window, query.service, one_in=query.one_in)
        values = _values(query) | _sample(query)
        rows = self._database.rows("memory", values, q=asked, slices=len(slices(query.window, query.one_in)))
        return tuple(_memory(row) for row in rows)

    def tags(self, query: TagsQuery) -> tuple[Tag, ...]:
        if not query.keys:
            return ()
        values = _values(query) | {
            "keys": list(query.keys),
            "pointers": [sql.pointer(key) for key in query.keys],
        }
        return tuple(Tag(*row) for row in self._database.rows("tags", values))

    def throttled(self, window: Window) -> tuple[tuple[str, int], ...]:
        values = {"start_ns": window.start_ns, "end_ns": window.end_ns, "refusals": REFUSED}
        return tuple((peer, count) for peer, count in self._database.rows("throttled", values))


def _values(query: Any) -> dict[str, Any]:
    window = query.window
    values = {name: value for name, value in asdict(query).items() if name != "window"}
    return values | {
        "start_ns": window.start_ns,
        "end_ns": window.end_ns,
        "width_ns": window.end_ns - window.start_ns,
    }


def _sample(query: UsageQuery | MemoryQuery) -> dict[str, int]:
    bounds: dict[str, int] = {}
    for n, part in enumerate(slices(query.window, query.one_in)):
        bounds |= {f"slice_{n}": part.start_ns, f"slice_{n}_end": part.end_ns}
    return bounds


def _usage(row: tuple[Any, ...], query: UsageQuery) -> Usage:
    line, part, calls, busy_ns, at_once, memory, limit, cpu, timeouts, gb_seconds = row
    return Usage(
        group=line,
        start_ns=bucket_start(query.window, query.buckets, part),
        calls=calls,
        busy_ns=int(busy_ns),
        at_once=_whole(at_once),
        memory_bytes=_whole(memory),
        limit_bytes=_whole(limit),
        cpu=cpu,
        timeouts=timeouts,
        gb_seconds=gb_seconds,
    )


def _memory(row: tuple[Any, ...]) -> InstanceMemory:
    service, instance, version, calls, limit, points = row
    return InstanceMemory(service, instance, version, calls, _whole(limit), tuple(map(tuple, points)))


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
