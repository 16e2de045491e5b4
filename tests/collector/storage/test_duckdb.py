"""What the DuckDB engine promises beyond the contract: schema, durability, damage, errors told apart."""

from __future__ import annotations

import contextlib
import random
import re
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.decode import choice
from collector.model import COLUMN_NAMES, SPAN_COLUMNS, SpanBatch
from collector.storage.base import (
    EdgesQuery,
    FunctionsQuery,
    Grace,
    IncompatibleSchema,
    Rejected,
    RetryLater,
    StorageError,
    Window,
    WriteResult,
)
from collector.storage.duckdb import DataFolderInUse, DuckDBStorage, open_storage, wal
from collector.storage.duckdb.recent import PythonKeySet, RecentKeys, each, key
from tests.collector.batches import SECOND, T0, batch, row, trace

ROOT = Path(__file__).resolve().parents[3]
KEY_SETS = [PythonKeySet, *([choice.KEY_SET] if choice.KEY_SET else [])]
WINDOW = Window(T0, T0 + 60 * SECOND)


@contextlib.contextmanager
def opened(folder: Path, **options: Any) -> Iterator[DuckDBStorage]:
    with contextlib.closing(open_storage(folder, **options)) as storage:
        yield storage


def count(folder: Path) -> int:
    with opened(folder) as storage:
        return storage.reader.stats().spans


# ---------------------------------------------------------------- schema


def part_of(folder: Path) -> Path:
    """The one file of a store that was just begun."""
    (path,) = folder.glob("*.duckdb")
    return path


def columns(folder: Path) -> set[tuple[Any, ...]]:
    with contextlib.closing(duckdb.connect(str(part_of(folder)))) as connection:
        sql = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
        return set(connection.execute(sql).fetchall())


def store_of_version_1(folder: Path) -> None:
    """As the first schema was, with one consumer that links to one producer."""
    folder.mkdir()
    schema = (ROOT / "collector/storage/duckdb/schema.sql").read_text()
    text = re.sub(r"(?s)-- The links of spans once more.*", "", schema)
    text = re.sub(r"(?s)CREATE TABLE scopes .*?;", "", text)
    text = re.sub(r"(?s)(?<=scope_id UBIGINT NOT NULL),\n    -- \(A column.*?DEFAULT 1", "", text)
    text = re.sub(
        r",\n    (scope_id|dropped_attributes_count|entity_refs) \w+ NOT NULL(?=\n\)|,\n    entity)", "", text
    )
    old = [name for name in COLUMN_NAMES if name != "scope_id"]
    with contextlib.closing(duckdb.connect(str(folder / "tracekit.duckdb"))) as connection:
        connection.execute(text)
        connection.execute("INSERT INTO schema_version VALUES (1, 0)")
        queue = {"messaging_destination": "q"}
        rows = [
            row(1, 1, 1, 1000, kind="producer", service="a", **queue),
            row(2, 2**63 + 5, 4, kind="consumer", service="b", links=[(1, 1)], **queue),
        ]
        for values in rows:
            values["trace_id"] = f"{values['trace_id']}"
            marks = ", ".join("?" for _ in old)
            connection.execute(f"INSERT INTO spans VALUES ({marks})", [values[n] for n in old])


def test_a_store_of_version_1_is_migrated(tmp_path: Path) -> None:
    store_of_version_1(tmp_path / "old")
    with opened(tmp_path / "old") as storage:
        delays = [e.queue_delay_p50_ns for e in storage.reader.edges(EdgesQuery(WINDOW, "b"))]
        assert delays == [2 * SECOND]
        assert storage.writer.write([batch(row(1, 1), row(9, 9))]) == WriteResult(1, 1)
    with opened(tmp_path / "new"):
        pass
    assert columns(tmp_path / "old") == columns(tmp_path / "new")
    assert count(tmp_path / "old") == 3


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with contextlib.closing(duckdb.connect(str(part_of(tmp_path)))) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 0)")
    with pytest.raises(IncompatibleSchema, match=r"schema 99.*Upgrade tracekit"):
        open_storage(tmp_path)


