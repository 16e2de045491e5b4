"""Which attribute keys there are, of everything that is stored.

They are gathered behind the writer, a bounded number of rows a pass, and held in memory and in a file beside
the parts that can be thrown away (keyfile.py, docs/decisions/0019): of each part the keys that its first rows
say, and how many rows that is. A reader adds the parts up, and looks at the newest of the rows beyond
itself. What is made anew from another file (retention, sampling) is gathered anew.

Reading the JSON of every attribute would cost more than storing it. What is asked of each row is only the
shape of its JSON, of which there are few: 2.5 µs a span of few attributes, 6 of many.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterator
from typing import Any

from collector import jsonvalue
from collector.storage.attribute_counts import is_choice
from collector.storage.base import RetryLater
from collector.storage.duckdb import keyfile, parts, sql
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.keyfile import PartKeys
from collector.storage.duckdb.parts import Catalogue, Part
from collector.storage.keys import AttributeKey, KeysQuery, KeyType, merged, type_of

log = logging.getLogger(__name__)

TABLES = ("spans", "logs", "metric_points")
# Of what waits, a reader looks at so many rows itself, the newest: in 25 ms. More made a page wait.
LOOKED_AT_ROWS = 10_000
# Gathered at once; of one pass, some seconds of one processor every half minute; of one pass while more came
# since the last one than passes will ever catch up with: writing needs the processor then.
STEP_ROWS = 50_000
PASS_ROWS = 500_000
_FLOOD_ROWS = 4 * PASS_ROWS
# Of one part: those that most rows have.
MOST_KEYS = 2_000
# Attributes of so much JSON are not looked into: their rows would take the memory that writing needs.
_LONGEST_JSON = 100_000
# Of a step: shapes of so many characters together, those that most rows have.
_MOST_SHAPES = 4_000_000
# Longer texts of attributes are not looked through for examples.
_LONGEST_TEXT = 10_000
_TYPES: dict[str, KeyType] = {
    "VARCHAR": "string",
    "UBIGINT": "int",
    "BIGINT": "int",
    "DOUBLE": "double",
    "BOOLEAN": "bool",
    "NULL": "empty",
    "JSON": "map",  # an empty one
}
_MARKED: dict[str, KeyType] = {"$bytes": "bytes", "$double": "double"}

Place = tuple[str, int]  # a part's name and turn
Totals = dict[tuple[Part, str], int]  # rows of its tables


class DuckDBKeys:
    """The catalogue of an opened folder. Anybody asks, one thread at a time gathers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._step_rows = STEP_ROWS
        self._total: int | None = None  # rows that there were at the last pass
        read = {(one.name, one.turn): one for one in keyfile.read(database.folder)}
        # Before anything is written: a part that was cut short is not what was gathered.
        self._gathered = database.read(lambda c: _held(read, _totals(database.parts, c)))

    def find(self, query: KeysQuery) -> tuple[AttributeKey, ...]:
        """SpanReader.keys."""
        return merged(self._database.read(functools.partial(self._find, self._gathered)), query)

    def _find(self, gathered: dict[Place, PartKeys], connection: Any) -> list[AttributeKey]:
        found = self._database.parts
        totals = _totals(found, connection)
        held = _held(gathered, totals)
        entries = [one for known in held.values() for one in known.keys]
        left = LOOKED_AT_ROWS
        for (part, table), total in reversed(totals.items()):
            since = max(_until(held, part, table), total - left)
            if since < total:
                left -= total - since
                entries += _said(found, part, table, since, total, connection)
        return entries

    def gather(self) -> None:
        """Catch up, the newest part first, for a while. What cannot be done now is done in another pass."""
        before = self._gathered
        try:
            self._catch_up()
        except RetryLater as error:
            log.warning("keys of attributes were not gathered, and will be in a while: %s", error)
        if self._gathered != before:
            self._write()

    def _catch_up(self) -> None:
        database = self._database
        totals = database.read(lambda c: _totals(database.parts, c))
        self._gathered = _held(self._gathered, totals)
        before, self._total = self._total, sum(totals.values())
        left = PASS_ROWS if before is None or self._total - before < _FLOOD_ROWS else STEP_ROWS
        for (part, table), total in reversed(totals.items()):
            until = _until(self._gathered, part, table)
            # From the pinned part rows are deleted, which may move others.
            while until < total and left > 0 and part.name != parts.PINNED:
                step = min(until + min(self._step_rows, left), total)
                known = self._step(part, table, until, step)
                self._gathered = {**self._gathered, (part.name, part.turn): known}
                left, until = left - (step - until), step

    def _step(self, part: Part, table: str, since: int, until: int) -> PartKeys:
        """What is known of the part with these rows, too. Rows that cannot be looked at together are tried in
        smaller steps from the next pass on, and one that cannot be looked at alone is passed by."""
        found = self._database.parts
        known = self._gathered.get((part.name, part.turn)) or PartKeys(part.name, part.turn, {}, ())
        try:
            said = self._database.read(lambda c: _said(found, part, table, since, until, c))
        except RetryLater:
            if until - since > 1:
                self._step_rows = max((until - since) // 8, 1)
                raise
            said = ()
        self._step_rows = min(8 * self._step_rows, STEP_ROWS)
        keys = merged((*known.keys, *said), KeysQuery(limit=MOST_KEYS))
        return PartKeys(part.name, part.turn, {**known.rows, table: until}, keys)

    def _write(self) -> None:
        try:
            keyfile.write(self._database.folder, self._gathered.values())
        except OSError as error:  # what is not written is gathered again after a restart
            log.warning("%s was not written: %s", keyfile.FILE, error)


def _totals(found: Catalogue, connection: Any) -> Totals:
    """Oldest parts first."""
    places = [(part, table) for part in found.all for table in TABLES]
    counts = ", ".join(f"(SELECT count(*) FROM {part.sql}.{table})" for part, table in places)
    (rows,) = connection.execute(f"SELECT {counts}").fetchall()
    return dict(zip(places, rows, strict=True))


def _held(gathered: dict[Place, PartKeys], totals: Totals) -> dict[Place, PartKeys]:
    """Those of parts that are there, with all the rows that were looked at."""
    there = {(part.name, part.turn): part for part, _ in totals}
    return {
        place: known
        for place, known in gathered.items()
        if place in there
        and all(rows <= totals.get((there[place], table), 0) for table, rows in known.rows.items())
    }


def _until(gathered: dict[Place, PartKeys], part: Part, table: str) -> int:
    known = gathered.get((part.name, part.turn))
    return known.rows.get(table, 0) if known else 0


# ---------------------------------------------------------------- shapes


def _said(
    found: Catalogue, part: Part, table: str, since: int, until: int, connection: Any
) -> tuple[AttributeKey, ...]:
    """What the rows from one on, up to another, say."""
    values = {
        "since": since,
        "until": until,
        "longest_json": _LONGEST_JSON,
        "longest_text": _LONGEST_TEXT,
        "most_shapes": _MOST_SHAPES,
    }
    text = sql.render("key_shapes", found, values, part=part.sql, table=table)
    rows = connection.execute(text, sql.used(text, values)).fetchall()
    return merged((one for row in rows for one in _of_shape(*row)), KeysQuery(limit=MOST_KEYS))


def _of_shape(
    source: Any, shape: str, rows: int, first_ns: int, last_ns: int, said: str | None
) -> Iterator[AttributeKey]:
    keys = json.loads(shape)  # not jsonvalue: what stands for a value here is its type
    if not isinstance(keys, dict):  # of no attributes at all
        return
    keys = keys["$map"] if keys.keys() == {"$map"} else keys
    example = jsonvalue.loads(said) if said else {}
    for key, described in keys.items():
        kind, value = _type_of(described), example.get(key)
        examples = (value,) if is_choice(value) and type_of(value) == kind else ()
        yield AttributeKey(source, key, kind, rows, first_ns, last_ns, examples)


def _type_of(described: Any) -> KeyType:
    """Of what json_structure says of a value. One that holds bytes or such stands marked (jsonvalue)."""
    if isinstance(described, dict):
        mark = next(iter(described)) if len(described) == 1 else ""
        return _MARKED.get(mark, "map")
    return "array" if isinstance(described, list) else _TYPES[described]
