"""The store's files: one a day of receipt, or several where a day is large.

Only the newest part is written, so that a transaction writes one file and its watermark lies in it, a hostile
timestamp cannot make files, and forgetting old data is detaching a file and unlinking it. A part is
self-contained: whatever its spans refer to is in the same file. This module knows names, order and times;
`Database` attaches.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".duckdb"
# What a store of one file was called until schema 5.
LEGACY = "tracekit" + SUFFIX
# Traces that were pinned, moved here when their part is forgotten. Never written otherwise, never forgotten.
PINNED = "pinned"
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)(?:-(\d+))?\Z")

# Tables whose rows lie in time, and the column that says when: what a part is pruned by.
TIMED = {"spans": "start_ns", "span_links": "start_ns", "logs": "time_ns", "metric_points": "time_ns"}

Times = tuple[int, int]  # earliest and latest, both included


@dataclass(frozen=True, slots=True)
class Part:
    """One file. `turn` counts parts as they were begun, whatever their names say; of its ordinary traces one
    of `one_of` was kept (sampling.py)."""

    name: str
    path: Path
    turn: int
    one_of: int = 1

    @property
    def day(self) -> str:
        return self.name[:10]

    @property
    def sql(self) -> str:
        """What the engine has it attached as, quoted."""
        return f'"{self.name}"'

    @property
    def is_weighted(self) -> bool:
        """Whether its spans may stand for others, or for none."""
        return self.one_of > 1 or self.name == PINNED

    @property
    def log(self) -> Path:
        return self.path.with_name(self.path.name + ".wal")

    def bytes_on_disk(self) -> int:
        return sum(size_of(path) for path in (self.path, self.log))


def day_of(moment_ns: int) -> str:
    """The UTC day of a moment, as parts are named."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment_ns // 10**9))


def found_in(folder: Path) -> list[Path]:
    """Files that are parts by their name, in the order of names."""
    return sorted(path for path in folder.glob("*" + SUFFIX) if _NAME.match(path.stem) or path.stem == PINNED)


def free_name(folder: Path, day: str) -> str:
    """A name for another part of that day, after all that are there (damaged ones included)."""
    taken = [match for path in folder.iterdir() if (match := _NAME.match(path.name.partition(SUFFIX)[0]))]
    numbers = [int(match[2] or 0) for match in taken if match[1] == day]
    return f"{day}-{max(numbers) + 1}" if numbers else day


def number_of(name: str) -> tuple[str, int]:
    """What names are ordered by: the day, and which of its parts."""
    match = _NAME.match(name)
    return (match[1], int(match[2] or 0)) if match else (name, 0)


def size_of(path: Path) -> int:
    """Bytes of a file, 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class Catalogue:
    """Which parts there are, oldest first, and which times each holds. Changes swap whole tuples: readers
    look without a lock, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of those who change it
        self.all: tuple[Part, ...] = ()
        self._times: dict[tuple[str, str], Times] = {}

    @property
    def newest(self) -> Part:
        return self.all[-1]

    @property
    def written(self) -> tuple[Part, ...]:
        """Those that what was received was written to, oldest first."""
        return tuple(part for part in self.all if part.name != PINNED)

    @property
    def pinned(self) -> Part | None:
        return next((part for part in self.all if part.name == PINNED), None)

    def named(self, name: str) -> Part | None:
        return next((part for part in self.all if part.name == name), None)

    def replace(self, parts: Iterable[Part], times: dict[tuple[str, str], Times]) -> None:
        """`times` by (part's name, table); a pair that is missing holds nothing."""
        with self._lock:
            self._times = times
            self.all = _in_order(parts)

    def add(self, part: Part) -> None:
        with self._lock:
            self.all = _in_order({*self.all, part})

    def remove(self, part: Part, instead: Part | None = None) -> None:
        """`instead` takes its place, in one step. (An engine opened anew meanwhile may have found it.)"""
        with self._lock:
            kept = {other for other in self.all if other != part}
            self.all = _in_order(kept | {instead} if instead else kept)

    def widen(self, part: Part, table: str, times: Times) -> None:
        """To be told before rows of these times can be seen."""
        with self._lock:
            known = self._times.get((part.name, table), times)
            self._times[part.name, table] = min(known[0], times[0]), max(known[1], times[1])

    def times(self, part: Part, table: str) -> Times | None:
        return self._times.get((part.name, table))

    def holding(self, table: str, start_ns: int, end_ns: int) -> tuple[Part, ...]:
        """Parts with rows in [start_ns, end_ns); the newest if none, so that there is always one to ask."""
        found = [part for part in self.all if self._overlaps(part, table, start_ns, end_ns)]
        return tuple(found) or self.all[-1:]

    def _overlaps(self, part: Part, table: str, start_ns: int, end_ns: int) -> bool:
        times = self._times.get((part.name, table))
        return times is not None and times[0] < end_ns and times[1] >= start_ns


def _in_order(parts: Iterable[Part]) -> tuple[Part, ...]:
    """By turn; what is pinned stands first, so that it is never the newest."""
    return tuple(sorted(parts, key=lambda part: (part.name != PINNED, part.turn, number_of(part.name))))
