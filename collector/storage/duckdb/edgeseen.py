"""How far each part was looked at for the service graph, and what came or went since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collector.storage.base import ROLLUP_SLOT_NS
from collector.storage.duckdb.parts import Catalogue, Part


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a part was looked at, and when the spans of it that were start."""

    rows: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Looked:
    """By name of the part: how far it was looked at, and how many rows it has."""

    seen: Mapping[str, Seen]
    rows: Mapping[str, int]

    @property
    def gone(self) -> list[tuple[int, int]]:
        """Times of spans that were looked at and are not stored any more, or not where they were."""
        return [
            (seen.first_ns, seen.last_ns)
            for name, seen in self.seen.items()
            if self.rows.get(name, -1) < seen.rows
        ]

    def unseen(self, part: Part) -> int | None:
        """From which row on the part was not looked at; None where all of it was."""
        rows = self.seen[part.name].rows if part.name in self.seen else 0
        return rows if self.rows[part.name] > rows else None


def looked(found: Catalogue, connection: Any) -> Looked:
    """Within a transaction. How far parts were looked at is asked first, so that what of them is asked later
    knows at least that."""
    seen = connection.execute("SELECT part, rows, first_ns, last_ns FROM edge_sums.seen").fetchall()
    each = [f"SELECT '{part.name}', count(*) FROM {part.sql}.spans" for part in found.all]
    rows = connection.execute(" UNION ALL ".join(each)).fetchall()
    return Looked({part: Seen(*rest) for part, *rest in seen}, dict(rows))


def slots_from(part: Part, row: int, start_ns: int, end_ns: int, connection: Any) -> list[int]:
    """Slots in [start_ns, end_ns) of a part's spans from a row on. Of the pinned part, from which rows are
    deleted, that is any slot."""
    statement = f"""
    SELECT DISTINCT start_ns - start_ns % {ROLLUP_SLOT_NS} FROM {part.sql}.spans
    WHERE rowid >= ? AND start_ns >= ? AND start_ns < ?
    """
    return [slot for (slot,) in connection.execute(statement, [row, start_ns, end_ns]).fetchall()]
