"""Saved views, in SQLite beside the alert rules: a name, and a page's address with all its state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collector.control import Component, Database

_TABLES = Component("saved views", "collector.views", ("schema_1.sql",))
MOST = 500
LONGEST_NAME = 100
LONGEST_ADDRESS = 4096


Reason = Literal["name", "taken", "address", "full"]


class ViewRefused(ValueError):
    """A view that cannot be kept. The text says why, and what would do; `reason` is for other languages."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SavedView:
    """`address` is path and query on this server. `changed_ns` is when somebody saved or renamed it last."""

    id: int
    name: str
    address: str
    changed_ns: int


class SavedViews:
    """Thread-safe. Raises RetryLater when the file cannot be used at the moment."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, path: str | Path, clock: Callable[[], int] = time.time_ns) -> SavedViews:
        """Open or create the file (`control.sqlite` in the data folder)."""
        return cls(Database.open(path, _TABLES), clock)

    def close(self) -> None:
        self._database.close()

    def all(self) -> tuple[SavedView, ...]:
        """By name."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM saved_views ORDER BY name COLLATE NOCASE, id").fetchall()
        return tuple(SavedView(**row) for row in rows)

    def save(self, name: str, address: str) -> int:
        """Keep it, in the place of one of that name; its id. ViewRefused if it cannot be kept."""
        name = _checked(name)
        if not address.startswith("/") or address.startswith("//") or len(address) > LONGEST_ADDRESS:
            raise ViewRefused(
                "address", f"A view is a page of this server, at most {LONGEST_ADDRESS} characters."
            )
        with self._database.writing() as connection:
            found = connection.execute("SELECT id FROM saved_views WHERE name = ?", (name,)).fetchone()
            if found:
                update = "UPDATE saved_views SET address = ?, changed_ns = ? WHERE id = ?"
                connection.execute(update, (address, self._clock(), found["id"]))
                return int(found["id"])
            if connection.execute("SELECT count(*) FROM saved_views").fetchone()[0] >= MOST:
                raise ViewRefused("full", f"{MOST} views are saved already. Delete one first.")
            insert = "INSERT INTO saved_views (name, address, changed_ns) VALUES (?, ?, ?)"
            return int(connection.execute(insert, (name, address, self._clock())).lastrowid or 0)

    def rename(self, id: int, name: str) -> None:
        """Nothing happens where there is none of that id. ViewRefused for a name that another has."""
        name = _checked(name)
        with self._database.writing() as connection:
            other = connection.execute("SELECT id FROM saved_views WHERE name = ? AND id != ?", (name, id))
            if other.fetchone():
                raise ViewRefused("taken", "Another view has this name.")
            update = "UPDATE saved_views SET name = ?, changed_ns = ? WHERE id = ?"
            connection.execute(update, (name, self._clock(), id))

    def delete(self, id: int) -> None:
        """Nothing happens where there is none."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM saved_views WHERE id = ?", (id,))


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise ViewRefused("name", f"A view needs a name of at most {LONGEST_NAME} characters.")
    return name
