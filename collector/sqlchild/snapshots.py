"""Snapshots of what queries need, shared between queries that come soon after one another."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from collector.sqlchild.views import VIEWS, Needs
from collector.storage.base import Window

# Ranges that end now start anew every moment. Widened to these steps, queries that follow one another read
# the same snapshot; the views cut the range to the moment.
_STEP_NS = 10 * 10**9
FRESH_S = 15.0
# A range that ended so long ago hardly changes any more.
_SETTLED_NS = 300 * 10**9
_SETTLED_S = 120.0
# Files that nobody reads are kept for the next query up to this.
_KEPT_BYTES = 2 * 2**30


class Written(Protocol):
    """What the engine says of a file it wrote."""

    @property
    def path(self) -> Path: ...

    @property
    def bytes(self) -> int: ...

    @property
    def read_from_ns(self) -> int: ...


class Source(Protocol):
    """The engine's side: collector.storage.duckdb.snapshots. Blocks."""

    def write(
        self,
        table: str,
        columns: Collection[str],
        start_ns: int,
        end_ns: int,
        most_bytes: int,
        path: Path,
        referring: Collection[str] = (),
        condition: str = "",
    ) -> Written: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """Files by stored table, when they were read, and from where on if not all of the range was."""

    files: dict[str, str]
    snapshot_ns: int
    read_from_ns: int | None


@dataclass(slots=True)
class _Kept:
    columns: frozenset[str]
    taken_ns: int
    until: float
    writing: asyncio.Future[Written]
    readers: int = field(default=0)

    def serves(self, columns: frozenset[str], start_ns: int) -> bool:
        """Fewer columns leave room for more rows: a snapshot that was cut serves its like only."""
        if columns == self.columns:
            return True
        return columns < self.columns and self.is_whole(start_ns)

    def is_whole(self, start_ns: int) -> bool:
        return self.is_written and self.writing.result().read_from_ns == start_ns

    @property
    def is_written(self) -> bool:
        done = self.writing.done() and not self.writing.cancelled()
        return done and self.writing.exception() is None

    def remove(self) -> None:
        if self.is_written:
            self.writing.result().path.unlink(missing_ok=True)


_Key = tuple[str, int, int, tuple[str, ...], str]


class Snapshots:
    """On one event loop. `folder` is emptied: what an earlier run left there is of no use."""

    def __init__(self, source: Source, folder: Path, most_bytes: int) -> None:
        self._source = source
        self._folder = folder
        self._most_bytes = most_bytes
        self._kept: dict[_Key, list[_Kept]] = {}
        self._numbers = itertools.count()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    @property
    def folder(self) -> Path:
        return self._folder

    @asynccontextmanager
    async def of(
        self, needs: Needs, window: Window, filters: Mapping[str, str] | None = None
    ) -> AsyncIterator[Taken]:
        """The files stay while the context lasts; of tables with `filters` only rows that meet these. Raises
        what the source raises."""
        start_ns = window.start_ns // _STEP_NS * _STEP_NS
        end_ns = -(-window.end_ns // _STEP_NS) * _STEP_NS
        used: dict[str, _Kept] = {}
        try:
            for table, columns in needs.items():
                referring = _referring(table, needs)
                condition = (filters or {}).get(table, "")
                kept = used[table] = self._find((table, start_ns, end_ns, referring, condition), columns)
                kept.readers += 1
            written = {table: await asyncio.shield(kept.writing) for table, kept in used.items()}
            begins = max((found.read_from_ns for found in written.values()), default=start_ns)
            yield Taken(
                {table: str(found.path) for table, found in written.items()},
                min((kept.taken_ns for kept in used.values()), default=time.time_ns()),
                begins if begins > window.start_ns else None,
            )
        finally:
            for kept in used.values():
                kept.readers -= 1
            self._sweep()

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _find(self, key: _Key, columns: frozenset[str]) -> _Kept:
        known = self._kept.setdefault(key, [])
        now = time.monotonic()
        for kept in known:
            if now < kept.until and kept.serves(columns, start_ns=key[1]):
                return kept
        kept = self._begun(key, columns, now)
        known.append(kept)
        return kept

    def _begun(self, key: _Key, columns: frozenset[str], now: float) -> _Kept:
        table, start_ns, end_ns, referring, condition = key
        loop, taken_ns = asyncio.get_running_loop(), time.time_ns()
        path = self._folder / f"{next(self._numbers)}-{table}.parquet"
        arguments = (table, columns, start_ns, end_ns, self._most_bytes, path, referring, condition)
        writing = loop.run_in_executor(None, self._source.write, *arguments)
        lasts = _SETTLED_S if end_ns < taken_ns - _SETTLED_NS else FRESH_S
        kept = _Kept(columns, taken_ns, now + lasts, writing)

        def failed(future: asyncio.Future[Written]) -> None:
            if future.cancelled() or future.exception():  # the next query tries again
                kept.until = 0.0
                path.unlink(missing_ok=True)

        writing.add_done_callback(failed)
        loop.call_later(lasts + 1, self._sweep)
        return kept

    def _sweep(self) -> None:
        """Forget what is too old, and the oldest beyond what may be kept."""
        everything = [(key, kept) for key, found in self._kept.items() for kept in found]
        everything.sort(key=lambda item: -item[1].taken_ns)
        room = _KEPT_BYTES
        for key, kept in everything:
            if not kept.writing.done():
                continue
            room -= kept.writing.result().bytes if kept.is_written else 0
            if not kept.readers and (room < 0 or time.monotonic() >= kept.until):
                kept.remove()
                self._kept[key].remove(kept)
        self._kept = {key: found for key, found in self._kept.items() if found}


def _referring(table: str, needs: Needs) -> tuple[str, ...]:
    """The tables whose rows refer to this one, where it has no time of its own."""
    views = [view for view in VIEWS.values() if view.source in needs]
    if any(table == view.source for view in views):
        return ()
    return tuple(sorted({view.source for view in views if any(table == joined for joined, _ in view.joins)}))
