"""Torn, zeroed and flipped bytes in the journal and in DuckDB's log: the start needs nobody, and what either
copy still holds is there.

TRACEKIT_TAILS=200 runs as many rounds; two dozen is the default.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from collector.app import JOURNAL, open_ingest, open_store
from collector.journal import scan
from collector.journal.record import HEADER_BYTES, Header, packed
from collector.journal.segment import DATA_OFFSET, Segment
from collector.payload import Payload
from collector.settings import Settings
from tests.collector.batches import T0
from tests.collector.otlp import request, span

ROUNDS = int(os.environ.get("TRACEKIT_TAILS", "24"))
THIRD = 15  # payloads checkpointed, in DuckDB's log, and in the journal only
SPANS = 5

Damager = Callable[[BinaryIO, int, int, random.Random], tuple[int, int]]


def trace_id(number: int) -> bytes:
    return (number + 1).to_bytes(16, "big")


def body(number: int) -> bytes:
    spans = [span(i, trace_id=trace_id(number), start_time_unix_nano=T0 + i) for i in range(1, SPANS + 1)]
    return request(*spans).SerializeToString()


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder as a power cut left it, and where each payload lies in the journal's only segment."""

    path: Path
    places: list[tuple[int, int]]  # offsets of each record in the segment
    used: int  # bytes of the segment that were written

    @property
    def segment(self) -> Path:
        # One more may lie ready, written through but not begun.
        (found,) = (path for path in (self.path / JOURNAL).glob("*.seg") if scan.start_of(path))
        return found

    @property
    def log(self) -> Path:
        """DuckDB's."""
        (found,) = (path for path in self.path.glob("*.duckdb.wal") if path.stat().st_size > 1_000)
        return found


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Everything is acknowledged: a third is in DuckDB's file, a third in its log, a third not inserted."""
    live, path = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("left") / "data"
    settings = Settings.from_env({}, {"data_dir": str(live)})
    with contextlib.closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
        for number in range(2 * THIRD):
            if number == THIRD:
                store.writer.checkpoint()
            asyncio.run(ingest.export(Payload("traces", "protobuf", body(number), T0)))
            assert ingest.settle()
        shutil.copytree(live, path)
        mark = store.writer.mark()
    _append_like_the_gone_process(path, mark)
    segment = Folder(path, [], 0).segment
    start = scan.start_of(segment)
    assert start
    with scan.opened(segment) as data:
        found = [header for header in scan.headers(segment, data, start.base) if isinstance(header, Header)]
    places = [(offset(h.position - start.base), offset(h.end - start.base)) for h in found]
    assert len(places) == 3 * THIRD
    return Folder(path, places, places[-1][1] + HEADER_BYTES)


def offset(position: int) -> int:
    return DATA_OFFSET + position


def _append_like_the_gone_process(path: Path, mark: int) -> None:
    """The last third, in the same segment."""
    segment = Segment.reuse(Folder(path, [], 0).segment)
    start = scan.start_of(segment.path)
    assert start
    segment.base, segment.end = start.base, mark
    for number in range(2 * THIRD, 3 * THIRD):
        header, record = packed(Payload("traces", "protobuf", body(number), T0), SPANS, segment.end)
        segment.append([header, record], len(header) + len(record))
    segment.close()


# ---------------------------------------------------------------- damage


def cut(file: BinaryIO, start: int, end: int, chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(start, end)
    file.truncate(at)
    return at, end


def zeros(file: BinaryIO, start: int, end: int, chance: random.Random) -> tuple[int, int]:
    """From somewhere to the end of what was written."""
    at = chance.randrange(start, end)
    file.seek(at)
    file.write(bytes(end - at))
    return at, end


def flip(file: BinaryIO, start: int, end: int, chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(start, end)
    file.seek(at)
    (byte,) = file.read(1)
    file.seek(at)
    file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    return at, at + 1


HOW = [cut, zeros, flip]


def damage_journal(folder: Folder, how: Damager, chance: random.Random) -> set[int]:
    """The payloads whose record is hit."""
    with folder.segment.open("r+b") as file:
        start, end = how(file, DATA_OFFSET, folder.used, chance)
    return {n for n, (first, last) in enumerate(folder.places) if first < end and start < last}


def flip_a_length(folder: Folder, chance: random.Random) -> set[int]:
    number = chance.randrange(3 * THIRD)
    with folder.segment.open("r+b") as file:
        flip(file, folder.places[number][0] + 16, folder.places[number][0] + 20, chance)
    return {number}


def damage_log(folder: Folder, how: Damager, chance: random.Random) -> None:
    with folder.log.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        how(file, 0, size, chance)


def flip_a_frames_length(folder: Folder, chance: random.Random) -> None:
    """A frame of DuckDB's log begins with its length: eight bytes that are mostly zero."""
    data = folder.log.read_bytes()
    good = [at for at in range(100, len(data) - 16) if 0 < int.from_bytes(data[at : at + 8], "little") < 4096]
    at = chance.choice(good)
    with folder.log.open("r+b") as file:
        flip(file, at, at + 4, chance)


# ---------------------------------------------------------------- what has to hold


def there_after_a_start(path: Path) -> set[int]:
    """Payloads that are stored, each whole, after the collector has started and settled."""
    settings = Settings.from_env({}, {"data_dir": str(path)})
    with contextlib.closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
        assert ingest.settle(60)
        found = {n: len(store.reader.trace(trace_id(n).hex())) for n in range(3 * THIRD)}
    assert set(found.values()) <= {0, SPANS}, "a payload is there in part"
    return {number for number, spans in found.items() if spans}


ALL = set(range(3 * THIRD))
IN_FILE = set(range(THIRD))
IN_STORE = set(range(2 * THIRD))


def test_nothing_is_missing_without_damage(left: Folder, tmp_path: Path) -> None:
    shutil.copytree(left.path, tmp_path / "data")
    assert there_after_a_start(tmp_path / "data") == ALL


@pytest.mark.slow
@pytest.mark.timeout(60 + 3 * ROUNDS)
def test_what_either_copy_holds_is_there_and_what_is_missing_is_reported(
    left: Folder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(ROUNDS):
        chance = random.Random(number)
        folder = Folder(tmp_path / str(number), left.places, left.used)
        shutil.copytree(left.path, folder.path)
        target, how = ("journal", "log", "both")[number % 3], [*HOW, None][number // 3 % 4]
        hit: set[int] = set()
        if target != "log":
            hit = damage_journal(folder, how, chance) if how else flip_a_length(folder, chance)
        if target != "journal":
            damage_log(folder, how, chance) if how else flip_a_frames_length(folder, chance)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = there_after_a_start(folder.path)
        what = f"round {number}: {target}, {how.__name__ if how else 'length'}"
        safe = IN_STORE if target == "journal" else IN_FILE
        assert found >= (ALL - hit) | safe, what
        if found != ALL:
            assert any(record.levelno >= logging.ERROR for record in caplog.records), f"{what}: silent"
        shutil.rmtree(folder.path)
