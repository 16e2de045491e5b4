"""Copies of the parts: a backup that opens as a store, and a day as Parquet, there and back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from collector.storage.base import RetryLater, StorageError, WriteResult
from collector.storage.duckdb import parts, pins, schema_version
from collector.storage.duckdb.database import Database, first_line, quoted
from collector.storage.duckdb.parts import Part

# What is copied of a part: everything that a reader or the next start asks for.
TABLES = (
    "spans",
    "span_links",
    "open_spans",
    "logs",
    "metrics",
    "metric_series",
    "metric_points",
    "payload_digests",
    "resources",
    "scopes",
)
# What a day's Parquet files hold, and what makes a row the same as one that is stored already.
_EXPORTED: dict[str, tuple[str, ...]] = {
    "spans": ("trace_id", "span_id"),
    "span_links": ("trace_id", "span_id", "linked_trace_id", "linked_span_id"),
    "logs": ("log_id",),
    "metrics": ("metric_id",),
    "metric_series": ("series_id",),
    "metric_points": ("metric_id", "series_id", "time_ns", "received_ns"),
    "resources": ("resource_id",),
    "scopes": ("scope_id",),
}
_ONE_ROW = ("watermark", "tail_sampling")
_PARTIAL = ".partial"
_COPY_ALIAS = '"copy"'


def back_up(database: Database, target: Path, beside: Callable[[Path], None] = lambda folder: None) -> int:
    """Copy every part, as it is at one moment each, to a folder that is not there yet; the bytes written.

    Data may arrive meanwhile. The folder appears when it is whole; what else belongs to it is put there by
    `beside`. StorageError if it exists, RetryLater if it could not be written.
    """
    partial = _begun(target)
    try:
        for part in database.parts.all:
            _back_up(database, part, partial / part.path.name)
        beside(partial)
        written = sum(parts.size_of(path) for path in partial.iterdir())
        partial.rename(target)
    except OSError as error:
        raise RetryLater(f"{target} could not be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return written


def export_day(database: Database, day: str, target: Path) -> dict[str, int]:
    """What was received on a day, as one Parquet file a table in a folder that is not there yet; rows by
    table. StorageError if nothing is stored of the day, or the folder exists."""
    found = [part for part in database.parts.written if part.day == day]
    if not found:
        days = sorted({part.day for part in database.parts.written})
        raise StorageError(f"nothing is stored of {day}; there are {days[0]} to {days[-1]}")
    partial = _begun(target)
    try:
        rows = {table: _export(database, found, table, partial) for table in _EXPORTED}
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return rows


def import_day(database: Database, source: Path, day: str) -> WriteResult:
    """Add what export_day wrote, to a part of that day; rows that are stored already are left out. On the
    writer's thread, while nothing else is written. StorageError if the files are not what they should be."""
    missing = [table for table in _EXPORTED if not _file(source, table).exists()]
    if missing:
        raise StorageError(f"{source} lacks {missing[0]}.parquet: it is not a day that was exported")
    part = database.begin_part(day)
    connection = database.writer
    try:
        connection.execute("BEGIN")
        counts = {table: _import(database, part, source, table) for table in _EXPORTED}
        # A day that was sampled counts for as much here, and is not sampled again.
        connection.execute(
            "UPDATE tail_sampling SET one_of = (SELECT coalesce(max(adjusted_count), 1) FROM spans)"
        )
        connection.execute("COMMIT")
    except duckdb.Error as error:
        connection.execute("ROLLBACK")
        raise StorageError(f"{source} could not be imported: {first_line(error)}") from error
    stored, offered = counts["spans"]
    return WriteResult(stored, offered - stored)


# ---------------------------------------------------------------- steps


def _begun(target: Path) -> Path:
    if target.exists():
        raise StorageError(f"{target} exists: name a folder that does not")
    partial = target.with_name(target.name + _PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def _back_up(database: Database, part: Part, path: Path) -> None:
    own = pins.TABLES if part.name == parts.PINNED else ()

    def fill(connection: Any) -> None:
        connection.execute(f"USE {_COPY_ALIAS}")
        try:
            schema_version.create(connection)
            for table in _ONE_ROW:  # as they were made
                connection.execute(f"DELETE FROM {table}")
            if own:
                connection.execute(pins.own_tables(_COPY_ALIAS))
            for table in (*TABLES, *own, *_ONE_ROW):
                connection.execute(f"INSERT INTO {_COPY_ALIAS}.{table} BY NAME FROM {part.sql}.{table}")
        finally:
            connection.execute("USE memory")

    database.statement(f"ATTACH '{quoted(path)}' AS {_COPY_ALIAS}")
    try:
        database.transact(fill)
        database.statement(f"CHECKPOINT {_COPY_ALIAS}")
    finally:
        database.statement(f"DETACH {_COPY_ALIAS}")


def _export(database: Database, found: Sequence[Part], table: str, folder: Path) -> int:
    rows = " UNION ALL BY NAME ".join(f"FROM {part.sql}.{table}" for part in found)
    to = f"'{quoted(_file(folder, table))}' (FORMAT parquet, COMPRESSION zstd)"
    try:
        written = database.read(lambda c: c.execute(f"COPY ({rows}) TO {to}").fetchall())
    except duckdb.Error as error:
        raise RetryLater(f"{folder} could not be written: {first_line(error)}") from error
    return int(written[0][0])


def _import(database: Database, part: Part, source: Path, table: str) -> tuple[int, int]:
    """(rows added, rows offered). What rows refer to must be in their own part, whatever others hold."""
    connection = database.writer
    offered = f"read_parquet('{quoted(_file(source, table))}')"
    ((count,),) = connection.execute(f"SELECT count(*) FROM {offered}").fetchall()
    key = ", ".join(_EXPORTED[table])
    timed = table in parts.TIMED
    known = database.parts.all if timed else (part,)
    stored = " UNION ALL ".join(f"SELECT {key} FROM {other.sql}.{table}" for other in known)
    if timed:
        column = parts.TIMED[table]
        times = connection.execute(f"SELECT min({column}), max({column}) FROM {offered}").fetchall()[0]
        if times[0] is not None:
            database.parts.widen(part, table, times)
    inserted = connection.execute(
        f"INSERT INTO {table} BY NAME FROM {offered} ANTI JOIN ({stored}) USING ({key})"
    ).fetchall()
    return int(inserted[0][0]), int(count)


def _file(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"
