"""Tail sampling: of a part that is not written any more, traces worth a look stay whole, and of the others a
share that counts for all of them (docs/decisions/0013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.storage.base import RARE_CALLS, SLOW_QUANTILE, SampledOut
from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.parts import PINNED, Catalogue, Part

# What is copied by trace, not as a whole.
TABLES = ("spans", "span_links")


@dataclass(frozen=True, slots=True)
class PartSampling:
    """Of one part's traces: those that are kept whole, and one of `one_of` among the others."""

    parts: Catalogue
    part: Part
    one_of: int

    def fill(self, new: Part, connection: Any) -> None:
        written = self.parts.written
        at = written.index(self.part)
        values = {"one_of": self.one_of, "rare_calls": RARE_CALLS, "slow_quantile": SLOW_QUANTILE}
        text = sql.render(
            "sample_spans",
            self.parts,
            values,
            part=self.part.sql,
            new=new.sql,
            before=written[at - 1].sql if at else None,
            after=written[at + 1].sql,
            newest=self.parts.newest.sql,
            pinned=PINNED if self.parts.pinned else None,
        )
        connection.execute(text, values)
        links = f"FROM {self.part.sql}.span_links WHERE trace_id IN (SELECT trace_id FROM {new.sql}.spans)"
        connection.execute(f"INSERT INTO {new.sql}.span_links BY NAME {links}")


def due(database: Database, settled_ns: int) -> list[Part]:
    """Parts that were not sampled yet and hold spans, of which the last was received before that moment. The
    part after them must hold spans too: what came late lies there."""
    found = database.parts
    return [
        part
        for part, after in zip(found.written, found.written[1:], strict=False)
        if part.one_of == 1 and found.times(part, "spans") and _begun_before(database, after, settled_ns)
    ]


def _begun_before(database: Database, part: Part, moment_ns: int) -> bool:
    statement = f"SELECT min(received_ns) < ? FROM {part.sql}.spans"
    ((before,),) = database.read(lambda c: c.execute(statement, [moment_ns]).fetchall())
    return bool(before)


def held(database: Database, part: Part) -> SampledOut:
    """How much of it there is to leave out."""
    statement = f"SELECT count(DISTINCT trace_id), count(*) FROM {part.sql}.spans"
    ((traces, spans),) = database.read(lambda c: c.execute(statement).fetchall())
    return SampledOut(traces, spans)
