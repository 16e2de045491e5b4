"""The SQLite file of what people decide: opened, migrated, used one statement at a time.

A file of its own, so that it can be read, backed up and changed while DuckDB's is held by its writer.
Alert rules and decisions about errors: each room keeps its tables with a schema version of its own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from collector.storage.base import IncompatibleSchema, RetryLater


@dataclass(frozen=True, slots=True)
class Component:
    """A room's tables: its package holds `scripts`, one a version. A released one never changes."""

    name: str
    package: str
    scripts: tuple[str, ...]


class Database:
    """One connection for all threads: evaluations are seconds apart and pages read a few rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._closed = False

    @classmethod
    def open(cls, path: str | Path, component: Component) -> Database:
        """Open or create the file for one room, readable by its owner only: webhooks' URLs are secrets.

        Raises IncompatibleSchema for a file of a newer tracekit, RetryLater if it cannot be used now.
        """
        with _translated():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # what was saved survives power loss
        database = cls(connection)
        try:
            _migrate(database, component)
        except BaseException:
            connection.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection to read with, for one thread at a time."""
        with self._lock, _translated():
            self._check_open()
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: everything is on disk on return, or nothing is after an exception."""
        with self._lock, _translated():
            self._check_open()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._connection.close()

    def _check_open(self) -> None:
        """A message may still be on its way while the server stops; its outcome has nowhere to go then."""
        if self._closed:
            raise RetryLater("control.sqlite is closed")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise RetryLater(f"control.sqlite cannot be used now: {error}") from error


def _migrate(database: Database, component: Component) -> None:
    known = len(component.scripts)
    with database.writing() as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_versions "
            "(component TEXT PRIMARY KEY, version INTEGER NOT NULL)"
        )
        row = connection.execute("SELECT version FROM schema_versions WHERE component = ?", (component.name,))
        (version,) = row.fetchone() or (0,)
        if version > known:
            raise IncompatibleSchema(
                f"{component.name} in control.sqlite were written by a newer tracekit "
                f"(schema {version}; this one reads {known})"
            )
        for script in component.scripts[version:]:
            for statement in _statements(component.package, script):
                connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_versions VALUES (?, ?) "
            "ON CONFLICT (component) DO UPDATE SET version = excluded.version",
            (component.name, known),
        )


def _statements(package: str, script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit the transaction around them."""
    text = resources.files(package).joinpath(script).read_text("utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
