"""With a journal: an answer means it is there, and everything acknowledged gets into the store or aside."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from collector.decode.registry import Decoders
from collector.decode.result import Decoded
from collector.ingest import Busy, Ingest
from collector.journal import Journal
from collector.model import SpanBatch
from collector.payload import Payload
from collector.storage.base import BlockResult, Rejected, RetryLater, WriteResult
from collector.storage.memory import MemoryStorage
from tests.collector.batches import T0, batch, row


class Scripted:
    """A store that fails as told: `fail` gets the names of a write's spans and may raise."""

    def __init__(self, fail: Callable[[list[str]], None] = lambda names: None) -> None:
        self.storage = MemoryStorage()
        self.fail = fail
        self.gate = threading.Event()
        self.gate.set()

    def write(self, batches: Sequence[SpanBatch], mark: int | None = None) -> WriteResult:
        assert self.gate.wait(20)
        self.fail([name for b in batches for name in b.columns["name"]])
        return self.storage.write(batches, mark)

    def close_unfinished(self, now_ns: int, grace: Any) -> int:
        return 0

    def mark(self) -> int:
        return self.storage.mark()

    def checkpoint(self) -> int:
        return self.storage.checkpoint()

    def log_bytes(self) -> int:
        return 0

    def close(self) -> None:
        self.gate.set()


def decode(body: bytes, received_ns: int) -> Decoded:
    """`b"7"` is one span of trace 7 whose name is the body."""
    return Decoded(batch(row(int(body), 1, name=body.decode())))


DECODERS: Decoders = {("traces", "protobuf"): decode}


@contextlib.contextmanager
def running(folder: Path, writer: Any, **more: Any) -> Iterator[Ingest]:
    journal = Journal(folder / "journal", writer.mark(), 2**30, segment_bytes=65_536)
    more.setdefault("decoders", DECODERS)
    ingest = Ingest(
        writer,
        10_000,
        journal=journal,
        quarantine=folder / "quarantine",
        inflate=lambda body, coding: body[1:],
        **more,
    )
    try:
        yield ingest
    finally:
        writer.close()
        assert ingest.close()


def payload(number: int) -> Payload:
    return Payload("traces", "protobuf", str(number).encode(), T0)


def send(ingest: Ingest, *numbers: int) -> list[Any]:
    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(ingest.export(payload(n)) for n in numbers), return_exceptions=True)

    return asyncio.run(all_at_once())


def outcomes(results: list[Any]) -> set[type]:
    return {type(result) for result in results}


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_answer_does_not_wait_for_the_store(tmp_path: Path) -> None:
    writer = Scripted()
    writer.gate.clear()
    with running(tmp_path, writer) as ingest:
        assert outcomes(send(ingest, 1, 2, 3)) == {Decoded}
        assert writer.storage.stats().spans == 0
        writer.gate.set()
        assert ingest.settle()
        assert writer.storage.stats().spans == 3


def test_what_was_acknowledged_and_not_stored_is_stored_at_the_next_start(tmp_path: Path) -> None:
    def never(names: list[str]) -> None:
        raise RetryLater("no")

    with running(tmp_path, Scripted(never)) as ingest:
        assert outcomes(send(ingest, 1, 2, 3)) == {Decoded}
    writer = Scripted()
    with running(tmp_path, writer) as ingest:
        assert ingest.settle()
        assert (writer.storage.stats().spans, ingest.stats().replayed) == (3, 3)
        assert writer.mark() == ingest.stats().journal_end


def test_what_is_stored_is_not_replayed(tmp_path: Path) -> None:
    writer = Scripted()
    for start in range(3):
        with running(tmp_path, writer) as ingest:
            assert ingest.stats().replayed == 0
            send(ingest, start)
    assert (writer.storage.stats().spans, writer.storage.stats().duplicates) == (3, 0)


def test_a_compressed_payload_is_inflated_again_for_its_replay(tmp_path: Path) -> None:
    def never(names: list[str]) -> None:
        raise RetryLater("no")

    with running(tmp_path, Scripted(never)) as ingest:
        asyncio.run(ingest.export(Payload("traces", "protobuf", b"5", T0, b"x5", "gzip")))
    writer = Scripted()
    with running(tmp_path, writer) as ingest:
        assert ingest.settle()
        assert writer.storage.stats().spans == 1


