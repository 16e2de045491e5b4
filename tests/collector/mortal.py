"""A collector in a process of its own that ends by SIGKILL: from outside at any time, or by its own hand at a
moment that is hard to hit.

    python tests/collector/mortal.py FOLDER [MOMENT COUNT]

Segments and checkpoints are made small, so that a second of load meets every moment many times.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from collector import app
from collector.app import open_ingest, open_store, run_receivers
from collector.ingest import checkpointing, inserting
from collector.journal import Journal, journal
from collector.journal.segment import Segment
from collector.settings import Settings
from collector.storage.base import RetryLater
from collector.storage.duckdb import DuckDBStorage, database, rollups, trace_times, writer
from collector.storage.duckdb.care import DuckDBCare
from collector.storage.duckdb.database import Database
from collector.storage.duckdb.sampling import PartSampling
from collector.storage.duckdb.writer import DuckDBWriter


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


def counted(count: int) -> Callable[[], None]:
    """Dies when it is called for the `count`th time."""
    left = [count]

    def step() -> None:
        left[0] -= 1
        if left[0] == 0:
            die()

    return step


def before(owner: Any, name: str, count: int) -> None:
    original, step = getattr(owner, name), counted(count)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        step()
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, count: int) -> None:
    original, step = getattr(owner, name), counted(count)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        step()
        return result

    setattr(owner, name, wrapped)


def half_a_record(count: int) -> None:
    """Dies with half of a group written."""
    original = os.pwritev
    left = [count]

    def torn(descriptor: int, buffers: list[bytes], at: int) -> int:
        left[0] -= 1
        if left[0] == 0:
            joined = b"".join(buffers)
            os.pwrite(descriptor, joined[: len(joined) // 2], at)
            die()
        return original(descriptor, buffers, at)

    os.pwritev = torn


def in_replay(count: int) -> None:
    original, step = Journal.replay, counted(count)

    def wrapped(self: Journal) -> Any:
        for found in original(self):
            step()
            yield found

    Journal.replay = wrapped  # type: ignore[method-assign]


MOMENTS: dict[str, Callable[[int], None]] = {
    "half a record": half_a_record,
    "before the sync": lambda count: before(os, "fdatasync", count),
    "after the sync": lambda count: after(os, "fdatasync", count),
    "before a segment begins": lambda count: before(Segment, "begin", 1 + count % 8),
    "after a segment began": lambda count: after(Segment, "begin", 1 + count % 8),
    "before an insert": lambda count: before(DuckDBWriter, "write", 1 + count % 10),
    "after an insert": lambda count: after(DuckDBWriter, "write", 1 + count % 10),
    "before a block": lambda count: before(DuckDBWriter, "write_block", 1 + count % 20),
    "after a block": lambda count: after(DuckDBWriter, "write_block", 1 + count % 20),
    "before a checkpoint": lambda count: before(DuckDBWriter, "checkpoint", 1 + count % 5),
    "after a checkpoint": lambda count: after(DuckDBWriter, "checkpoint", 1 + count % 5),
    "before recycling": lambda count: before(Journal, "recycle", 1 + count % 5),
    "after recycling": lambda count: after(Journal, "recycle", 1 + count % 5),
    "in the replay": lambda count: in_replay(1 + count % 10),
    "in the replay of what a replay left": lambda count: in_replay(1 + count % 10),
    "before a gathering": lambda count: before(rollups, "_gather", 1 + count % 10),
    "before a gathering is committed": lambda count: after(rollups, "_gather", 1 + count % 10),
    "after a round of care": lambda count: after(DuckDBCare, "care", 1 + count % 10),
    "before a part is begun": lambda count: before(Database, "begin_part", 1),
    "after a part is begun": lambda count: after(Database, "begin_part", 1),
    "before a part is sampled": lambda count: before(PartSampling, "fill", 1 + count % 3),
    "before what is kept is committed": lambda count: after(PartSampling, "fill", 1 + count % 3),
    "before a part is replaced": lambda count: before(Database, "_leave", 1 + count % 3),
    "before a replaced part goes": lambda count: before(database, "_unlink", 1 + count % 3),
    "after a replaced part went": lambda count: after(database, "_unlink", 1 + count % 3),
}


def make_small() -> None:
    journal.SEGMENT_BYTES = 64 * 1024
    checkpointing._AFTER_BYTES = 128 * 1024
    checkpointing._LOOK_EVERY_S = 0.05
    inserting._ENOUGH_ROWS = 200
    # Three payloads and a part of a fourth, whenever so much has gathered.
    writer.BLOCK_SPANS = 130
    rollups.WAITING_ROWS = trace_times.WAITING_ROWS = 100
    # Which a part reaches within a few rounds; looked at all the time.
    app.PART_BYTES = 3 * 2**19
    writer._LOOK_NS = 10_000_000


@contextlib.contextmanager
def caring(store: DuckDBStorage) -> Iterator[None]:
    """What the caretaker does each half minute, all the time. Each finished part is sampled over and over:
    traces with an error stay whole, and all have one, so nothing is left out."""
    ended = threading.Event()

    def run() -> None:
        care, found = store.care, store._database.parts
        turn = 0
        while not ended.wait(0.02):
            with contextlib.suppress(RetryLater):
                if finished := found.written[:-1]:
                    turn += 1
                    care._sample(finished[turn % len(finished)], 2)
                care.care()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def main(folder: str) -> None:
    overrides = {"data_dir": folder, "otlp_http": "127.0.0.1:0", "otlp_grpc": "off"}
    settings = Settings.from_env({}, overrides)
    with (
        contextlib.closing(open_store(settings)) as store,
        caring(store),
        open_ingest(store.writer, settings) as ingest,
    ):
        async with run_receivers(ingest, settings) as bound:
            sys.stdout.write(f"{bound.otlp_http}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    make_small()
    if len(sys.argv) > 2:
        MOMENTS[sys.argv[2]](int(sys.argv[3]))
    asyncio.run(main(sys.argv[1]))
