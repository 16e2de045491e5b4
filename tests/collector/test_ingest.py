"""Ingest commits in groups, keeps payloads apart, and drains when it closes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from collector.decode.registry import Decoders
from collector.decode.result import Decoded
from collector.ingest import Busy, Ingest
from collector.model import SpanBatch
from collector.payload import Payload
from collector.storage.base import Grace, Rejected, RetryLater, WriteResult
from collector.storage.memory import MemoryStorage
from tests.collector.batches import SECOND, T0, batch, row


class Gated:
    """Waits for `gate`, remembers the size of its groups, and rejects those with a span named bad."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.groups: list[int] = []

    def write(self, batches: Sequence[SpanBatch], mark: int | None = None) -> WriteResult:
        self.entered.set()
        assert self.gate.wait(20)
        self.groups.append(len(batches))
        if any("bad" in b.columns["name"] for b in batches):
            raise Rejected("bad")
        return self.storage.writer.write(batches)

    def close(self) -> None:
        self.gate.set()


def decode(body: bytes, received_ns: int) -> Decoded:
    """`b"3"` is one span of trace 3, `b"bad"` one the writer rejects."""
    name = "bad" if body == b"bad" else "good"
    return Decoded(batch(row(1 if name == "bad" else int(body), 1, name=name)))


DECODERS: Decoders = {("traces", "protobuf"): decode}


def payload(body: bytes) -> Payload:
    return Payload("traces", "protobuf", body, T0)


async def exported(ingest: Ingest, *bodies: bytes, writer: Gated) -> list[Any]:
    tasks = [asyncio.create_task(ingest.export(payload(bodies[0])))]
    await asyncio.to_thread(writer.entered.wait, 20)
    tasks += [asyncio.create_task(ingest.export(payload(body))) for body in bodies[1:]]
    await asyncio.sleep(0.2)  # they wait behind the first
    writer.gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_payloads_that_wait_share_a_commit() -> None:
    writer = Gated()
    ingest = Ingest(writer, 1000, decoders=DECODERS)
    asyncio.run(exported(ingest, b"1", b"2", b"3", b"4", writer=writer))
    assert ingest.close()
    assert writer.groups == [1, 3]
    assert (ingest.stats().stored, ingest.stats().commits) == (4, 2)


def test_a_bad_payload_fails_alone() -> None:
    writer = Gated()
    ingest = Ingest(writer, 1000, decoders=DECODERS)
    results = asyncio.run(exported(ingest, b"1", b"2", b"bad", b"4", writer=writer))
    ingest.close()
    assert [type(result) for result in results] == [Decoded, Decoded, Rejected, Decoded]
    assert writer.storage.stats().spans == 3


def test_closing_commits_what_was_admitted_and_refuses_the_rest() -> None:
    writer = Gated()
    ingest = Ingest(writer, 1000, decoders=DECODERS)

    async def close_meanwhile() -> Any:
        admitted = asyncio.create_task(ingest.export(payload(b"1")))
        await asyncio.sleep(0.2)
        closing = asyncio.get_running_loop().run_in_executor(None, ingest.close)
        await asyncio.sleep(0.1)
        writer.gate.set()
        return await admitted, await closing

    assert asyncio.run(close_meanwhile())[1] is True
    assert writer.storage.stats().spans == 1
    with pytest.raises(Busy), ingest.reserve() as reservation:
        reservation.grow(1)


def test_the_budget_counts_bytes_until_they_are_given_back() -> None:
    ingest = Ingest(Gated(), 10)
    with ingest.reserve() as one:
        one.grow(8)
        with pytest.raises(RetryLater), ingest.reserve() as two:
            two.grow(3)
    with ingest.reserve() as large:
        large.grow(50)  # alone it may pass the budget, or it could never pass
        assert ingest.stats().queue_bytes == 50
    assert (ingest.stats().queue_bytes, ingest.stats().refused) == (0, 1)
    ingest.close()


def test_what_is_not_heard_of_is_closed_by_the_writer_but_not_right_after_a_start() -> None:
    storage = MemoryStorage()
    now = [T0]
    marked = '{"tracekit.unfinished":true}'

    def running(body: bytes, received_ns: int) -> Decoded:
        return Decoded(batch(row(1, 1, -99, attributes=marked, received_ns=received_ns - 99 * SECOND)))

    grace, decoders = Grace(60 * SECOND, SECOND), {("traces", "protobuf"): running}
    ingest = Ingest(storage.writer, 1000, lambda: now[0], grace, decoders)
    asyncio.run(ingest.export(payload(b"")))
    time.sleep(1.5)  # a look at the running spans happened, and was too early to judge
    assert storage.stats().spans == 0
    now[0] += 60 * SECOND
    deadline = time.monotonic() + 20
    while not ingest.stats().closed_unfinished and time.monotonic() < deadline:
        time.sleep(0.05)
    ingest.close()
    assert (storage.stats().spans, ingest.stats().closed_unfinished) == (1, 1)