def test_the_table_has_the_columns_of_a_batch_and_docs_tell_them_all(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    found = columns(tmp_path)
    assert {name for table, name, *_ in found if table == "spans"} == {*COLUMN_NAMES, "adjusted_count"}
    text = (ROOT / "docs" / "schema.md").read_text()
    for table, name, kind, _ in found:
        section = text.split(f"## `{table}`")[1].split("\n## ")[0]
        assert f"| `{name}` | {kind} |" in section, (table, name, kind)
    for column in SPAN_COLUMNS:
        assert column.meaning in text, column.name


# ---------------------------------------------------------------- running spans


def snapshot(span_id: int) -> dict[str, Any]:
    return row(1, span_id, 0, 1000, attributes='{"tracekit.unfinished":true}', received_ns=T0)


def test_a_running_span_outlives_a_killed_collector_and_is_closed_once(tmp_path: Path) -> None:
    script = f"""
        import os
        from pathlib import Path
        from collector.storage.base import Grace
        from collector.storage.duckdb import open_storage
        from tests.collector.batches import batch, row, T0
        storage = open_storage(Path({str(tmp_path)!r}))
        marked = '{{"tracekit.unfinished":true}}'
        rows = [row(1, n, 0, 1000, attributes=marked, received_ns=T0 + n) for n in (1, 2, 3)]
        storage.writer.write([batch(*rows)])
        storage.writer.write([batch(row(1, 1))])
        storage.writer.close_unfinished(T0 + 2, Grace(0, 0))
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, cwd=ROOT)
    with opened(tmp_path) as storage:
        assert [s.failed for s in storage.reader.trace(trace(1))] == [False, True]
        assert storage.writer.close_unfinished(T0 + 3, Grace(0, 0)) == 1
        assert storage.writer.close_unfinished(T0 + 3, Grace(0, 0)) == 0
        assert [s.failed for s in storage.reader.trace(trace(1))] == [False, True, True]
    assert count(tmp_path) == 3


def test_a_snapshot_its_columns_cannot_hold_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        for bad in ({"name": "\ud800"}, {"flags": 2**32}):
            with pytest.raises(Rejected):
                storage.writer.write([batch(snapshot(1) | bad)])
        assert storage.writer.close_unfinished(T0 + 999 * SECOND, Grace(0, 0)) == 0


# ---------------------------------------------------------------- opening


def test_a_folder_in_use_is_named(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(DataFolderInUse, match=re.escape(str(tmp_path))):
        open_storage(tmp_path)


def test_a_file_open_in_another_program_is_named(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(part_of(tmp_path))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(DataFolderInUse, match=re.escape(str(tmp_path))):
            open_storage(tmp_path)
        other.communicate()
    assert count(tmp_path) == 0


def test_what_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "tracekit.duckdb").write_bytes(b"hello" * 9_000)
    with pytest.raises(StorageError, match="cannot be opened"):
        open_storage(tmp_path)
    assert (tmp_path / "tracekit.duckdb").read_bytes() == b"hello" * 9_000


def killed_with_wal(folder: Path, writes: int) -> Path:
    """A store whose process died after `writes` commits; its log."""
    script = f"""
        import os
        from pathlib import Path
        from collector.storage.duckdb import open_storage
        from tests.collector.batches import batch, row
        storage = open_storage(Path({str(folder)!r}))
        for n in range({writes}):
            storage.writer.write([batch(row(n + 1, 1))])
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, cwd=ROOT)
    return part_of(folder).with_suffix(".duckdb.wal")


def test_a_whole_log_is_taken_as_it_is(tmp_path: Path) -> None:
    killed_with_wal(tmp_path, 5)
    assert wal.set_damage_aside(part_of(tmp_path)) is None
    assert count(tmp_path) == 5


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (lambda whole: whole[:-20], 4),
        (lambda whole: whole + b"\0" * 4096, 5),
        (lambda whole: whole + b"garbage that is no frame" * 3, 5),
    ],
    ids=["torn", "zeros", "garbage"],
)
def test_a_damaged_log_is_kept_aside_and_what_is_whole_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any, kept: int
) -> None:
    log = killed_with_wal(tmp_path, 5)
    damaged = damage(log.read_bytes())
    log.write_bytes(damaged)
    assert count(tmp_path) == kept
    (copy,) = tmp_path.glob("*.damaged-*")
    assert copy.read_bytes() == damaged
    assert "is damaged" in caplog.text