def test_the_store_is_asked_again_until_it_takes_what_was_acknowledged(tmp_path: Path) -> None:
    left = [3]

    def thrice(names: list[str]) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise RetryLater("busy")

    writer = Scripted(thrice)
    with running(tmp_path, writer) as ingest:
        send(ingest, 1)
        assert ingest.settle()
        assert (writer.storage.stats().spans, ingest.stats().retries) == (1, 3)


def test_nothing_is_acknowledged_while_the_store_takes_nothing_and_again_when_it_does(tmp_path: Path) -> None:
    broken = [True]

    def full(names: list[str]) -> None:
        if broken[0]:
            raise RetryLater("the disk is full", 7.0)

    writer = Scripted(full)
    with running(tmp_path, writer) as ingest:
        send(ingest, 1)
        eventually(lambda: bool(ingest.stats().trouble))
        (refused,) = send(ingest, 2)
        assert (type(refused), refused.retry_after_s, str(refused)) == (RetryLater, 7.0, "the disk is full")
        broken[0] = False
        eventually(lambda: not ingest.stats().trouble)
        assert outcomes(send(ingest, 2)) == {Decoded}
        assert ingest.settle()
    assert writer.storage.stats().spans == 2


@pytest.mark.parametrize("error", [Rejected("never"), RuntimeError("a defect")])
def test_what_the_store_will_not_take_is_set_aside_and_its_neighbours_are_stored(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def no_thirteen(names: list[str]) -> None:
        if "13" in names:
            raise error

    writer = Scripted(no_thirteen)
    writer.gate.clear()
    with running(tmp_path, writer) as ingest:
        assert outcomes(send(ingest, 11, 12, 13, 14)) == {Decoded}
        writer.gate.set()
        assert ingest.settle()
        assert (writer.storage.stats().spans, ingest.stats().quarantined) == (3, 1)
        assert writer.mark() == ingest.stats().journal_end, "the next start does not meet it again"
    (kept,) = (tmp_path / "quarantine").iterdir()
    assert (kept.read_bytes(), kept.suffix) == (b"13", ".protobuf")
    assert "is kept as" in caplog.text


def test_a_payload_that_no_decoder_reads_any_more_is_set_aside_at_the_replay(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 0, 2**30, segment_bytes=65_536)
    journal.append([(payload(1), 1), (Payload("traces", "protobuf", b"nonsense", T0), 1), (payload(2), 1)])
    journal.close()
    writer = Scripted()
    with running(tmp_path, writer) as ingest:
        assert ingest.settle()
        assert (writer.storage.stats().spans, ingest.stats().quarantined) == (2, 1)


def test_payloads_are_refused_while_too_much_waits_for_the_store(tmp_path: Path) -> None:
    writer = Scripted()
    writer.gate.clear()
    with running(tmp_path, writer, max_waiting_bytes=1_000) as ingest:
        assert outcomes(send(ingest, 1, 2, 3)) == {Decoded}
        with pytest.raises(Busy, match="falling behind"), ingest.reserve() as reservation:
            reservation.grow(1)
        writer.gate.set()
        assert ingest.settle()
        eventually(lambda: ingest.stats().waiting_bytes == 0)
        with ingest.reserve() as reservation:
            reservation.grow(1)


def test_a_journal_that_cannot_be_written_answers_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Scripted()
    with running(tmp_path, writer) as ingest:
        send(ingest, 1)

        def broken(descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr("os.fdatasync", broken)
            (refused,) = send(ingest, 2)
        assert isinstance(refused, RetryLater) and "Input/output error" in str(refused)
        assert outcomes(send(ingest, 3)) == {Decoded}
        assert ingest.stats().waiting_bytes >= 0
        assert ingest.settle()


def test_a_payload_is_in_the_budget_only_while_it_is_on_its_way(tmp_path: Path) -> None:
    writer = Scripted()
    with running(tmp_path, writer) as ingest:
        send(ingest, *range(50))
        assert ingest.settle()
        eventually(lambda: ingest.stats().waiting_bytes == 0)


def test_a_client_that_goes_away_takes_back_the_wait_not_the_payload(tmp_path: Path) -> None:
    async def impatient(ingest: Ingest) -> None:
        task = asyncio.create_task(ingest.export(payload(1)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await ingest.export(payload(2))

    writer = Scripted()
    with running(tmp_path, writer) as ingest:
        asyncio.run(impatient(ingest))
        assert ingest.settle()
        assert writer.storage.stats().spans == 2


def test_a_torn_tail_holds_up_nobody(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 0, 2**30, segment_bytes=65_536)
    _, end = journal.append([(payload(1), 1), (payload(2), 1)])
    journal.close()
    (segment,) = (tmp_path / "journal").glob("*.seg")
    with segment.open("r+b") as file:
        file.truncate(4096 + end - 1)
    writer = Scripted()
    with running(tmp_path, writer) as ingest:
        assert ingest.settle()
        assert writer.storage.stats().spans == 1


def test_a_store_that_refuses_everything_stops_the_acknowledging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.ingest.inserting._FUSE_S", 0.3)
    defect = [True]

    def everything(names: list[str]) -> None:
        if defect[0] and names:
            raise Rejected("a defect of ours")

    writer = Scripted(everything)
    with running(tmp_path, writer) as ingest:
        send(ingest, *range(1, 11))
        eventually(lambda: bool(ingest.stats().trouble))
        (refused,) = send(ingest, 11)
        assert isinstance(refused, RetryLater) and "refused the last 10 payloads" in str(refused)
        defect[0] = False
        eventually(lambda: not ingest.stats().trouble)
        assert outcomes(send(ingest, 11)) == {Decoded}
        assert ingest.settle()
        assert (writer.storage.stats().spans, ingest.stats().quarantined) == (1, 10)


class InBlocks(Scripted):
    """A store that likes blocks of four spans."""

    block_spans = 4

    def __init__(self, fail: Callable[[list[str]], None] = lambda names: None) -> None:
        super().__init__(fail)
        self.blocks: list[int] = []

    def write_block(self, batches: Sequence[SpanBatch], marks: Sequence[int]) -> BlockResult:
        spans = [(place, number) for place, one in enumerate(batches) for number in range(len(one))]
        whole = next((place for place, number in spans[4:]), len(batches))
        rest = batches[whole].take([n for place, n in spans[4:] if place == whole]) if spans[4:] else None
        cut = rest is not None and len(rest) < len(batches[whole])
        taken = [
            *batches[:whole],
            *([batches[whole].take(range(len(batches[whole]) - len(rest)))] if cut else []),
        ]
        result = self.write(taken, marks[whole - 1] if whole else None)
        self.blocks.append(result.stored)
        return BlockResult(result, whole, rest if cut else None)


def three(body: bytes, received_ns: int) -> Decoded:
    """`b"7"` is three spans of trace 7."""
    return Decoded(batch(*(row(int(body), span_id, name=body.decode()) for span_id in (1, 2, 3))))


def test_what_waits_is_written_in_blocks_and_the_rest_after_them(tmp_path: Path) -> None:
    writer = InBlocks()
    writer.gate.clear()
    with running(tmp_path, writer, decoders={("traces", "protobuf"): three}) as ingest:
        assert outcomes(send(ingest, *range(1, 8))) == {Decoded}
        writer.gate.set()
        assert ingest.settle()
        assert (writer.storage.stats().spans, writer.storage.stats().duplicates) == (21, 0)
        assert writer.mark() == ingest.stats().journal_end
        eventually(lambda: ingest.stats().waiting_bytes == 0)
    assert writer.blocks and set(writer.blocks) == {4}


def test_a_payload_that_a_kill_left_stored_in_part_is_stored_once(tmp_path: Path) -> None:
    def never(names: list[str]) -> None:
        raise RetryLater("no")

    with running(tmp_path, Scripted(never), decoders={("traces", "protobuf"): three}) as ingest:
        send(ingest, 1, 2, 3)
    writer = InBlocks()
    writer.storage.write([three(b"1", T0).batch.take([0])])
    with running(tmp_path, writer, decoders={("traces", "protobuf"): three}) as ingest:
        assert ingest.settle()
        assert (writer.storage.stats().spans, writer.storage.stats().duplicates) == (9, 1)


def test_a_block_that_fails_is_written_as_any_group(tmp_path: Path) -> None:
    def no_thirteen(names: list[str]) -> None:
        if "13" in names:
            raise Rejected("never")

    writer = InBlocks(no_thirteen)
    writer.gate.clear()
    with running(tmp_path, writer, decoders={("traces", "protobuf"): three}) as ingest:
        assert outcomes(send(ingest, 11, 12, 13, 14)) == {Decoded}
        writer.gate.set()
        assert ingest.settle()
        assert (writer.storage.stats().spans, ingest.stats().quarantined) == (9, 1)
        assert writer.mark() == ingest.stats().journal_end
        eventually(lambda: ingest.stats().waiting_bytes == 0)
