"""One opened DuckDB file: the writing connection, a cursor per reading thread, reopening when it must be."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from collector.storage.base import RetryLater, StorageError
from collector.storage.duckdb import schema_version, wal

log = logging.getLogger(__name__)
T = TypeVar("T")

FILE = "tracekit.duckdb"
LOCK = "tracekit.lock"


class DataFolderInUse(StorageError):
    """Another process has the data folder open; DuckDB allows one."""


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """`memory_limit` bounds the buffers of DuckDB, readers and writer together. `threads` 0: one a core."""

    memory_limit: str = "1GB"
    threads: int = 0
    # The default of 16 MB rewrites partial row groups over and over; recovery takes ~4 ms a MB of it.
    checkpoint_threshold: str = "64MB"


class Database:
    """Opens `folder`/tracekit.duckdb, or raises DataFolderInUse, IncompatibleSchema or StorageError."""

    def __init__(self, folder: Path, options: DatabaseOptions) -> None:
        self.folder = folder
        self.path = folder / FILE
        self._options = options
        self._lock = threading.Lock()
        self._local = threading.local()
        self._cursors: list[Any] = []
        self._generation = 0
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock_folder(folder)
        try:
            wal.set_damage_aside(self.path)
            self._root = self._connect()
            schema_version.bring_up_to_date(self._root, str(folder))
        except BaseException:
            os.close(self._lock_file)
            raise

    # ------------------------------------------------------------ use

    @property
    def writer(self) -> Any:
        """The one connection that writes. Only the writer's thread uses it."""
        return self._root

    def read(self, query: Callable[[Any], T]) -> T:
        """Run a query on this thread's own cursor. RetryLater while the engine is being reopened."""
        cursor = self._cursor()
        try:
            return query(cursor)
        except (duckdb.ConnectionException, duckdb.OutOfMemoryException, duckdb.FatalException) as error:
            raise RetryLater(f"the store cannot answer right now: {first_line(error)}") from error

    def checkpoint(self) -> None:
        """Bring the log into the file, on this thread's own cursor. FORCE waits for the write that is going
        on and aborts none; later writes wait for it in turn, readers do not."""
        try:
            self.read(lambda connection: connection.execute("FORCE CHECKPOINT"))
        except duckdb.Error as error:
            raise RetryLater(f"the store could not be checkpointed: {first_line(error)}") from error

    def bytes_on_disk(self) -> int:
        files = (self.path, self.path.with_name(FILE + ".wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    # ------------------------------------------------------------ life

    def reopen(self) -> None:
        """Close everything and open again: the only cure for an invalidated database."""
        log.warning("reopening %s after a fatal error of the engine", self.path)
        with self._lock:
            self._close_connections()
            try:
                self._root = self._connect()
            except duckdb.Error as error:
                raise RetryLater(f"the store could not be reopened: {first_line(error)}", 5.0) from error

    def close(self) -> None:
        """Idempotent. Checkpoints, so that the next start has no log to replay."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._close_connections()
            os.close(self._lock_file)

    def _connect(self) -> Any:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": self._options.memory_limit,
            "checkpoint_threshold": self._options.checkpoint_threshold,
            "temp_directory": str(self.folder / "tmp"),
            # Nothing may be fetched from a network, whatever a query names.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        if self._options.threads:
            config["threads"] = str(self._options.threads)
        try:
            return duckdb.connect(str(self.path), config=config)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise DataFolderInUse(_in_use(self.folder)) from error
            raise StorageError(f"{self.path} cannot be opened: {first_line(error)}") from error
        except duckdb.Error as error:
            raise StorageError(f"{self.path} cannot be opened: {first_line(error)}") from error

    def _cursor(self) -> Any:
        if getattr(self._local, "generation", None) != self._generation:
            with self._lock:
                if self._closed:
                    raise RetryLater("the store is closed")
                self._local.cursor = self._root.cursor()
                self._local.generation = self._generation
                self._cursors.append(self._local.cursor)
        return self._local.cursor

    def _close_connections(self) -> None:
        self._generation += 1
        for connection in (*self._cursors, self._root):
            try:
                connection.close()
            except duckdb.Error as error:  # an invalidated database complains while it goes
                log.info("while closing: %s", first_line(error))
        self._cursors.clear()


def first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300]


def _lock_folder(folder: Path) -> int:
    """An flock of ours before DuckDB's fcntl lock: that one is lost when this process opens and closes the
    file (wal.py does), and does not keep two engines of one process apart."""
    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DataFolderInUse(_in_use(folder)) from None
    return descriptor


def _in_use(folder: Path) -> str:
    return f"{folder} is open in another process: stop that tracekit, or choose another folder with --data"
