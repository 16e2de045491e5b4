"""Decisions about errors, in SQLite beside the alert rules. They survive restarts and retention."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collector.control import Component, Database

Decided = Literal["resolved", "ignored"]
_TABLES = Component("errors", "collector.triage", ("schema_1.sql",))


@dataclass(frozen=True, slots=True)
class Decision:
    """`changed_ns` is when somebody decided. A resolved error that is seen later has come back."""

    fingerprint: str
    state: Decided
    changed_ns: int


class TriageStore:
    """Thread-safe. Raises RetryLater when the file cannot be used at the moment."""

    def __init__(self, database: Database, clock: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, path: str | Path, clock: Callable[[], int] = time.time_ns) -> TriageStore:
        """Open or create the file (`control.sqlite` in the data folder)."""
        return cls(Database.open(path, _TABLES), clock)

    def close(self) -> None:
        self._database.close()

    def decisions(self) -> dict[str, Decision]:
        """All of them, by fingerprint."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT fingerprint, state, changed_ns FROM error_decisions").fetchall()
        return {row["fingerprint"]: Decision(**row) for row in rows}

    def decide(self, fingerprint: str, state: Decided) -> None:
        """Set or replace the decision about one error."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO error_decisions VALUES (?, ?, ?) ON CONFLICT (fingerprint) "
                "DO UPDATE SET state = excluded.state, changed_ns = excluded.changed_ns",
                (fingerprint, state, self._clock()),
            )

    def reopen(self, fingerprint: str) -> None:
        """Take the decision back. Nothing happens where there is none."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM error_decisions WHERE fingerprint = ?", (fingerprint,))
