"""The store's files: begun by the day of receipt, carried over, adopted, dropped under readers."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.storage.base import FunctionsQuery, Grace, Window, WriteResult
from collector.storage.duckdb import DuckDBStorage, open_storage, parts, sql, trace_times
from tests.collector.batches import SECOND, T0, batch, row, trace

DAY = 86_400 * SECOND
ROOT = Path(__file__).resolve().parents[3]
EVERYTHING = Window(0, 2**62)


class Clock:
    def __init__(self, now_ns: int = T0) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


@contextlib.contextmanager
def opened(folder: Path, clock: Clock | None = None, **options: Any) -> Iterator[DuckDBStorage]:
    with contextlib.closing(open_storage(folder, clock=clock or Clock(), **options)) as storage:
        yield storage


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.duckdb"))


# ---------------------------------------------------------------- days


def test_a_file_is_named_by_the_day_of_receipt_whatever_a_span_says(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        storage.writer.write([batch(row(1, 1, -400 * 86_400), row(1, 2, 300 * 86_400))])
        clock.now_ns += DAY
        storage.writer.write([batch(row(2, 1))])
    assert names(tmp_path) == ["2023-11-14.duckdb", "2023-11-15.duckdb"]


def test_a_large_day_has_several_files(tmp_path: Path) -> None:
    with opened(tmp_path, part_bytes=1) as storage:  # which an empty one has passed already
        storage.writer.write([batch(row(1, 1))])
        storage.writer._looked_ns = 0  # a second later
        storage.writer.write([batch(row(1, 1), row(2, 1))])
        assert storage.reader.stats().spans == 2
    assert names(tmp_path) == ["2023-11-14-1.duckdb", "2023-11-14-2.duckdb", "2023-11-14.duckdb"]


def test_a_clock_that_is_set_back_writes_to_a_new_file(tmp_path: Path) -> None:
    clock = Clock(T0 + DAY)
    with opened(tmp_path, clock) as storage:
        storage.writer.write([batch(row(1, 1))], 5)
        clock.now_ns = T0
        storage.writer.write([batch(row(2, 1))], 6)
    with opened(tmp_path, clock) as storage:
        assert storage.writer.mark() == 6
        assert storage.writer.write([batch(row(1, 1), row(2, 1), row(3, 1))]) == WriteResult(1, 2)
    assert names(tmp_path) == ["2023-11-14.duckdb", "2023-11-15.duckdb"]


def test_what_lives_in_the_newest_file_is_carried_over(tmp_path: Path) -> None:
    clock = Clock()
    running = row(1, 7, 0, 1000, attributes='{"tracekit.unfinished":true}', received_ns=T0, service="a")
    with opened(tmp_path, clock) as storage:
        storage.writer.write([batch(running)], 5)
        clock.now_ns += DAY
        storage.writer.write([batch(row(2, 1))])
        assert storage.writer.mark() == 5
    with opened(tmp_path, clock) as storage:
        assert storage.writer.mark() == 5
        assert storage.writer.close_unfinished(T0 + DAY, Grace()) == 1
        (span,) = storage.reader.trace(trace(1))
        assert (span.failed, span.resource) == (True, {"service.name": "a"})
        (tmp_path / "x").mkdir()
    with contextlib.closing(duckdb.connect(str(tmp_path / "2023-11-15.duckdb"))) as newest:
        kept = newest.execute("SELECT count(*) FROM resources r JOIN spans s USING (resource_id)").fetchall()
        assert kept == [(2,)], "a file explains itself without the ones before it"


def test_a_file_that_was_begun_but_never_written_is_found_empty(tmp_path: Path) -> None:
    """As after a kill between creating a file and its first rows."""
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1))], 9)
    with opened(tmp_path, Clock(T0 + DAY)) as storage:
        storage._database.begin_part("2023-11-15")
    with opened(tmp_path, Clock(T0 + DAY)) as storage:
        assert (storage.writer.mark(), storage.reader.stats().spans) == (9, 1)


# ---------------------------------------------------------------- old stores


def test_a_store_of_one_file_becomes_the_part_of_its_last_day(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1, received_ns=T0 + 3 * DAY), row(1, 2, received_ns=T0))], 4)
    (tmp_path / "2023-11-14.duckdb").rename(tmp_path / "tracekit.duckdb")
    with opened(tmp_path, Clock(T0 + 5 * DAY)) as storage:
        assert storage.writer.write([batch(row(1, 1), row(3, 1))]) == WriteResult(1, 1)
        assert storage.writer.mark() == 4
    assert names(tmp_path) == ["2023-11-17.duckdb", "2023-11-19.duckdb"]


# ---------------------------------------------------------------- damage


def test_a_file_that_cannot_be_opened_does_not_keep_the_others_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "2023-11-14.duckdb").write_bytes(b"hello" * 9_000)
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1))])
        assert storage.reader.stats().spans == 1
        assert storage.reader.stats().unreadable == ("2023-11-14.duckdb",)
    assert (tmp_path / "2023-11-14.duckdb").read_bytes() == b"hello" * 9_000
    assert "2023-11-14.duckdb cannot be opened" in caplog.text
    assert names(tmp_path) == ["2023-11-14-1.duckdb", "2023-11-14.duckdb"]


def test_a_file_that_can_be_opened_again_takes_its_place_beside_those_begun_meanwhile(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1))])
    whole = (tmp_path / "2023-11-14.duckdb").read_bytes()
    (tmp_path / "2023-11-14.duckdb").write_bytes(b"hello" * 9_000)
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(2, 1))])
    (tmp_path / "2023-11-14.duckdb").write_bytes(whole)
    with opened(tmp_path) as storage:
        assert storage.reader.stats().spans == 2
        assert storage._database.parts.newest.name == "2023-11-14-1"
    assert names(tmp_path) == ["2023-11-14-1.duckdb", "2023-11-14.duckdb"]


def test_a_part_that_a_reopened_engine_found_already_counts_once() -> None:
    old, new, newest = (parts.Part(name, Path(name), turn) for name, turn in (("a", 1), ("b", 1), ("c", 2)))
    catalogue = parts.Catalogue()
    catalogue.replace([new, newest], {})
    catalogue.remove(old, new)
    catalogue.add(newest)
    assert catalogue.all == (new, newest)


def test_the_file_of_pinned_traces_is_never_the_newest() -> None:
    adopted, pinned = (parts.Part(name, Path(name), 0) for name in ("2023-11-14", parts.PINNED))
    catalogue = parts.Catalogue()
    catalogue.replace([adopted, pinned], {})
    assert catalogue.newest == adopted


# ---------------------------------------------------------------- reading


def test_queries_ask_only_files_that_hold_the_time() -> None:
    found = [parts.Part(f"2023-11-1{n}", Path(f"{n}"), n) for n in (2, 1, 3)]
    catalogue = parts.Catalogue()
    catalogue.replace(found, {(f"2023-11-1{n}", "spans"): (n * 10, n * 10 + 9) for n in (1, 2)})
    assert [p.turn for p in catalogue.all] == [1, 2, 3]

    def holding(start: int, end: int) -> list[int]:
        return [p.turn for p in catalogue.holding("spans", start, end)]

    assert (holding(10, 30), holding(19, 20), holding(20, 99)) == ([1, 2], [1], [2])
    assert (holding(0, 10), holding(30, 99)) == ([3], [3]), "there is always one to ask"
    catalogue.widen(found[2], "spans", (5, 5))
    assert holding(0, 20) == [1, 3]


def test_a_trace_is_found_by_its_id_wherever_its_spans_are(tmp_path: Path) -> None:
    """Among rows whose times were gathered, once or twice, those that were not yet, in several files."""
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        rows = [row(n, k, at) for k, at in ((1, 0), (2, -5_000), (3, 90_000)) for n in range(1, 40)]
        for k in range(3):
            storage.writer.write([batch(*rows[39 * k : 39 * (k + 1)])])
            if k == 0:
                gather(storage)
        found = storage.reader.trace(trace(7))
        assert [s.span_id[-1] for s in found] == ["2", "1", "3"]
        gather(storage)
        assert storage.reader.trace(trace(7)) == found
        clock.now_ns += DAY
        storage.writer.write([batch(row(7, 4, 100_000))])
        storage.care.care()
        assert [s.span_id[-1] for s in storage.reader.trace(trace(7))] == ["2", "1", "3", "4"]
        assert storage.reader.trace(trace(99)) == ()
        assert storage.reader.trace(trace(7))[0].resource == {"service.name": "shop"}


def gather(storage: DuckDBStorage) -> None:
    """As if enough rows waited for it."""
    database = storage._database
    part = database.parts.newest
    rows, until = database.read(lambda c: trace_times._counted(part, c))
    database.transact(lambda c: trace_times._gather(database.parts, part, until, rows, c))
    assert database.read(lambda c: trace_times._counted(part, c)) == (rows, rows)


def test_every_query_says_which_files_it_reads() -> None:
    """A bare table name would mean the newest file only."""
    tables = {"spans", "span_links", "resources", "scopes"}
    for path in sorted((sql.HERE / "queries").glob("*.sql")):
        named = set(re.findall(r"(?:FROM|JOIN) (\w+)", path.read_text()))
        assert not named & tables, path.name


def test_files_are_dropped_under_readers(tmp_path: Path) -> None:
    """Each answer is of all files that there were at some moment, and none fails."""
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        for n in range(12):
            clock.now_ns = T0 + n * DAY
            storage.writer.write([batch(*(row(100 * n + k, 1) for k in range(1, 6)))])
        database = storage._database
        failures: list[BaseException] = []
        answers: list[int] = []
        dropped = threading.Event()

        def read() -> None:
            try:
                while not dropped.is_set():
                    answers.append(storage.reader.functions(FunctionsQuery(EVERYTHING))[0].calls)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(answers) < 3 and not failures:
            dropped.wait(0.01)
        for part in database.parts.all[:-1]:
            database.drop(part)
        dropped.set()
        for thread in threads:
            thread.join()
        assert not failures
        assert set(answers) <= set(range(5, 61, 5))
        assert storage.reader.stats().spans == 5
    assert names(tmp_path) == ["2023-11-25.duckdb"]
