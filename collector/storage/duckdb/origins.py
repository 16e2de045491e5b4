"""Resources and scopes: what sent the rows of any signal, stored once a part."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from collector.model import Resource, Scope
from collector.storage.duckdb import arrow, sql
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.statement import run_with


class Sent(Protocol):
    """What batches of all signals have in common. (Read-only here, whatever they are there.)"""

    @property
    def resources(self) -> dict[int, Resource]: ...

    @property
    def scopes(self) -> dict[int, Scope]: ...


class Origins:
    """Knows which ids the newest part holds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.forget()

    def forget(self) -> None:
        """Know only what the newest part says: after it was opened, or begun."""
        self._resources = self._ids("SELECT DISTINCT resource_id FROM resources")
        self._scopes = self._ids("SELECT DISTINCT scope_id FROM scopes")

    def insert(self, batches: Sequence[Sent]) -> None:
        """Those of the batches that are not known, within the writer's transaction."""
        connection = self._database.writer
        resources = {key: r for b in batches for key, r in b.resources.items() if key not in self._resources}
        if resources:
            found = arrow.resources(list(resources.values()))
            run_with(connection, "incoming_resources", found, sql.query("insert_resources"))
        scopes = {key: s for b in batches for key, s in b.scopes.items() if key not in self._scopes}
        if scopes:
            some = arrow.scopes(list(scopes.values()))
            run_with(connection, "incoming_scopes", some, sql.query("insert_scopes"))

    def committed(self, batches: Sequence[Sent]) -> None:
        for batch in batches:
            self._resources |= batch.resources.keys()
            self._scopes |= batch.scopes.keys()

    def _ids(self, statement: str) -> set[Any]:
        return {row[0] for row in self._database.writer.execute(statement).fetchall()}


class DuckDBOrigins:
    """Reads them, from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resources(self, ids: Collection[int]) -> dict[int, Resource]:
        rows = self._database.rows("resources", {"ids": list(ids)}) if ids else ()
        return {row[0]: Resource(*row) for row in rows}

    def scopes(self, ids: Collection[int]) -> dict[int, Scope]:
        rows = self._database.rows("scopes", {"ids": list(ids)}) if ids else ()
        return {row[0]: Scope(*row) for row in rows}