def test_a_flipped_length_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = killed_with_wal(tmp_path, 5)
    whole = bytearray(log.read_bytes())
    middle = frame_starts(bytes(whole), wal._header_end(bytes(whole[:256])))[-4]
    whole[middle + 6] ^= 0xFF  # the length's second highest byte
    log.write_bytes(whole)
    wal.set_damage_aside(part_of(tmp_path))
    assert "may be lost" in caplog.text
    assert list(tmp_path.glob("*.damaged-*"))


def frame_starts(log: bytes, at: int) -> list[int]:
    starts = []
    while at < len(log):
        starts.append(at)
        at += 16 + int.from_bytes(log[at : at + 8], "little")
    return starts


# ---------------------------------------------------------------- duplicates


def test_a_retry_after_a_restart_is_recognised(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1), row(1, 2))])
    with opened(tmp_path) as storage:
        assert storage.writer.write([batch(row(1, 2), row(1, 3))]) == WriteResult(1, 1)


def test_a_retry_beyond_the_remembered_keys_is_recognised(tmp_path: Path) -> None:
    with opened(tmp_path, dedup_keys=4) as storage:
        storage.writer.write([batch(row(1, 1, received_ns=T0 + SECOND))])
        storage.writer.write([batch(*(row(n, 1) for n in range(2, 30)))])
        assert storage.writer.write([batch(row(1, 1, received_ns=T0 + SECOND))]) == WriteResult(0, 1)


def test_a_retry_whose_start_is_the_time_of_receipt_is_recognised(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1, start_ns=T0, received_ns=T0))])
    later = T0 + 60 * SECOND
    with opened(tmp_path) as storage:
        again = batch(row(1, 1, start_ns=later, received_ns=later))
        assert storage.writer.write([again]) == WriteResult(0, 1)


@pytest.mark.parametrize("make", KEY_SETS)
def test_keys_are_forgotten_by_generation_and_the_reach_is_known(make: Any) -> None:
    one, two, three, four = (key(trace(n), 1) for n in (1, 2, 3, 4))
    recent = RecentKeys(now_ns=100, size=4, make=make)
    recent.add(one + two, 200)
    assert (one in recent, recent.since_ns) == (True, 100)
    recent.add(three + four, 300)
    assert (one in recent, three in recent, recent.since_ns) == (False, True, 200)
    besides = recent.set_of(two)
    assert recent.unseen(one + two + three + one, besides) == [0]
    assert (len(besides), one in besides, two in besides) == (2, True, True)


@pytest.mark.skipif(len(KEY_SETS) < 2, reason="the one in C was not built")
def test_both_makes_of_key_sets_hold_the_same() -> None:
    chance = random.Random(5)
    sets = [[make() for make in KEY_SETS] for _ in range(3)]
    for _ in range(300):
        numbers = (chance.randrange(5_000) for _ in range(chance.randrange(60)))
        keys = b"".join(struct.pack(">QQQ", n % 7, n, n % 3) for n in numbers)
        for one in sets[1:]:
            if chance.random() < 0.2:
                for each_make in one:
                    each_make.update(keys)
        found = [one.add_unseen(keys, *others) for one, *others in zip(*sets)]
        assert found[0] == found[1]
        assert [len(one) for one in sets[0]] == [len(sets[0][0])] * 2
        assert all(key in one for one in sets[0] for key in each(keys) if key in sets[0][0])


@pytest.mark.skipif(choice.KEY_SET is None, reason="it was not built")
def test_a_set_in_c_lets_other_threads_run_and_refuses_those_that_use_it_meanwhile() -> None:
    assert choice.KEY_SET is not None
    keys, done = choice.KEY_SET(), threading.Event()
    many = random.Random(6).randbytes(24 * 500_000)
    refused = 0

    def add() -> None:
        keys.update(many)
        done.set()

    adding = threading.Thread(target=add)
    adding.start()
    while not done.is_set():
        try:
            len(keys)
        except RuntimeError:
            refused += 1
    adding.join()
    assert refused
    assert len(keys) == 500_000


