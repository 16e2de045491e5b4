"""Which schema a store has, and the way from there to ours."""

from __future__ import annotations

import time
from typing import Any

from collector.storage.base import IncompatibleSchema
from collector.storage.duckdb import sql

CURRENT = 12


def bring_up_to_date(connection: Any, where: str) -> int:
    """Create or migrate the schema of the file in use, in one transaction; the version found, 0 for none."""
    connection.execute("BEGIN")
    try:
        found = _version(connection)
        if found > CURRENT:
            raise IncompatibleSchema(
                f"{where} was written by a newer tracekit (schema {found}; this one knows up to {CURRENT}). "
                "Upgrade tracekit, or start it with another --data folder."
            )
        if found < CURRENT:
            _upgrade(connection, found)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return found


def tables(connection: Any) -> set[str]:
    """Names of the tables in the file in use."""
    statement = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
    return {name for (name,) in connection.execute(statement).fetchall()}


def _version(connection: Any) -> int:
    if "schema_version" not in tables(connection):
        return 0
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchall()[0]
    return int(version)


def _upgrade(connection: Any, found: int) -> None:
    if found == 0:
        create(connection)
        return
    for version, text in sql.migrations():
        if version > found:
            connection.execute(text)
    _note(connection)


def create(connection: Any) -> None:
    """All tables, in the file in use; within a transaction."""
    connection.execute(sql.schema())
    _note(connection)


def _note(connection: Any) -> None:
    connection.execute("INSERT INTO schema_version VALUES (?, ?)", [CURRENT, time.time_ns()])
