"""Stores as earlier versions left them, made of one of today: its migrations undone, the newest first."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import duckdb

# What a migration has added, undone. Those that are not named here were never released.
_UNDONE = {
    12: "ALTER TABLE watermark DROP COLUMN since",
    9: "DROP TABLE tail_sampling; ALTER TABLE spans DROP COLUMN adjusted_count",
    8: "DROP TABLE call_slots; DROP TABLE call_durations; DROP TABLE call_instances;DROP TABLE rollups_until",
    7: "DROP TABLE trace_times; DROP TABLE trace_times_until",
    6: "DROP TABLE logs; DROP TABLE metrics; DROP TABLE metric_series; DROP TABLE metric_points;"
    "DROP TABLE payload_digests",
    5: "DROP TABLE scopes; ALTER TABLE spans DROP COLUMN scope_id;"
    "ALTER TABLE resources DROP COLUMN dropped_attributes_count;"
    "ALTER TABLE resources DROP COLUMN entity_refs",
    4: "DROP TABLE watermark",
    3: "DROP TABLE open_spans",
    2: "DROP TABLE span_links",
}


def days_of_version_6(folder: Path) -> None:
    """Files of days, with all signals; nothing is worked out from them yet."""
    for path in folder.glob("*.duckdb"):
        _undo(path, 6)
    _only(folder, "*.duckdb")


def one_file_of_version_1(folder: Path) -> None:
    """`tracekit.duckdb` with the spans of all days. There were no other signals, and nothing was pinned."""
    first, *others = sorted(folder.glob("2*.duckdb"))
    with contextlib.closing(duckdb.connect(str(first))) as connection:
        for other in others:
            connection.execute(f"ATTACH '{other}' AS other (READ_ONLY)")
            for table in ("spans", "resources"):
                connection.execute(f"INSERT INTO {table} BY NAME FROM other.{table}")
            connection.execute("DETACH other")
    _undo(first, 1)
    first.rename(folder / "tracekit.duckdb")
    _only(folder, "tracekit.duckdb")


def _undo(path: Path, version: int) -> None:
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        for migration, undoing in _UNDONE.items():
            if migration > version:
                connection.execute(undoing)
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", [version, time.time_ns()])


def _only(folder: Path, kept: str) -> None:
    """Nothing else was beside them then."""
    for path in folder.iterdir():
        if path.is_file() and not path.match(kept):
            path.unlink()
