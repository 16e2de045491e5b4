"""Queries that people keep, in SQLite beside the alert rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collector.control import Component, Database
from collector.sqlchild.runner import MOST_CHARACTERS
from collector.sqlchild.table import SqlRefused

_TABLES = Component("saved queries", "collector.sqlchild", ("saved_1.sql",))
MOST = 500
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """`changed_ns` is when somebody saved it last."""

    id: int
    name: str
    sql: str
    changed_ns: int


class SavedQueries:
    """Thread-safe. Raises RetryLater when the file cannot be used at the moment."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, path: str | Path, clock: Callable[[], int] = time.time_ns) -> SavedQueries:
        """Open or create the file (`control.sqlite` in the data folder)."""
        return cls(Database.open(path, _TABLES), clock)

    def close(self) -> None:
        self._database.close()

    def all(self) -> tuple[SavedQuery, ...]:
        """By name."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM saved_queries ORDER BY name COLLATE NOCASE, id"
            ).fetchall()
        return tuple(SavedQuery(**row) for row in rows)

    def one(self, id: int) -> SavedQuery | None:
        with self._database.reading() as connection:
            row = connection.execute("SELECT * FROM saved_queries WHERE id = ?", (id,)).fetchone()
        return SavedQuery(**row) if row else None

    def save(self, name: str, sql: str, id: int | None = None) -> int:
        """Store it, in the place of `id` if that is there; its id. SqlRefused if it cannot be kept."""
        name = name.strip()
        if not name or len(name) > LONGEST_NAME:
            raise SqlRefused("A saved query needs a name.", f"At most {LONGEST_NAME} characters.")
        if not sql.strip() or len(sql) > MOST_CHARACTERS:
            raise SqlRefused("There is no query to save.", f"At most {MOST_CHARACTERS} characters.")
        values = (name, sql, self._clock())
        with self._database.writing() as connection:
            update = "UPDATE saved_queries SET name = ?, sql = ?, changed_ns = ? WHERE id = ?"
            if id is not None and connection.execute(update, (*values, id)).rowcount:
                return id
            if connection.execute("SELECT count(*) FROM saved_queries").fetchone()[0] >= MOST:
                raise SqlRefused(f"{MOST} queries are saved already.", "Delete one first.")
            insert = "INSERT INTO saved_queries (name, sql, changed_ns) VALUES (?, ?, ?)"
            return int(connection.execute(insert, values).lastrowid or 0)

    def delete(self, id: int) -> None:
        """Nothing happens where there is none."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM saved_queries WHERE id = ?", (id,))
