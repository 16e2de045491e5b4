"""Spans over time (collector/storage/spanseries.py): parameters in, SQL of queries/, lines out."""

from __future__ import annotations

from collector.storage.duckdb.database import Database
from collector.storage.duckdb.figures import figures, parameters
from collector.storage.duckdb.spanset_sql import compile_spanset, grouped_by, measured
from collector.storage.figures import Figures
from collector.storage.spanseries import SpanSeriesQuery


def series(database: Database, query: SpanSeriesQuery) -> Figures:
    window = query.window
    asked = compile_spanset(query.spanset)
    structure = {
        "asked": asked,
        "statistic": query.statistic,
        "measured": measured(query.field, asked) if query.field else "1",
        "line": grouped_by(query.by, asked) if query.by else "''",
    }
    values = parameters(window, query.buckets, query.groups, query.quantile)
    values |= asked.values | {"near_start_ns": query.near.start_ns}
    rows = database.rows("span_series", values, **structure)
    return figures(rows, window, query.buckets, query.statistic)
