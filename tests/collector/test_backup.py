"""Backups and days as Parquet: everything, once, while data arrives, and back."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from collector import backup
from collector.errands import Errands, NotDone, ask, in_use
from collector.storage.base import StorageError
from collector.storage.duckdb import DataFolderInUse, DuckDBStorage, open_storage
from tests.collector.batches import SECOND, T0, batch, row, trace

DAY = 86_400 * SECOND


@contextlib.contextmanager
def opened(folder: Path, day: int = 0) -> Iterator[DuckDBStorage]:
    with contextlib.closing(open_storage(folder, clock=lambda: T0 + day * DAY)) as storage:
        yield storage


def filled(folder: Path, days: int = 3) -> Path:
    """A day with two spans each, one of them linked; day 1 is pinned, and its file forgotten."""
    for n in range(1, days + 1):
        with opened(folder, n) as storage:
            running = row(n, 9, n, 5, attributes='{"tracekit.unfinished":true}')
            storage.writer.write([batch(row(n, 1, n), row(n, 2, n, parent=1, links=[(1, 1)]), running)], n)
    with opened(folder, days) as storage:
        storage.care.pin(trace(1))
        storage.care.forget(storage.care.holdings()[0])
    with contextlib.closing(sqlite3.connect(folder / "control.sqlite")) as control:
        control.execute("CREATE TABLE rules (name TEXT)")
        control.execute("INSERT INTO rules VALUES ('slow')")
        control.commit()
    return folder


def everything(storage: DuckDBStorage) -> list[object]:
    return [storage.reader.trace(trace(n)) for n in range(1, 9)] + [storage.reader.linked_from(trace(1))]


@contextlib.contextmanager
def serving(folder: Path, storage: DuckDBStorage) -> Iterator[None]:
    """What a server's caretaker does, more often."""
    server, ended = Errands(folder, backup.errands_of(storage, folder)), threading.Event()

    def run() -> None:
        while not ended.wait(0.02):
            server.look()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_backup_is_a_store_that_holds_the_same(tmp_path: Path) -> None:
    data = filled(tmp_path / "data")
    said = backup.back_up(data, tmp_path / "copy")
    assert str(tmp_path / "copy") in said
    assert "restored 6 spans in 3 files" in backup.restore_to(tmp_path / "copy", tmp_path / "new")
    with opened(data, 3) as old, opened(tmp_path / "new", 3) as new:
        assert everything(new) == everything(old)
        assert (new.writer.mark(), new.care.pinned()) == (3, (trace(1),))
        assert new.writer.write([batch(row(3, 1, 3))]).stored == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "new" / "control.sqlite")) as control:
        assert control.execute("SELECT name FROM rules").fetchall() == [("slow",)]


def test_a_server_is_asked_for_its_backup_and_takes_data_meanwhile(tmp_path: Path) -> None:
    data = filled(tmp_path / "data")
    with opened(data, 3) as storage, serving(data, storage):
        done = threading.Event()
        written = []

        def write() -> None:
            while not done.is_set():
                written.append(storage.writer.write([batch(row(100 + len(written), 1, 3))]))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            backup.back_up(data, tmp_path / "copy")
        finally:
            done.set()
            writer.join()
        assert written
        with pytest.raises(NotDone, match="exists"):
            backup.back_up(data, tmp_path / "copy")
        assert list((data / "errands").iterdir()) == []
    with opened(tmp_path / "copy", 3) as copy:
        spans = copy.reader.stats().spans
        assert 6 <= spans <= 6 + len(written)
        assert len(everything(copy)) == 9


def test_a_server_that_ends_leaves_nobody_waiting(tmp_path: Path) -> None:
    data = filled(tmp_path / "data")
    with contextlib.ExitStack() as stack:
        stack.enter_context(opened(data, 3))
        ending = threading.Timer(0.5, stack.pop_all().close)
        ending.start()
        with pytest.raises(NotDone, match="ended before"):
            backup.back_up(data, tmp_path / "copy")
        ending.join()
    assert not (tmp_path / "copy").exists()


def test_what_a_server_does_not_know_is_said(tmp_path: Path) -> None:
    Errands(tmp_path, {}).look()
    folder = tmp_path / "errands"
    folder.mkdir()
    (folder / "1.request").write_text('{"errand": "dance", "path": "/"}')
    (folder / "2.request").write_text("nonsense")
    Errands(tmp_path, {}).look()
    assert "dance" in (folder / "1.answer").read_text()
    assert "error" in (folder / "2.answer").read_text()


