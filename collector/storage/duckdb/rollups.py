"""Figures over hours from what spans add up to, so that they need not be read one by one.

Each part has tables of its calls in slots of six minutes: how many, with which outcome, how long (an
exponential histogram a slot and group, SEMANTICS.md), and of which instances. They are gathered behind the
writer, in steps of many rows, each step in one transaction with the watermark up to which rows are gathered.
They are only ever appended to: a late span makes another partial row of its slot. A reader adds the partial
rows of the window and the rows above the watermark up, in one transaction: a gathering that ends meanwhile
changes nothing for it.

Counts are exact. Quantiles are of histograms: off by RELATIVE_ERROR at most.
"""

from __future__ import annotations

import functools
from typing import Any

from collector.storage.base import ROLLUP_SLOT_NS, is_rolled_up
from collector.storage.duckdb import pins, sql
from collector.storage.duckdb.database import Database, roll_back
from collector.storage.duckdb.parts import Catalogue, Part

# Buckets of a histogram of scale 4 end at powers of 2^(1/16); a duration counts as the middle of its bucket.
RELATIVE_ERROR = 2 ** (1 / 32) - 1
# Rows that may wait: a reader groups them in some ten milliseconds.
WAITING_ROWS = 500_000
# The store is looked after every half minute: what could be gathered for longer is overdue.
OVERDUE_NS = 60 * 10**9
# Of one step: names of operations beyond the most frequent ones are summed up without a name.
NAMED_OPERATIONS = 1_000


def serves(query: Any) -> bool:
    """Whether the figures of a query with a window may come from here."""
    return not getattr(query, "instance", "") and is_rolled_up(query.window, getattr(query, "buckets", 1))


def rows(database: Database, name: str, values: dict[str, Any], query: Any) -> list[tuple[Any, ...]] | None:
    """What the statement `name` finds; None where the spans themselves have to be asked."""
    found = database.parts
    values = values | {"slot_ns": ROLLUP_SLOT_NS}

    def ask(connection: Any) -> list[tuple[Any, ...]] | None:
        among = found.holding("spans", query.window.start_ns, query.window.end_ns)
        known = connection.execute(
            sql.render("rollups_until", found, values, among=among, q=query)
        ).fetchall()
        if any(nameless for _, _, nameless in known):
            return None
        given = values | {f"until_{i}": until for i, (until, _, _) in enumerate(known)}
        places = [(part, i, known[i][1] > known[i][0]) for i, part in enumerate(among)]
        text = sql.render(name, found, given, places=places, q=query)
        answer: list[tuple[Any, ...]] = connection.execute(text, sql.used(text, given)).fetchall()
        return answer

    answer: list[tuple[Any, ...]] | None = database.read(functools.partial(_at_one_moment, ask))
    return answer


def _at_one_moment(ask: Any, connection: Any) -> Any:
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        return ask(connection)
    finally:
        roll_back(connection)


def overdue(database: Database, now_ns: int) -> int:
    """How many spans that were received OVERDUE_NS ago could have been gathered since, and were not."""

    def ask(connection: Any) -> int:
        found = database.parts
        return sum(
            _overdue(part, _least(found, part), now_ns - OVERDUE_NS, connection) for part in found.written
        )

    return database.read(ask)


def _overdue(part: Part, least: int, until_ns: int, connection: Any) -> int:
    total, until = _counted(part, connection)
    if total - until < least:
        return 0
    statement = f"SELECT count(*) FROM {part.sql}.spans WHERE rowid >= ? AND received_ns < ?"
    ((spans,),) = connection.execute(statement, [until, until_ns]).fetchall()
    return int(spans)


def gather(database: Database) -> None:
    """Catch up where it is worth it: on the newest part in large steps, on others to the end."""
    found = database.parts
    for part in found.written:  # from the pinned ones rows are deleted, which may move others
        total, until = database.read(functools.partial(_counted, part))
        while total - until >= _least(found, part):
            step = min(until + WAITING_ROWS, total)
            database.transact(functools.partial(_gather, found, part, until, step))
            until = step


def _least(found: Catalogue, part: Part) -> int:
    """So many rows are worth a step."""
    return WAITING_ROWS if part == found.newest else 1


def _counted(part: Part, connection: Any) -> tuple[int, int]:
    statement = f"SELECT (SELECT count(*) FROM {part.sql}.spans), rows FROM {part.sql}.rollups_until"
    ((total, until),) = connection.execute(statement).fetchall()
    return total, until


def _gather(found: Catalogue, part: Part, since: int, until: int, connection: Any) -> None:
    values: dict[str, Any] = {"since": since, "until": until, "slot_ns": ROLLUP_SLOT_NS}
    values["most"] = NAMED_OPERATIONS
    named = sql.render("rolled_operations", found, values, part=part.sql)
    names = connection.execute(named, sql.used(named, values)).fetchall()
    values["operations"] = [name for (name,) in names]
    for table in pins.GATHERED["rollups_until"]:
        text = sql.render(f"gather_{table}", found, values, part=part.sql)
        connection.execute(text, sql.used(text, values))
    connection.execute(f"UPDATE {part.sql}.rollups_until SET rows = ?", [until])