def test_a_set_in_c_takes_whole_keys_only_and_one_of_zeros() -> None:
    if choice.KEY_SET is None:
        pytest.skip("it was not built")
    keys = choice.KEY_SET()
    keys.update(bytes(48))
    assert (len(keys), bytes(24) in keys, bytes(23) + b"1" in keys) == (1, True, False)
    assert keys.add_unseen(bytes(24), choice.KEY_SET(), choice.KEY_SET()) == []
    with pytest.raises(ValueError, match="24 bytes"):
        keys.update(b"x")


# ---------------------------------------------------------------- blocks


@pytest.fixture
def blocks_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.storage.duckdb.writer.BLOCK_SPANS", 10)


def spans_of(trace_number: int, count: int, **more: Any) -> SpanBatch:
    return batch(*(row(trace_number, span_id, **more) for span_id in range(1, count + 1)))


def test_a_block_is_cut_where_it_is_full(tmp_path: Path, blocks_of_ten: None) -> None:
    offered = [spans_of(number, 4) for number in (1, 2, 3, 4)]
    with opened(tmp_path) as storage:
        found = storage.writer.write_block(offered, [100, 200, 300, 400])
        assert (found.result, found.whole, len(found.rest or ())) == (WriteResult(10, 0), 2, 2)
        assert (storage.writer.mark(), storage.reader.stats().spans) == (200, 10)
        found = storage.writer.write_block([found.rest or SpanBatch.empty(), offered[3]], [300, 400])
        assert (found.result, found.whole, found.rest) == (WriteResult(6, 0), 2, None)
        assert (storage.writer.mark(), storage.reader.stats().spans) == (400, 16)


def test_a_block_that_ends_with_a_batch_leaves_nothing_of_it(tmp_path: Path, blocks_of_ten: None) -> None:
    with opened(tmp_path) as storage:
        found = storage.writer.write_block([spans_of(n, 5) for n in (1, 2, 3)], [1, 2, 3])
        assert (found.result, found.whole, found.rest, storage.writer.mark()) == (
            WriteResult(10, 0),
            2,
            None,
            2,
        )


def test_a_batch_larger_than_a_block_is_taken_in_parts(tmp_path: Path, blocks_of_ten: None) -> None:
    left: Any = spans_of(1, 25)
    with opened(tmp_path) as storage:
        sizes = []
        while left is not None:
            found = storage.writer.write_block([left], [7])
            left = found.rest
            sizes.append((found.result.stored, found.whole, storage.writer.mark()))
        assert sizes == [(10, 0, 0), (10, 0, 0), (5, 1, 7)]


def test_what_is_stored_already_does_not_count_towards_a_block(tmp_path: Path, blocks_of_ten: None) -> None:
    with opened(tmp_path) as storage:
        storage.writer.write([spans_of(1, 4)])
        found = storage.writer.write_block([spans_of(1, 6), spans_of(1, 6), spans_of(2, 9)], [1, 2, 3])
        assert (found.result, found.whole, len(found.rest or ())) == (WriteResult(10, 10), 2, 1)


def test_part_of_a_batch_is_not_stored_twice_by_a_restart_even_if_its_clock_is_ahead(
    tmp_path: Path, blocks_of_ten: None
) -> None:
    ahead = time.time_ns() + 3_600 * SECOND
    offered = [spans_of(n, 8, start_ns=ahead) for n in (1, 2)]
    with opened(tmp_path) as storage:
        assert storage.writer.write_block(offered, [1, 2]).whole == 1
    with opened(tmp_path) as storage:
        assert storage.writer.mark() == 1
        assert storage.writer.write([offered[1]], 2) == WriteResult(6, 2)