def test_what_cannot_be_restored_is_refused_and_nothing_overwritten(tmp_path: Path) -> None:
    data = filled(tmp_path / "data")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StorageError, match="holds no backup"):
        backup.restore_to(tmp_path / "empty", tmp_path / "new")
    with pytest.raises(StorageError, match="holds a store already"):
        backup.restore_to(data, data)
    with pytest.raises(NotDone, match="no folder"):
        backup.back_up(tmp_path / "nowhere", tmp_path / "copy")


def test_a_restore_that_was_killed_is_done_again_or_finished_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.back_up(filled(tmp_path / "data"), tmp_path / "copy")
    rename, steps = Path.rename, itertools.count()

    def killed(path: Path, target: Path) -> Path:
        if next(steps) == die_at:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    for die_at in range(5):  # before it counts, and with none, one, two or three of four files in place
        steps = itertools.count()
        new = tmp_path / str(die_at)
        with pytest.raises(KeyboardInterrupt):
            backup.restore_to(tmp_path / "copy", new)
        if die_at == 0:
            backup.restore_to(tmp_path / "copy", new)
        else:
            with pytest.raises(StorageError, match="holds a store already"):
                backup.restore_to(tmp_path / "copy", new)
        with opened(new, 3) as storage:
            assert storage.reader.stats().spans == 6
        assert (new / "control.sqlite").stat().st_mode & 0o777 == 0o600
        assert not list(new.glob("restore.*"))


def test_a_day_as_parquet_is_read_by_other_tools_and_imported_once(tmp_path: Path) -> None:
    data = filled(tmp_path / "data")
    assert "exported 2 spans" in backup.export_day(data, "2023-11-16", tmp_path / "days")
    day = tmp_path / "days" / "2023-11-16"
    names = duckdb.sql(f"SELECT name FROM '{day}/spans.parquet'").fetchall()
    assert names == [("GET /",), ("GET /",)]
    assert "imported 2 spans" in backup.import_day(tmp_path / "other", day)
    assert backup.import_day(tmp_path / "other", day).startswith("imported 0 spans of 2023-11-16; 2 were")
    with opened(data, 3) as old, opened(tmp_path / "other", 3) as new:
        assert new.reader.trace(trace(2)) == old.reader.trace(trace(2))
        assert new.reader.stats().spans == 2
        assert [b.trace_id for b in new.reader.linked_from(trace(1))] == [trace(2)]


def test_days_that_are_none_are_refused(tmp_path: Path) -> None:
    data = filled(tmp_path / "data")
    with pytest.raises(StorageError, match="2023-11-16 to 2023-11-17"):
        backup.export_day(data, "1999-01-01", tmp_path / "days")
    with pytest.raises(StorageError, match=r"lacks spans\.parquet"):
        backup.import_day(data, tmp_path)
    with opened(data, 3), pytest.raises(NotDone, match="stop it"):
        backup.import_day(data, tmp_path)


# ---------------------------------------------------------------- who asks, and who answers


def test_who_looks_whether_a_server_runs_neither_keeps_one_from_starting_nor_takes_another_for_one(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "tracekit.lock"
    lock.touch()
    with lock.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)  # as in_use does for a moment
        assert not in_use(lock)
        ending = threading.Timer(0.05, fcntl.flock, (looking, fcntl.LOCK_UN))
        ending.start()
        with opened(tmp_path):
            assert in_use(lock)
            with pytest.raises(DataFolderInUse):
                open_storage(tmp_path)
        ending.join()


def asked(folder: Path, begun_within_s: float = 60.0) -> str:
    return ask(folder, "copy", folder / "target", "tracekit.lock", begun_within_s)


def test_who_asks_is_told_when_the_answer_could_not_be_written(tmp_path: Path) -> None:
    def copy(target: Path) -> str:
        (begun,) = (tmp_path / "errands").glob("*.begun")
        begun.with_suffix(".partial").mkdir()  # where the answer would be written
        return "done"

    def serve() -> None:
        with contextlib.suppress(IsADirectoryError):
            while True:
                server.look()

    with opened(tmp_path):
        server = Errands(tmp_path, {"copy": copy})
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(NotDone, match="could not say how it went"):
            asked(tmp_path)
        thread.join()


def test_nobody_waits_forever_for_a_server_that_does_not_begin(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(NotDone, match="did not begin"):
        asked(tmp_path, begun_within_s=0.0)
    assert list((tmp_path / "errands").iterdir()) == []


def test_what_nobody_waits_for_any_more_is_not_done(tmp_path: Path) -> None:
    folder = tmp_path / "errands"
    folder.mkdir()
    for name in ("1.request", "2.begun", "3.answer"):
        (folder / name).write_text('{"errand": "copy", "path": "/"}')
        os.utime(folder / name, (0, 0))  # their askers were killed long ago
    Errands(tmp_path, {"copy": lambda target: pytest.fail("done for nobody")}).look()
    assert list(folder.iterdir()) == []
