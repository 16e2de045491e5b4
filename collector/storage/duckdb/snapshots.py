"""Rows of one table as they are at this moment, in a Parquet file another process may read: the parts' own
files are locked, and opening them twice is what drops the lock (docs/decisions/0014)."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from collector.storage.base import RetryLater
from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database, first_line, quoted
from collector.storage.duckdb.parts import TIMED, size_of

# What rows refer to, with the key they refer by.
_KEYED = {
    "resources": "resource_id",
    "scopes": "scope_id",
    "metrics": "metric_id",
    "metric_series": "series_id",
}
_BUCKETS = 200
# Narrowing the time that is read stops at this: rows of one microsecond are taken or left together.
_FINEST_NS = 1_000
_NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file that was written. `read_from_ns` is later than what was asked for where that held too much."""

    path: Path
    bytes: int
    read_from_ns: int


class DuckDBSnapshots:
    """Writes snapshots. On any thread, while data arrives."""

    def __init__(self, database: Database, disk_floor_bytes: int) -> None:
        self._database = database
        self._disk_floor = disk_floor_bytes

    def write(
        self,
        table: str,
        columns: Collection[str],
        start_ns: int,
        end_ns: int,
        most_bytes: int,
        path: Path,
        referring: Collection[str] = (),
        condition: str = "",
    ) -> Snapshot:
        """Columns of the rows whose time lies in [start_ns, end_ns), as many of the latest as `most_bytes` of
        values allow; with a `condition`, SQL over the table, of those that meet it. Of a table without a time
        all that the parts with such rows of `referring` hold. RetryLater if it cannot be written now."""
        read_from_ns = start_ns
        if table in TIMED:
            most_rows = most_bytes // self._row_bytes(table, columns, start_ns, end_ns, condition)
            read_from_ns = self._beginning(table, start_ns, end_ns, max(most_rows, 1), condition)
        if shutil.disk_usage(path.parent).free < self._disk_floor + most_bytes:
            raise RetryLater("the disk is too full for a snapshot", 30.0)
        self._copy(table, sorted(columns), read_from_ns, end_ns, path, referring, condition)
        return Snapshot(path, size_of(path), read_from_ns)

    def _copy(
        self,
        table: str,
        columns: list[str],
        start_ns: int,
        end_ns: int,
        path: Path,
        referring: Collection[str],
        condition: str,
    ) -> None:
        structure = {
            "table": table,
            "columns": columns,
            "time": TIMED.get(table, ""),
            "key": _KEYED.get(table, ""),
            "referring": sorted(referring),
            "condition": condition,
            "path": quoted(path),
            # Row groups are gathered in memory before they are written: those with long texts are kept small.
            "group": 122_880 if self._texts(table, columns) < 3 else 30_720,
        }
        bounds = {"start_ns": start_ns, "end_ns": end_ns}

        def run(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(sql.render("snapshot", self._database.parts, bounds, **structure, **bounds))

        try:
            self._database.read(run)
        except duckdb.Error as error:
            raise RetryLater(f"the snapshot could not be written: {first_line(error)}") from error

    def _texts(self, table: str, columns: Collection[str]) -> int:
        return len(self._text_columns(table, columns))

    def _text_columns(self, table: str, columns: Collection[str]) -> list[str]:
        part = self._database.parts.newest.sql
        rows = self._database.read(lambda c: c.execute(f"DESCRIBE {part}.{table}").fetchall())
        return sorted(name for name, kind, *_ in rows if name in columns and kind == "VARCHAR")

    def _row_bytes(
        self, table: str, columns: Collection[str], start_ns: int, end_ns: int, condition: str
    ) -> int:
        texts = self._text_columns(table, columns)
        numbers = _NUMBER_BYTES * (len(columns) - len(texts)) or 1
        if not texts:
            return numbers
        found = self._asked("snapshot_width", table, start_ns, end_ns, texts=texts, condition=condition)
        return numbers + round(found[0][0] or 0) + len(texts)

    def _beginning(self, table: str, start_ns: int, end_ns: int, most_rows: int, condition: str) -> int:
        """From where on the rows up to `end_ns` are no more than that."""
        taken = 0
        asked = {"buckets": _BUCKETS, "condition": condition}
        for part, rows in self._asked("snapshot_density", table, start_ns, end_ns, **asked):
            if taken + rows > most_rows:
                bounds = [start_ns + edge * (end_ns - start_ns) // _BUCKETS for edge in (part, part + 1)]
                if bounds[1] - bounds[0] <= _FINEST_NS:
                    return bounds[1]
                return self._beginning(table, bounds[0], bounds[1], most_rows - taken, condition)
            taken += rows
        return start_ns

    def _asked(
        self, name: str, table: str, start_ns: int, end_ns: int, **more: object
    ) -> list[tuple[int, int]]:
        values = {"start_ns": start_ns, "end_ns": end_ns, "buckets": more.pop("buckets", None)}
        rows: list[tuple[int, int]] = self._database.rows(
            name, values, table=table, time=TIMED[table], **more
        )
        return rows
