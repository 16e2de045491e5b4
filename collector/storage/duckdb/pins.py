"""Traces that stay whatever is forgotten around them: listed in the part `pinned`, moved there when theirs
goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.storage.base import Signal
from collector.storage.duckdb import schema_version
from collector.storage.duckdb.parts import PINNED, Part

# Tables whose rows belong to a trace, by the signal they are forgotten with; and what those rows refer to.
OF_A_TRACE: dict[Signal, tuple[str, ...]] = {
    "traces": ("spans", "span_links"),
    "logs": ("logs",),
    "metrics": (),
}
# What makes a row of these the same in two parts.
_KEYS = {
    "spans": "trace_id, span_id",
    "span_links": "trace_id, span_id, linked_trace_id, linked_span_id",
    "logs": "log_id",
}
# What is gathered from rows of spans: the table that says how many, and those that hold it.
GATHERED = {
    "trace_times_until": ("trace_times",),
    "rollups_until": ("call_slots", "call_durations", "call_instances"),
}
_REFERRED = (("resources", "resource_id"), ("scopes", "scope_id"))

# What the part `pinned` has beside the tables of every part.
TABLES = ("pins", "moved")


def own_tables(alias: str) -> str:
    """Statements that make them."""
    return f"""
    CREATE TABLE {alias}.pins (trace_id UUID NOT NULL);
    CREATE TABLE {alias}.moved (part VARCHAR NOT NULL, signal VARCHAR NOT NULL);
    """


def begin(part: Part, connection: Any) -> None:
    """Give the new part its tables, within a transaction."""
    connection.execute(f"USE {part.sql}")
    try:
        schema_version.create(connection)
        connection.execute(own_tables(part.sql))
    finally:
        connection.execute("USE memory")


def move(part: Part, signal: Signal, connection: Any) -> None:
    """Copy the pinned traces of a part that is about to go, within a transaction that also notes it: if the
    part is still there at the next start, finish_moves deletes them from it. What was copied before, when the
    part could not go after all, is not copied again."""
    wanted = f"SELECT trace_id FROM {PINNED}.pins"
    for table in OF_A_TRACE[signal]:
        missing = f"ANTI JOIN (SELECT {_KEYS[table]} FROM {PINNED}.{table}) USING ({_KEYS[table]})"
        rows = f"FROM {part.sql}.{table} {missing} WHERE trace_id IN ({wanted})"
        connection.execute(f"INSERT INTO {PINNED}.{table} BY NAME {rows}")
    for table, key in _REFERRED:
        used = f"(SELECT {key} FROM {PINNED}.spans UNION SELECT {key} FROM {PINNED}.logs)"
        missing = f"{used} EXCEPT SELECT {key} FROM {PINNED}.{table}"
        rows = f"FROM {part.sql}.{table} WHERE {key} IN ({missing})"
        connection.execute(f"INSERT INTO {PINNED}.{table} BY NAME {rows}")
    connection.execute(f"INSERT INTO {PINNED}.moved VALUES (?, ?)", [part.name, signal])


def moved(part: Part, connection: Any) -> None:
    """The part is gone, or holds nothing of the signal any more."""
    connection.execute(f"DELETE FROM {PINNED}.moved WHERE part = ?", [part.name])


def finish_moves(connection: Any, attached: Sequence[Part]) -> None:
    """After a kill between `move` and `moved`. (A trace that was pinned in between is in the part only.)"""
    there = {part.name: part for part in attached}
    for name, signal in connection.execute(f"SELECT part, signal FROM {PINNED}.moved").fetchall():
        if name in there:
            gather_anew(connection, there[name])
        for table in OF_A_TRACE[signal] if name in there else ():
            copied = f"SELECT ({_KEYS[table]}) FROM {PINNED}.{table}"
            connection.execute(f"DELETE FROM {there[name].sql}.{table} WHERE ({_KEYS[table]}) IN ({copied})")
    connection.execute(f"DELETE FROM {PINNED}.moved")


def gather_anew(connection: Any, part: Part) -> None:
    """Rows that are deleted may move others, so all are gathered again; within a transaction."""
    for watermark, tables in GATHERED.items():
        connection.execute(f"UPDATE {part.sql}.{watermark} SET rows = 0")
        for table in tables:
            connection.execute(f"DELETE FROM {part.sql}.{table}")
