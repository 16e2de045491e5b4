"""Opening and closing: database, then writer, then reader; closed in the reverse order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from collector.storage.base import WriteResult
from collector.storage.duckdb import copies
from collector.storage.duckdb.care import DuckDBCare
from collector.storage.duckdb.database import Database, DatabaseOptions
from collector.storage.duckdb.keys import DuckDBKeys
from collector.storage.duckdb.logs import DuckDBLogs
from collector.storage.duckdb.metrics import DuckDBMetrics
from collector.storage.duckdb.origins import DuckDBOrigins
from collector.storage.duckdb.parts import day_of
from collector.storage.duckdb.reader import DuckDBReader
from collector.storage.duckdb.recent import DEFAULT_KEYS, KeySet, PythonKeySet
from collector.storage.duckdb.snapshots import DuckDBSnapshots
from collector.storage.duckdb.writer import DISK_FLOOR_BYTES, PART_BYTES, DuckDBWriter


class DuckDBStorage:
    """An opened data folder. See open_storage."""

    def __init__(self, database: Database, writer: DuckDBWriter, clock: Callable[[], int]) -> None:
        self._database = database
        self._writer = writer
        keys = DuckDBKeys(database)
        self._reader = DuckDBReader(database, lambda: writer.duplicates, keys)
        self._logs, self._metrics = DuckDBLogs(database), DuckDBMetrics(database)
        self._origins = DuckDBOrigins(database)
        self._care = DuckDBCare(database, keys, clock)

    @property
    def writer(self) -> DuckDBWriter:
        return self._writer

    @property
    def reader(self) -> DuckDBReader:
        return self._reader

    @property
    def logs(self) -> DuckDBLogs:
        return self._logs

    @property
    def metrics(self) -> DuckDBMetrics:
        return self._metrics

    @property
    def origins(self) -> DuckDBOrigins:
        return self._origins

    def snapshots(self, disk_floor_bytes: int = DISK_FLOOR_BYTES) -> DuckDBSnapshots:
        """What another process may read. Nothing is written where less of the disk would stay free."""
        return DuckDBSnapshots(self._database, disk_floor_bytes)

    @property
    def care(self) -> DuckDBCare:
        return self._care

    def back_up(self, target: Path, beside: Callable[[Path], None] = lambda folder: None) -> int:
        """See copies.back_up. On any thread but the writer's, while data arrives."""
        return copies.back_up(self._database, target, beside)

    def export_day(self, day: str, target: Path) -> dict[str, int]:
        """See copies.export_day. On any thread but the writer's, while data arrives."""
        return copies.export_day(self._database, day, target)

    def import_day(self, source: Path, day: str) -> WriteResult:
        """See copies.import_day. While nothing else writes."""
        return copies.import_day(self._database, source, day)

    def end_reads(self, within_s: float) -> bool:
        """See Database.end_reads. On any thread."""
        return self._database.end_reads(within_s)

    def close(self) -> None:
        self._writer.close()
        self._database.close()


def open_storage(
    data_dir: Path,
    options: DatabaseOptions | None = None,
    *,
    dedup_keys: int = DEFAULT_KEYS,
    disk_floor_bytes: int = DISK_FLOOR_BYTES,
    part_bytes: int = PART_BYTES,
    clock: Callable[[], int] = time.time_ns,
    make_keys: Callable[[], KeySet] = PythonKeySet,
) -> DuckDBStorage:
    """Open (or create) the store in a folder, migrating an older schema. `clock` says which day it is,
    `make_keys` makes the sets that remember which spans came.

    Raises DataFolderInUse if another process has it, IncompatibleSchema if a newer tracekit wrote it,
    StorageError if it cannot be opened.
    """
    database = Database(data_dir, options or DatabaseOptions(), day_of(clock()))
    try:
        writer = DuckDBWriter(database, dedup_keys, disk_floor_bytes, part_bytes, clock, make_keys)
        return DuckDBStorage(database, writer, clock)
    except BaseException:
        database.close()
        raise
