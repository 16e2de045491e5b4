"""From a query to its table: a child parses it, the parent checks it and takes a snapshot, the child runs
it."""

from __future__ import annotations

import asyncio
import datetime
import difflib
import re
import time
from pathlib import Path
from typing import Any

from collector.sqlchild.check import Use, use_of
from collector.sqlchild.filters import filters_of
from collector.sqlchild.process import LESS, Allowance, running
from collector.sqlchild.snapshots import Snapshots, Source, Taken
from collector.sqlchild.table import (
    Parameters,
    ResultColumn,
    SqlBusy,
    SqlFailed,
    SqlRefused,
    SqlStopped,
    Table,
)
from collector.sqlchild.views import VIEWS, definition, needs_of
from collector.storage.base import RetryLater, Window

MOST_CHARACTERS = 20_000
# Queries that run at once, and that wait for one of those to end.
AT_ONCE, WAITING = 2, 16
SNAPSHOT_BYTES = 2**30

_ADVICE = {
    "BinderException": "The views and their columns are listed beside the query, and in docs/sql.md.",
    "CatalogException": "The views and their columns are listed beside the query, and in docs/sql.md.",
    "ConversionException": "try_cast(x AS type) gives null where a value does not convert.",
}


class ChildRunner:
    """SqlRunner: on one event loop. `folder` is the runner's own."""

    def __init__(self, source: Source, folder: Path, allowance: Allowance | None = None) -> None:
        self.allowance = allowance or Allowance()
        self._snapshots = Snapshots(source, folder, SNAPSHOT_BYTES)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._asked = 0

    async def run(self, sql: str, parameters: Parameters, window: Window) -> Table:
        began = time.perf_counter()
        if len(sql) > MOST_CHARACTERS:
            raise SqlRefused(
                f"The query is {len(sql)} characters long.", f"At most {MOST_CHARACTERS} are read."
            )
        if not sql.strip():
            raise SqlRefused("There is no query.", "Write one that begins with SELECT or FROM.")
        if self._asked >= AT_ONCE + WAITING:
            raise SqlBusy("Too many queries are waiting.", "Try again in a moment.")
        self._asked += 1
        try:
            async with self._slots:
                found, taken = await self._within_time(sql, parameters, window)
        finally:
            self._asked -= 1
        return _table(found, taken, (time.perf_counter() - began) * 1000)

    def close(self) -> None:
        self._snapshots.close()

    async def _within_time(
        self, sql: str, parameters: Parameters, window: Window
    ) -> tuple[dict[str, Any], Taken]:
        try:
            async with asyncio.timeout(self.allowance.seconds):
                return await self._answer(sql, parameters, window)
        except TimeoutError:
            raise SqlStopped(
                f"The query was ended: it took longer than {self.allowance.seconds:g} s.", LESS
            ) from None
        except RetryLater as error:
            raise SqlBusy(
                f"The store cannot be read right now: {error}.", "Try again in a moment."
            ) from error

    async def _answer(self, sql: str, parameters: Parameters, window: Window) -> tuple[dict[str, Any], Taken]:
        async with running(sql, self.allowance, self._snapshots.folder) as child:
            tree = await child.hear()
            use = use_of(tree, VIEWS)
            values = _values(use, parameters, window)
            filters = filters_of(tree, parameters)
            async with self._snapshots.of(needs_of(use), window, filters) as taken:
                views = [
                    definition(VIEWS[name], use, taken.files, window.start_ns, window.end_ns)
                    for name in sorted(use.views)
                ]
                files = [*taken.files.values()]
                await child.say({"files": files, "views": views, **values})
                found = await child.hear()
        if "error" in found:
            raise _failure(found, use)
        return found, taken


def _values(use: Use, parameters: Parameters, window: Window) -> dict[str, Any]:
    """Those that the query names: DuckDB takes no others."""
    moments = {"from": _moment(window.start_ns), "to": _moment(window.end_ns)}
    known = parameters.keys() | moments.keys()
    missing = sorted(use.parameters - known)
    if missing:
        names = ", ".join(f"${name}" for name in sorted(known))
        raise SqlRefused(f"There is no parameter ${missing[0][:60]}.", f"There are {names}.")
    given = {"parameters": parameters, "moments": moments}
    return {
        what: {name: values[name] for name in use.parameters & values.keys()}
        for what, values in given.items()
    }


def _moment(ns: int) -> str:
    return datetime.datetime.fromtimestamp(ns / 1e9, datetime.UTC).replace(tzinfo=None).isoformat(sep=" ")


def _failure(found: dict[str, Any], use: Use) -> SqlFailed:
    message, kind = str(found["error"]), str(found["kind"])
    if kind == "OutOfMemoryException":
        return SqlStopped("The query needed more memory than it may have.", LESS)
    return SqlFailed(_UNASKED.sub("", message), _close(message, use) or _ADVICE.get(kind, ""))


# DuckDB names as candidates only columns that were read for the query.
_UNASKED = re.compile(r"\n(Candidate bindings|Did you mean)[^\n]*")
_UNKNOWN = re.compile(r'column "?([^"\s]+)"? not found', re.I)


def _close(message: str, use: Use) -> str:
    """The columns that the unknown one looks like."""
    unknown = _UNKNOWN.search(message)
    if not unknown:
        return ""
    names = {column.name for view in use.views for column in VIEWS[view].columns}
    close = difflib.get_close_matches(unknown[1].lower(), sorted(names), 3)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def _table(found: dict[str, Any], taken: Taken, elapsed_ms: float) -> Table:
    return Table(
        tuple(ResultColumn(str(name), str(kind)) for name, kind in found["columns"]),
        tuple(tuple(row) for row in found["rows"]),
        bool(found["truncated"]),
        elapsed_ms,
        taken.snapshot_ns,
        taken.read_from_ns,
    )
