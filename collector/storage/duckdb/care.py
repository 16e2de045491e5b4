"""Looking after the parts: what each holds, forgetting it, keeping pinned traces, checkpoints."""

from __future__ import annotations

import calendar
import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from collector.storage.base import Holding, RetryLater, SampledOut, Signal
from collector.storage.duckdb import beside, edgesums, parts, pins, rollups, sampling, sql, trace_times
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.keys import DuckDBKeys
from collector.storage.duckdb.parts import Part
from collector.storage.ids import check_trace_id

# The tables of each signal. What belongs to all (resources, scopes) goes with the last of them.
TABLES: dict[Signal, tuple[str, ...]] = {
    "traces": ("spans", "span_links"),
    "logs": ("logs",),
    "metrics": ("metric_points", "metrics", "metric_series"),
}

# Beyond this a log is brought into its file: recovery takes ~4 ms a MB, and small checkpoints rewrite partial
# row groups over and over.
LOG_BYTES = 64 * 2**20
_DAY_NS = 86_400 * 10**9
# A file that is written anew without a signal may take longer; who pins is told to come back.
_PIN_WITHIN_S = 10.0


class DuckDBCare:
    """StorageCare of the DuckDB engine."""

    def __init__(self, database: Database, keys: DuckDBKeys, clock: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        # Held while a part goes: what is pinned in the middle of that would go with it.
        self._pinning = threading.Lock()
        # Sealed parts do not change: what each holds is counted once.
        self._sealed: dict[Part, dict[Signal, int]] = {}
        self._sampled_out = SampledOut()

    def holdings(self) -> tuple[Holding, ...]:
        database = self._database
        newest = database.parts.newest
        found = []
        for part in database.parts.written:
            growing = part == newest
            last_ns = self._clock() if growing else _end_of(part.day)
            found += [Holding(part.name, s, last_ns, n, growing) for s, n in self._bytes(part).items()]
        return _with(found, beside.bytes_of(database, [holding.signal for holding in found]))

    def forget(self, *holdings: Holding) -> None:
        with self._pinning:
            self._forget(holdings)

    def _forget(self, holdings: Sequence[Holding]) -> None:
        (name,) = {holding.part for holding in holdings}
        signals = {holding.signal for holding in holdings}
        part = self._database.parts.named(name)
        if part is None or part == self._database.parts.newest:
            return
        pinned = [s for s in sorted(signals) if pins.OF_A_TRACE[s]] if self.pinned() else []
        for signal in pinned:
            self._move_pinned(part, signal)
        kept = [signal for signal in self._bytes(part) if signal not in signals]
        if kept:
            self._database.rewrite(part, [table for signal in kept for table in TABLES[signal]])
        else:
            self._database.drop(part)
        self._sealed.pop(part, None)
        if pinned:
            self._database.transact(functools.partial(pins.moved, part))

    def sample(self, one_of: int, settled_ns: int) -> int:
        due = sampling.due(self._database, settled_ns)
        for part in due:
            self._sample(part, one_of)
        return len(due)

    def _sample(self, part: Part, one_of: int) -> None:
        copied = [t for tables in TABLES.values() for t in tables if t not in sampling.TABLES]
        chosen = sampling.PartSampling(self._database.parts, part, one_of)
        before = sampling.held(self._database, part)
        after = sampling.held(self._database, self._database.rewrite(part, copied, sampling.TABLES, chosen))
        self._sealed.pop(part, None)
        known = self._sampled_out
        self._sampled_out = SampledOut(
            known.traces + before.traces - after.traces, known.spans + before.spans - after.spans
        )

    def sampled_out(self) -> SampledOut:
        return self._sampled_out

    def rollup_lag(self) -> int:
        now_ns = self._clock()
        return max(rollups.overdue(self._database, now_ns), edgesums.overdue(self._database, now_ns))

    def care(self) -> None:
        """Checkpoints are due for a log that has grown, and once for a part that is not written any more."""
        self._database.let_go()
        for part in self._database.parts.written[:-1]:
            if not self._bytes(part):  # begun, and followed before anything was written
                self._database.drop(part)
        trace_times.gather(self._database)
        rollups.gather(self._database)
        edgesums.gather(self._database, self._clock())
        found = self._database.parts
        if any(
            parts.size_of(part.log) > (LOG_BYTES if part == found.newest else 0) for part in found.written
        ):
            self._database.checkpoint()
        self._keys.gather()

    def _bytes(self, part: Part) -> dict[Signal, int]:
        """By signal, only those it holds any of; the file's size divided by the blocks of each."""
        known = self._sealed.get(part)
        if known is not None:
            return known
        blocks = {signal: self._blocks(part, tables) for signal, tables in TABLES.items()}
        total = sum(blocks.values())
        size = part.bytes_on_disk()
        held = {signal: size * n // total for signal, n in blocks.items() if n}
        if part != self._database.parts.newest and not parts.size_of(part.log):
            self._sealed[part] = held
        return held

    def _blocks(self, part: Part, tables: Sequence[str]) -> int:
        """Blocks of the file; one for rows that are in the log only."""
        return sum(self._blocks_of(part, table) for table in tables)

    def _blocks_of(self, part: Part, table: str) -> int:
        def count(connection: Any) -> int:
            ((rows,),) = connection.execute(f"SELECT count(*) FROM {part.sql}.{table}").fetchall()
            if not rows:
                return 0
            statement = sql.query("blocks").replace("$table", f"'{part.sql}.{table}'")
            ((blocks,),) = connection.execute(statement).fetchall()
            return max(int(blocks), 1)

        return self._database.read(count)

    # ------------------------------------------------------------ pinned traces

    def pin(self, trace_id: str) -> None:
        check_trace_id(trace_id)
        if not self._pinning.acquire(timeout=_PIN_WITHIN_S):
            raise RetryLater("what is too old is being forgotten: try again", 30.0)
        try:
            self._database.pinned_part()
            statement = "INSERT INTO pinned.pins SELECT $id::UUID WHERE $id::UUID NOT IN (FROM pinned.pins)"
            self._database.transact(lambda connection: connection.execute(statement, {"id": trace_id}))
        finally:
            self._pinning.release()

    def unpin(self, trace_id: str) -> None:
        check_trace_id(trace_id)
        if trace_id not in self.pinned():
            return

        def delete(connection: Any) -> None:
            for table in ("pins", *chain.from_iterable(pins.OF_A_TRACE.values())):
                statement = f"DELETE FROM pinned.{table} WHERE trace_id = $id::UUID"
                connection.execute(statement, {"id": trace_id})

        self._database.transact(delete)

    def pinned(self) -> tuple[str, ...]:
        if self._database.parts.pinned is None:
            return ()
        rows = self._database.read(lambda c: c.execute("SELECT trace_id FROM pinned.pins").fetchall())
        return tuple(sorted(trace_id.hex for (trace_id,) in rows))

    def _move_pinned(self, part: Part, signal: Signal) -> None:
        """Until the part is gone, a moment later, queries see these traces twice."""
        found = self._database.parts
        for table in pins.OF_A_TRACE[signal]:
            times = found.times(part, table)
            if times and found.pinned:
                found.widen(found.pinned, table, times)
        self._database.transact(functools.partial(pins.move, part, signal))


def _with(holdings: Sequence[Holding], more: Mapping[Signal, int]) -> tuple[Holding, ...]:
    """The last one of each signal takes what belongs to all of them, too."""
    last = {holding.signal: holding for holding in holdings}
    return tuple(
        replace(one, bytes=one.bytes + more.get(one.signal, 0)) if last[one.signal] is one else one
        for one in holdings
    )


def _end_of(day: str) -> int:
    """The moment a UTC day is over."""
    return calendar.timegm(time.strptime(day, "%Y-%m-%d")) * 10**9 + _DAY_NS
