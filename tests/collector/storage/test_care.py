"""Forgetting: bytes come back, pinned traces stay, whatever interrupts it."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.model_metrics import MetricBatch
from collector.retention import Caretaker, part_bytes
from collector.settings import Limit
from collector.storage.base import InvalidQuery, RetryLater, Signal, StorageCare, WriteResult
from collector.storage.duckdb import DuckDBStorage, open_storage, parts
from tests.collector.batches import SECOND, T0, batch, row, trace
from tests.collector.signals import gauge, logs, metrics, record

DAY = 86_400 * SECOND


class Days:
    """A store with a day a write."""

    def __init__(self, folder: Path) -> None:
        self.now_ns = T0
        self.folder = folder

    def __call__(self) -> int:
        return self.now_ns

    @contextlib.contextmanager
    def opened(self, **options: Any) -> Iterator[DuckDBStorage]:
        with contextlib.closing(open_storage(self.folder, clock=self, **options)) as storage:
            yield storage

    def fill(self, storage: DuckDBStorage, days: int, spans: int = 3) -> None:
        """Day n holds trace n, which links to trace n - 1."""
        for n in range(1, days + 1):
            rows = (
                row(n, k, n, service=f"s{n}", resource_id=n, links=[(n - 1, 1)]) for k in range(1, spans + 1)
            )
            storage.writer.write([batch(*rows)], n)
            self.now_ns += DAY
        self.now_ns -= DAY


def stored(storage: DuckDBStorage) -> list[int]:
    return [n for n in range(1, 9) if storage.reader.trace(trace(n))]


def test_the_engine_keeps_the_contract(tmp_path: Path) -> None:
    with Days(tmp_path).opened() as storage:
        care: StorageCare = storage.care
        assert care.holdings() == ()


def test_a_day_is_forgotten_and_its_bytes_are_back(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 4)
        before = storage.reader.stats().bytes_on_disk
        found = storage.care.holdings()
        assert [(h.part, h.growing) for h in found] == [
            ("2023-11-14", False), ("2023-11-15", False), ("2023-11-16", False), ("2023-11-17", True)
        ]  # fmt: skip
        assert sum(h.bytes for h in found) == before
        Caretaker(storage.care, {"traces": Limit(age_s=1.5 * 86_400)}, days).look()
        assert stored(storage) == [3, 4]
        left = storage.care.holdings()
        files = [
            path for name in ("*.duckdb*", "edges.sums*", "attribute.keys") for path in tmp_path.glob(name)
        ]
        assert sum(h.bytes for h in left) == sum(map(parts.size_of, files))
        assert len(files) > 3
    assert sorted(p.name for p in tmp_path.glob("*.duckdb*")) == ["2023-11-16.duckdb", "2023-11-17.duckdb"]


def test_bytes_are_kept_within_five_percent_while_data_arrives(tmp_path: Path) -> None:
    days = Days(tmp_path)
    limit = 20 * 2**20
    chance = random.Random(1)
    with days.opened(part_bytes=limit // 25) as storage:
        caretaker = Caretaker(storage.care, {"traces": Limit(bytes=limit)}, days)
        kept = []
        for n in range(1, 40):
            # Most of a megabyte that does not compress.
            storage.writer.write([batch(row(n, 1, attributes=chance.randbytes(400_000).hex()))])
            storage.writer.write([batch(row(n, 2, attributes=chance.randbytes(400_000).hex()))])
            storage.writer.checkpoint()
            storage.writer._looked_ns = 0
            caretaker.look()
            kept.append(sum(h.bytes for h in storage.care.holdings()))
        assert caretaker.forgotten
        assert max(kept) <= 1.05 * limit
        assert min(kept[-8:]) >= 0.95 * limit - limit // 25


def test_what_goes_of_all_signals_of_a_day_goes_in_one_round(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        storage.writer.write(
            [batch(row(1, 1)), logs(record(1, "a")), metrics(gauge("g", (1, {"as_int": 1})))]
        )
        days.now_ns += DAY
        days.fill(storage, 1)
        old = Limit(age_s=1)
        Caretaker(storage.care, {"traces": old, "logs": old, "metrics": old}, lambda: T0 + 9 * DAY).look()
        assert [part.name for part in storage._database.parts.all] == ["2023-11-15"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_bytes_of_any_signal_are_kept_within_five_percent_beside_others(
    tmp_path: Path, signal: Signal
) -> None:
    """Logs and points that do not compress share files with spans, which stay."""
    days = Days(tmp_path)
    limit = 20 * 2**20
    chance = random.Random(1)
    with days.opened(part_bytes=part_bytes({signal: Limit(bytes=limit)}, 2**40)) as storage:
        caretaker = Caretaker(storage.care, {signal: Limit(bytes=limit)}, days)
        kept: list[int] = []
        for n in range(1, 31):
            large = chance.randbytes(400_000).hex()
            sent = logs(record(n, large)) if signal == "logs" else _points(n, large)
            storage.writer.write([batch(row(n, 1)), sent])
            sent = logs(record(-n, large[::-1])) if signal == "logs" else _points(-n, large[::-1])
            storage.writer.write([sent])
            storage.writer.checkpoint()
            storage.writer._looked_ns = 0
            caretaker.look()
            kept.append(sum(h.bytes for h in storage.care.holdings() if h.signal == signal))
        assert {holding.signal for holding in caretaker.forgotten} == {signal}
        assert max(kept) <= 1.05 * limit
        assert min(kept[-8:]) >= 0.95 * limit - limit // 25
        assert storage.reader.stats().spans == 30


def _points(n: int, text: str) -> MetricBatch:
    """A point of a series of its own, which the text names."""
    return metrics(gauge("g", (n, {"as_int": n, "attributes": {"a": text}})))


def test_a_file_that_was_never_written_goes(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.now_ns += DAY
        storage.writer.write([batch(row(1, 1))], 7)
        storage.care.care()
        assert (stored(storage), storage.writer.mark()) == ([1], 7)
    assert [path.name for path in tmp_path.glob("*.duckdb*")] == ["2023-11-15.duckdb"]


def test_what_is_being_written_cannot_be_forgotten(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 1)
        (holding,) = storage.care.holdings()
        storage.care.forget(holding)
        assert stored(storage) == [1]


# ---------------------------------------------------------------- pinned traces


def test_pinned_traces_stay_with_all_they_refer_to(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 4)
        whole = storage.reader.trace(trace(2))
        storage.care.pin(trace(2))
        storage.care.pin(trace(2))
        for holding in storage.care.holdings():
            storage.care.forget(holding)
        assert stored(storage) == [2, 4]
        assert storage.reader.trace(trace(2)) == whole
        assert len(storage.reader.linked_from(trace(1))) == 3
        assert storage.reader.stats().spans == 6
    with days.opened() as storage:
        assert storage.care.pinned() == (trace(2),)
        assert storage.reader.trace(trace(2)) == whole
        assert storage.writer.mark() == 4
        assert storage.writer.write([batch(row(2, 1, 2))]) == WriteResult(0, 1), "a retry is still known"
        storage.care.unpin(trace(2))
        storage.care.unpin(trace(3))
        assert (storage.care.pinned(), stored(storage)) == ((), [4])


def test_only_trace_ids_are_pinned(tmp_path: Path) -> None:
    with Days(tmp_path).opened() as storage, pytest.raises(InvalidQuery):
        storage.care.pin("x")


def test_a_kill_while_pinned_traces_move_leaves_them_once(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 2)
        storage.care.pin(trace(1))
        storage.care._move_pinned(storage._database.parts.written[0], "traces")
    with days.opened() as storage:
        assert len(storage.reader.trace(trace(1))) == 3
        for holding in storage.care.holdings():
            storage.care.forget(holding)
        assert len(storage.reader.trace(trace(1))) == 3


def test_pinned_traces_of_a_file_that_could_not_go_are_moved_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RetryLater("not now")

    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 2)
        storage.writer._database.checkpoint()
        storage.care.pin(trace(1))
        (old, _) = storage.care.holdings()
        with monkeypatch.context() as now, pytest.raises(RetryLater):
            now.setattr(storage._database, "drop", fail)
            storage.care.forget(old)
        storage.care.forget(old)
        assert (len(storage.reader.trace(trace(1))), storage.reader.stats().spans) == (3, 6)


def test_a_trace_that_was_pinned_while_others_moved_survives_a_kill(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        storage.writer.write([batch(row(1, 1), row(2, 1))])
        days.now_ns += DAY
        storage.writer.write([batch(row(3, 1))])
        storage.care.pin(trace(1))
        storage.care._move_pinned(storage._database.parts.written[0], "traces")
        storage.care.pin(trace(2))
    with days.opened() as storage:
        assert [len(storage.reader.trace(trace(n))) for n in (1, 2, 3)] == [1, 1, 1]


def test_nothing_is_pinned_while_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.storage.duckdb.care._PIN_WITHIN_S", 0.01)
    with Days(tmp_path).opened() as storage, storage.care._pinning, pytest.raises(RetryLater):
        storage.care.pin(trace(1))


# ---------------------------------------------------------------- one signal of several


def test_a_part_is_replaced_by_one_without_some_tables(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 3)
        database = storage._database
        database.rewrite(database.parts.written[1], ["span_links"])
        assert stored(storage) == [1, 3]
        assert len(database.rows("extent", {})) == 1
        names = [part.name for part in database.parts.written]
        assert names == ["2023-11-14", "2023-11-15-1", "2023-11-16"]
    with days.opened() as storage:
        assert (stored(storage), storage.writer.mark()) == ([1, 3], 3)
        assert storage._database.parts.newest.name == "2023-11-16"


def test_a_part_that_is_replaced_knows_what_was_received_still(tmp_path: Path) -> None:
    """Should the newest file be lost, it says how far the journal is stored; a retry is known anyway."""
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 1)
        storage.writer.write([logs(record(1, "a"))], 7)
        days.now_ns += DAY
        storage.writer.write([batch(row(2, 1))], 8)
        storage._database.rewrite(storage._database.parts.written[0], ["spans"])
    with days.opened() as storage:
        assert storage.writer.write([logs(record(1, "a"))]) == WriteResult(0, 1)
        newest = storage._database.parts.newest.path
    newest.write_bytes(b"hello" * 9_000)
    with days.opened() as storage:
        assert storage.writer.mark() == 7


def test_a_kill_while_a_part_is_replaced_leaves_one_of_both(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 2)
        storage._database.checkpoint()
        shutil.copy(tmp_path / "2023-11-14.duckdb", tmp_path / "kept")
        storage._database.rewrite(storage._database.parts.written[0], ["spans"])
    shutil.copy(tmp_path / "kept", tmp_path / "2023-11-14.duckdb")  # as if it had not been unlinked yet
    (tmp_path / "2023-11-14-2.duckdb.draft").write_bytes(b"half")
    with days.opened() as storage:
        assert storage.reader.stats().spans == 6
        assert stored(storage) == [1, 2]
    assert sorted(p.name for p in tmp_path.glob("*.duckdb*")) == ["2023-11-14-1.duckdb", "2023-11-15.duckdb"]


def test_a_kill_while_the_last_file_by_name_is_replaced_keeps_no_start_from_going_on(tmp_path: Path) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        storage.writer.write([batch(row(1, 1))])
    with days.opened(part_bytes=1) as storage:  # what follows goes to another part of the day
        storage.writer.write([batch(row(2, 1))])
        first = storage._database.parts.written[0]
        shutil.copy(first.path, tmp_path / "kept")
        storage._database.rewrite(first, ["spans"])
    shutil.move(tmp_path / "kept", first.path)
    with days.opened() as storage:
        assert stored(storage) == [1, 2]
        assert storage.reader.stats().spans == 2
    assert not first.path.exists()


def test_a_part_that_could_not_be_replaced_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise duckdb.OutOfMemoryException("no room")

    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 2)
        monkeypatch.setattr("collector.storage.duckdb.database._copy", fail)
        with pytest.raises(RetryLater):
            storage._database.rewrite(storage._database.parts.written[0], ["spans"])
        assert list(tmp_path.glob("*.draft*")) == []
        assert stored(storage) == [1, 2]


def test_a_file_the_engine_does_not_let_go_is_seen_by_nobody_and_goes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = Days(tmp_path)
    with days.opened() as storage:
        days.fill(storage, 4)
        database = storage._database
        first, second, third, _ = database.parts.written
        statement = database.statement

        def fail(text: str) -> None:
            if text.startswith("DETACH DATABASE"):
                raise RetryLater("not now")
            statement(text)

        monkeypatch.setattr(database, "statement", fail)
        database.drop(first)
        database.rewrite(second, ["spans"])
        assert (stored(storage), storage.reader.stats().spans) == ([2, 3, 4], 9)
        assert first.path.exists() and second.path.exists()
        with pytest.raises(RetryLater):
            storage.care.care()
        monkeypatch.undo()
        storage.care.care()
        assert not first.path.exists() and not second.path.exists()
        monkeypatch.setattr(database, "statement", fail)
        database.drop(third)
        database.reopen()
        assert not third.path.exists(), "what was forgotten does not come back"
        assert (stored(storage), storage.reader.stats().spans) == ([2, 4], 6)
