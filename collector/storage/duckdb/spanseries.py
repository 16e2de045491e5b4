"""Spans over time (collector/storage/spanseries.py): parameters in, SQL of queries/, lines out."""

from __future__ import annotations

from typing import Any

from collector.storage.base import bucket_start
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.spanset_sql import compile_spanset, grouped_by, measured
from collector.storage.spanseries import SpanLine, SpanPoint, SpanSeries, SpanSeriesQuery


def series(database: Database, query: SpanSeriesQuery) -> SpanSeries:
    window = query.window
    asked = compile_spanset(query.spanset)
    structure = {
        "asked": asked,
        "statistic": query.statistic,
        "measured": measured(query.field, asked) if query.field else "1",
        "line": grouped_by(query.by, asked) if query.by else "''",
    }
    values = asked.values | {
        "start_ns": window.start_ns,
        "end_ns": window.end_ns,
        "near_start_ns": query.near.start_ns,
        "width_ns": window.end_ns - window.start_ns,
        "buckets": query.buckets,
        "groups": query.groups,
        "quantile": query.quantile,
    }
    rows = database.rows("span_series", values, **structure)
    lines: dict[str, list[SpanPoint]] = {}
    seconds = window.seconds / query.buckets if query.statistic == "rate" else 1.0
    for line, part, figure, _ in rows:
        point = SpanPoint(bucket_start(window, query.buckets, part), float(figure) / seconds)
        lines.setdefault(line, []).append(point)
    found = tuple(SpanLine(line, tuple(points)) for line, points in lines.items())
    return SpanSeries(found, _number(rows) - len(found))


def _number(rows: list[tuple[Any, ...]]) -> int:
    """How many lines there are, drawn or not."""
    return int(rows[0][-1]) if rows else 0