def test_a_running_span_in_the_rest_of_a_batch_is_ended_with_the_rest(
    tmp_path: Path, blocks_of_ten: None
) -> None:
    grace = Grace(0, 0)
    with opened(tmp_path) as storage:
        running = row(1, 12, attributes='{"tracekit.unfinished":true}')
        storage.writer.write([batch(running)])
        found = storage.writer.write_block([spans_of(1, 12)], [1])
        assert storage.writer._spans.due(2**62, grace), "its end is not stored yet"
        assert found.rest is not None
        storage.writer.write([found.rest], 1)
        assert not storage.writer._spans.due(2**62, grace)
        assert storage.reader.stats().spans == 12


def test_full_blocks_survive_a_kill_and_the_part_of_a_batch_is_told_from_its_rest(tmp_path: Path) -> None:
    """With the engine's real size: blocks are written to their place, not to the log."""
    script = f"""
        import os, pathlib
        from collector.storage.duckdb import open_storage
        from tests.collector.storage.test_duckdb import large_batches
        storage = open_storage(pathlib.Path({str(tmp_path)!r}))
        found = storage.writer.write_block(large_batches(), list(range(1, 17)))
        assert (found.whole, found.result.stored) == (15, storage.writer.block_spans), found
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True)
    assert done.returncode == -9, done.stderr
    (log,) = tmp_path.glob("*.duckdb.wal")
    assert log.stat().st_size < 100_000
    with opened(tmp_path) as storage:
        size = storage.writer.block_spans
        assert (storage.writer.mark(), storage.reader.stats().spans) == (15, size)
        left = 16 * 8_000 - size
        assert storage.writer.write(large_batches()[15:], 16) == WriteResult(left, 8_000 - left)
    assert count(tmp_path) == 16 * 8_000


def large_batches() -> list[SpanBatch]:
    return [large_batch(number, 8_000) for number in range(1, 17)]


def large_batch(number: int, size: int) -> SpanBatch:
    one = spans_of(number, 1)
    repeated = {name: values * size for name, values in one.columns.items()}
    return SpanBatch(repeated | {"span_id": list(range(1, size + 1))}, one.resources)


# ---------------------------------------------------------------- failures


def test_a_full_disk_is_refused_before_it_hurts(tmp_path: Path) -> None:
    with opened(tmp_path, disk_floor_bytes=2**60) as storage:
        with pytest.raises(RetryLater, match="MiB are free"):
            storage.writer.write([batch(row(1, 1))])
        assert storage.reader.stats().spans == 0


class Failing:
    """The writing connection, failing once when a statement starts with `on`."""

    def __init__(self, real: Any, on: str, error: Exception, after: bool = False) -> None:
        self._real, self._on, self._error, self._after = real, on, error, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, statement: str, *values: Any) -> Any:
        if not statement.lstrip("- `").upper().startswith(self._on.upper()):
            return self._real.execute(statement, *values)
        self._on = "never again"
        if self._after:
            self._real.execute(statement, *values)
        raise self._error


INVALIDATED = duckdb.FatalException(
    "FATAL Error: database has been invalidated because of a previous fatal error"
)
DURABLE = duckdb.FatalException("Transaction COMMIT succeeded and is durable, but the autocheckpoint failed")


@pytest.mark.parametrize(
    ("on", "error", "after"),
    [
        ("COMMIT", INVALIDATED, False),
        ("COMMIT", INVALIDATED, True),
        ("COMMIT", DURABLE, True),
        ("BEGIN", INVALIDATED, False),
    ],
)
def test_an_invalidated_database_is_reopened_and_nothing_is_lost_or_doubled(
    tmp_path: Path, on: str, error: Exception, after: bool
) -> None:
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1))])
        database = storage._database
        database._root = Failing(database._root, on, error, after)
        result = storage.writer.write([batch(row(1, 1), row(2, 1), row(2, 2))])
        assert result.stored + result.duplicates == 3
        assert storage.reader.stats().spans == 3
        assert storage.writer.write([batch(row(2, 2), row(3, 1))]) == WriteResult(1, 1)
    assert count(tmp_path) == 4


def test_what_could_not_be_reopened_is_opened_by_a_later_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise duckdb.IOException("no file descriptor is left")

    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1))], 1)
        database = storage._database
        database._root = Failing(database._root, "COMMIT", INVALIDATED)
        with monkeypatch.context() as broken, pytest.raises(RetryLater):
            broken.setattr(database, "_open", fail)
            storage.writer.write([batch(row(2, 1))], 2)
        assert storage.writer.write([batch(row(1, 1), row(2, 1))], 2) == WriteResult(1, 1)
        assert storage.reader.stats().spans == 2
    with pytest.raises(RetryLater, match="closed"):
        storage.writer.write([batch(row(3, 1))], 3)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (duckdb.IOException("could not write: no space left on device"), RetryLater),
        (duckdb.OutOfMemoryException("out of memory"), RetryLater),
        (duckdb.ConversionException("not a uuid"), Rejected),
    ],
)
def test_errors_say_whether_to_try_again(tmp_path: Path, error: Exception, outcome: type[Exception]) -> None:
    with opened(tmp_path) as storage:
        database = storage._database
        database._root = Failing(database._root, "COMMIT", error)
        with pytest.raises(outcome):
            storage.writer.write([batch(row(1, 1))])
        assert storage.reader.stats().spans == 0
        assert storage.writer.write([batch(row(1, 1))]) == WriteResult(1, 0)


def test_a_mark_is_as_durable_as_its_rows_and_rolled_back_with_them(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        storage.writer.write([batch(row(1, 1))], 7)
        database = storage._database
        database._root = Failing(database._root, "COMMIT", duckdb.IOException("no space left on device"))
        with pytest.raises(RetryLater):
            storage.writer.write([batch(row(1, 2))], 8)
        assert storage.writer.mark() == 7
    with opened(tmp_path) as storage:
        assert storage.writer.mark() == 7


def test_a_checkpoint_on_another_thread_leaves_writes_whole(tmp_path: Path) -> None:
    covered: list[int] = []
    with opened(tmp_path) as storage:
        done = threading.Event()

        def checkpoint() -> None:
            while not done.is_set():
                covered.append(storage.writer.checkpoint())

        thread = threading.Thread(target=checkpoint)
        thread.start()
        for n in range(1, 60):
            assert storage.writer.write([batch(row(n, 1))], n).stored == 1
        done.set()
        thread.join()
    assert covered == sorted(covered)
    assert len(covered) > 1
    assert count(tmp_path) == 59


def test_data_the_engine_does_not_take_is_rejected_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        with pytest.raises(Rejected):
            storage.writer.write([batch(row(1, 1)), batch(row(2, 1, trace_id="not a trace id"))])
        assert storage.reader.stats().spans == 0


def test_a_defect_of_ours_is_not_taken_for_the_datas(tmp_path: Path) -> None:
    """Senders would drop what is rejected, and the journal sets it aside at once: it is tried again."""
    with opened(tmp_path) as storage:
        good = storage.writer._origins.insert
        storage.writer._origins.insert = lambda batches: len(None)  # type: ignore[method-assign, arg-type]
        with pytest.raises(TypeError):
            storage.writer.write([batch(row(1, 1))])
        storage.writer._origins.insert = good  # type: ignore[method-assign]
        assert storage.writer.write([batch(row(1, 1))]) == WriteResult(1, 0)


def test_readers_of_several_threads_see_each_finished_write(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    with opened(tmp_path) as storage:
        written = threading.Event()

        def read() -> None:
            try:
                while not written.is_set():
                    before = storage.writer_count  # type: ignore[attr-defined]
                    found = storage.reader.functions(FunctionsQuery(WINDOW))
                    assert (found[0].calls if found else 0) >= before
            except BaseException as error:
                failures.append(error)

        storage.writer_count = 0  # type: ignore[attr-defined]
        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(40):
            storage.writer.write([batch(row(n + 1, 1))])
            storage.writer_count = n + 1  # type: ignore[attr-defined]
        written.set()
        for thread in threads:
            thread.join()
    assert not failures


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    storage.close()
    storage.close()
    with pytest.raises(RetryLater):
        storage.reader.trace(trace(1))
