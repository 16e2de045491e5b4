"""Around a short window, only as far as the other halves of its calls really lie: a quarter of an hour at
most by the rules of EdgesQuery, and moments as a rule."""

from __future__ import annotations

from typing import Any

from collector.storage.base import PAIR_SLACK_NS
from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database, roll_back
from collector.storage.duckdb.parts import Catalogue

Rows = list[tuple[Any, ...]]
# Around longer windows lies a small part of all, and looking for halves costs as much as joining them.
SHORT_NS = 2 * PAIR_SLACK_NS


def rows(database: Database, name: str, values: dict[str, Any], **structure: Any) -> Rows:
    """What a statement about calls along edges finds, both looks at one moment of the store."""

    def ask(connection: Any) -> Rows:
        connection.execute("BEGIN TRANSACTION READ ONLY")
        try:
            return rows_within(database.parts, name, values, connection, **structure)
        finally:
            roll_back(connection)

    return database.read(ask)


def rows_within(
    found: Catalogue, name: str, values: dict[str, Any], connection: Any, **structure: Any
) -> Rows:
    """The same within a transaction that has begun."""
    if values["pair_end_ns"] - values["pair_start_ns"] <= SHORT_NS:
        values = values | _reach(found, values, connection)
    text = sql.render(name, found, values, **structure)
    answer: Rows = connection.execute(text, sql.used(text, values)).fetchall()
    return answer


def _reach(found: Catalogue, values: dict[str, Any], connection: Any) -> dict[str, int]:
    """From the first to the last span that may be another half, because the window has some of its trace."""
    text = sql.render("edge_reach", found, values)
    ((first_ns, last_ns),) = connection.execute(text, sql.used(text, values)).fetchall()
    start_ns, end_ns = values["pair_start_ns"], values["pair_end_ns"]
    if first_ns is None:
        return {"near_start_ns": start_ns, "near_end_ns": end_ns}
    return {"near_start_ns": min(first_ns, start_ns), "near_end_ns": max(last_ns + 1, end_ns)}
