"""The SQLite file of rules and alerts: opened, brought to the current schema, one statement at a time.

A file of its own, so that it can be read, backed up and changed while DuckDB's is held by its writer.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from collector.storage.base import IncompatibleSchema, RetryLater

# One script a version; a script that was released is never changed.
_SCRIPTS = ("schema_1.sql",)
_COMPONENT = "alerts"  # other rooms may keep tables in the same file, each with a version of its own


class Database:
    """One connection for all threads: evaluations are seconds apart and pages read a few rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._closed = False

    @classmethod
    def open(cls, path: str | Path) -> Database:
        """Open or create the file, readable by its owner only: webhooks' URLs are secrets.

        Raises IncompatibleSchema for a file of a newer tracekit, RetryLater if it cannot be used now.
        """
        with _translated():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # a rule that was saved survives power loss
        database = cls(connection)
        try:
            _migrate(database)
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
            raise RetryLater("the file of alert rules is closed")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise RetryLater(f"the file of alert rules cannot be used now: {error}") from error


def _migrate(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_versions "
            "(component TEXT PRIMARY KEY, version INTEGER NOT NULL)"
        )
        row = connection.execute("SELECT version FROM schema_versions WHERE component = ?", (_COMPONENT,))
        (version,) = row.fetchone() or (0,)
        if version > len(_SCRIPTS):
            raise IncompatibleSchema(
                f"alert rules were written by a newer tracekit "
                f"(schema {version}; this one reads {len(_SCRIPTS)})"
            )
        for script in _SCRIPTS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_versions VALUES (?, ?) "
            "ON CONFLICT (component) DO UPDATE SET version = excluded.version",
            (_COMPONENT, len(_SCRIPTS)),
        )


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit the transaction around them."""
    text = resources.files("collector.alerts").joinpath(script).read_text("utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
