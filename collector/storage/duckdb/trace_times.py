"""Finding a trace by its id: each part has a narrow table of when the spans of each trace start, so that only
the row groups of that time are read. It is gathered behind the writer; rows that were not gathered yet are
all looked at.
"""

from __future__ import annotations

import functools
from typing import Any

from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.parts import Catalogue, Part

# Rows that may wait for it: reading their ids takes a millisecond or two, gathering them some hundred.
WAITING_ROWS = 500_000


def rows_of(found: Catalogue, connection: Any, trace_id: str, columns: str) -> list[tuple[Any, ...]]:
    """All spans of a trace, with their resource's attributes as last column, by (start_ns, span_id)."""
    among = found.all
    values: dict[str, Any] = {"trace_id": trace_id}
    text = sql.render("trace_times", found, values, among=among)
    known = connection.execute(text, values).fetchall()
    for i, (until, first_ns, last_ns) in enumerate(known):
        values |= {f"until_{i}": until, f"first_{i}": first_ns, f"last_{i}": last_ns}
    places = [(part, i, known[i][1] is not None) for i, part in enumerate(among)]
    text = sql.render("trace", found, values, columns=columns, places=places)
    rows: list[tuple[Any, ...]] = connection.execute(text, sql.used(text, values)).fetchall()
    return rows


def gather(database: Database) -> None:
    """Catch up where it is worth it: on the newest part in large steps, on others once."""
    found = database.parts
    for part in found.written:  # from the pinned ones rows are deleted, which may move others
        rows, until = database.read(functools.partial(_counted, part))
        if rows - until >= (WAITING_ROWS if part == found.newest else 1):
            database.transact(functools.partial(_gather, found, part, until, rows))


def _counted(part: Part, connection: Any) -> tuple[int, int]:
    statement = f"SELECT (SELECT count(*) FROM {part.sql}.spans), rows FROM {part.sql}.trace_times_until"
    ((rows, until),) = connection.execute(statement).fetchall()
    return rows, until


def _gather(found: Catalogue, part: Part, since: int, until: int, connection: Any) -> None:
    values = {"since": since, "until": until}
    connection.execute(sql.render("gather_trace_times", found, values, part=part.sql), values)
    connection.execute(f"UPDATE {part.sql}.trace_times_until SET rows = ?", [until])
