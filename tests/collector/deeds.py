"""What changes files of the store, each deed in a process of its own that dies in the middle: by its own hand
before any line of the store's code, or by SIGKILL at any time, inside the engine too."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import duckdb

from collector import backup
from collector.storage.base import Holding
from collector.storage.duckdb import DuckDBStorage, open_storage, rollups, trace_times
from tests.collector import olderstore
from tests.collector.batches import SECOND, T0, batch, row, trace
from tests.collector.signals import gauge, logs, metrics, record

DAY = 86_400 * SECOND
DAYS = 4
CALLS = 150  # a day: enough for one of two to be left out
PINNED = (1_003, 2_004)  # trace n is of day n // 1,000

# By signal and day: every row, as (trace or number, span, what it counts for).
State = dict[tuple[str, int], list[tuple[Any, ...]]]


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[DuckDBStorage]:
    with contextlib.closing(open_storage(folder, clock=lambda: T0 + DAYS * DAY)) as storage:
        yield storage


def fill(folder: Path) -> None:
    """A file a day with all signals, and pinned traces in the first two; nothing is gathered yet."""
    for day in range(1, DAYS + 1):
        at = T0 + day * DAY
        numbers = range(1_000 * day, 1_000 * day + CALLS)
        calls = [
            row(
                n,
                1,
                day * 86_400 + n % 1_000,
                10 + n % 7,
                received_ns=at,
                status="error" if n % 50 == 0 else "unset",
            )
            for n in numbers
        ]
        links = [
            row(n, 2, day * 86_400, parent=1, kind="client", links=[(n, 1)], received_ns=at)
            for n in numbers[:9]
        ]
        records = [record(day * 86_400 + n, str(n)) for n in numbers[:20]]
        points = [(day * 86_400 + n, {"as_int": n}) for n in numbers[:20]]
        with contextlib.closing(open_storage(folder, clock=lambda at=at: at)) as storage:  # type: ignore[misc]
            storage.writer.write([batch(*calls, *links), logs(*records, received_ns=at)], 2 * day)
            storage.writer.write([metrics(gauge("g", *points), received_ns=at)], 2 * day + 1)
    with opened(folder) as storage:
        for number in PINNED:
            storage.care.pin(trace(number))


# ---------------------------------------------------------------- deeds


def _holdings(storage: DuckDBStorage) -> list[Holding]:
    """Of the first two days."""
    return [h for h in storage.care.holdings() if h.last_ns <= T0 + 3 * DAY]


def sample(folder: Path) -> None:
    with opened(folder) as storage:
        storage.care.sample(2, T0 + 9 * DAY)


def forget_days(folder: Path) -> None:
    with opened(folder) as storage:
        found = _holdings(storage)
        for part in sorted({holding.part for holding in found}):
            storage.care.forget(*(holding for holding in found if holding.part == part))


def forget_a_signal(folder: Path) -> None:
    """Of two days, each in a file that keeps the others."""
    with opened(folder) as storage:
        for holding in _holdings(storage):
            if holding.signal == "logs":
                storage.care.forget(holding)


def gather(folder: Path) -> None:
    rollups.WAITING_ROWS = trace_times.WAITING_ROWS = 40
    with opened(folder) as storage:
        storage.care.care()


def unpin(folder: Path) -> None:
    with opened(folder) as storage:
        for number in PINNED:
            storage.care.unpin(trace(number))


def back_up(folder: Path) -> None:
    target = folder / "copy"
    shutil.rmtree(target, ignore_errors=True)
    backup.back_up(folder, target)


def restore(folder: Path) -> None:
    """To a folder within. What a kill left whole is finished by the next start."""
    new = folder / "new"
    if not list(new.glob("*.duckdb")) and not (new / "restore.whole").exists():
        backup.restore_to(folder / "copy", new)


def export_and_forget(folder: Path) -> None:
    backup.export_day(folder, "2023-11-15", folder / "days")
    with opened(folder) as storage:
        storage.care.forget(*(h for h in storage.care.holdings() if h.part == "2023-11-15"))


def import_a_day(folder: Path) -> None:
    backup.import_day(folder, folder / "days" / "2023-11-15")


def start(folder: Path) -> None:
    """Migrates what an earlier version left."""
    with opened(folder):
        pass


class Deed(NamedTuple):
    do: Callable[[Path], None]
    prepare: Callable[[Path], None] = lambda folder: None
    kills: int = 1  # of each round


DEEDS = {
    "sample": Deed(sample),
    "forget days": Deed(forget_days),
    "forget a signal": Deed(forget_a_signal),
    "gather": Deed(gather),
    "unpin what was moved": Deed(unpin, forget_days),
    "back up": Deed(back_up),
    "restore": Deed(restore, back_up),
    "import": Deed(import_a_day, export_and_forget),
    "migrate days": Deed(start, olderstore.days_of_version_6, 4),
    "migrate one file": Deed(start, olderstore.one_file_of_version_1, 4),
}


# ---------------------------------------------------------------- what is there


def state(folder: Path) -> State:
    """What is stored after a start, read without the collector's own code."""
    with opened(folder):
        pass
    found: State = {}
    for path in sorted(folder.glob("*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as connection:
            _add(found, "spans", connection, "trace_id::VARCHAR, span_id, adjusted_count FROM spans")
            _add(found, "links", connection, "trace_id::VARCHAR, span_id, linked_span_id FROM span_links")
            _add(found, "logs", connection, "body ->> '$', 0, 1 FROM logs")
            _add(found, "points", connection, "value_int::VARCHAR, 0, 1 FROM metric_points")
            sums = "SELECT (SELECT rows FROM rollups_until), (SELECT coalesce(sum(spans), 0) FROM call_slots)"
            until, summed = connection.execute(sums).fetchone() or (0, 1)
            counted = "SELECT coalesce(sum(adjusted_count), 0) FROM (FROM spans LIMIT ?)"
            ((weight,),) = connection.execute(counted, [until]).fetchall()
            assert weight == summed, "sums of other spans than said"
    return {key: sorted(rows) for key, rows in found.items()}


def _add(found: State, signal_: str, connection: duckdb.DuckDBPyConnection, select: str) -> None:
    for number, *rest in connection.execute(f"SELECT {select}").fetchall():
        n = int(number.replace("-", ""), 16 if "-" in number else 10)
        found.setdefault((signal_, n // 1_000), []).append((n, *rest))


# ---------------------------------------------------------------- dying


class Lines:
    """Counts lines of the store's code that this thread runs, and dies before one of them."""

    def __init__(self, die_at: int = 0) -> None:
        self.count = 0
        self._die_at = die_at

    def __enter__(self) -> Lines:
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        name = frame.f_code.co_filename
        return self._line if "collector/storage/duckdb" in name or name.endswith("backup.py") else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def _child(deed: str, folder: Path, die_at: int, begun: Connection) -> None:
    begun.send(True)
    if not die_at:
        DEEDS[deed].do(folder)
        return
    with Lines(die_at):
        DEEDS[deed].do(folder)


def killed(deed: str, folder: Path, chance: random.Random, lines: int, seconds: float) -> tuple[bool, str]:
    """Begin the deed, and kill it. Whether it died of that (it may have fewer lines this time, or be done
    sooner), and when, in words."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.collector.deeds"])
    die_at = chance.randrange(1, lines) if chance.random() < 0.5 else 0
    mine, other = forks.Pipe(duplex=False)
    process = forks.Process(target=_child, args=(deed, folder, die_at, other))
    process.start()
    try:
        mine.recv()
        after_s = chance.uniform(0, seconds)
        if not die_at:
            time.sleep(after_s)
            process.kill()
        process.join(120)
        assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
        died = process.exitcode != 0
    finally:
        process.kill()
        process.join()
        mine.close(), other.close()
    return died, f"before line {die_at} of {lines}" if die_at else f"{after_s:.3f} s of {seconds:.3f}"
