"""A sender of OTLP/HTTP in a process of its own: payloads of 512 spans whose ids were never seen before.

    python benchmarks/otlp_load.py URL --connections 8 --seconds 5 [--gzip] [--rate SPANS_PER_SECOND]

Without a rate each connection sends its next payload when the last one is answered (closed loop); payloads
are made before the clock starts, so that the measured time is the collector's, or with --as-sent when they
leave. With a rate, payloads are made and leave on time whatever happens to the earlier ones, and latency
counts from the moment each was due (open loop). Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import struct
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import decode
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SPANS = decode.SPANS
_TEMPLATES = 8
# Spans begin within the second before their payload is made: how often that is put right.
_STAMPED_FOR_NS = 250_000_000
_SECOND_NS = 10**9
_TIME = struct.Struct("<Q")
# After a refusal. Retry-After says a second or more: this sender is ten times as impatient.
_PAUSE_S = 0.1


class Template:
    """One encoded payload whose ids and times can be replaced where they stand."""

    def __init__(self, seed: int) -> None:
        self._body = bytearray(decode.payload(seed))
        self._places: list[int] = []
        self._times: list[tuple[int, int]] = []  # place, nanoseconds after the first span may begin
        self._stamped_ns = 0
        at = 0
        for resource in ExportTraceServiceRequest.FromString(bytes(self._body)).resource_spans:
            for span in resource.scope_spans[0].spans:
                at = self._body.index(span.trace_id, at)
                self._places += (at + 8, self._body.index(span.span_id, at))
                for moment in (span.start_time_unix_nano, span.end_time_unix_nano):
                    self._times.append((self._body.index(_TIME.pack(moment), at), moment - decode.START_NS))

    def fresh(self) -> bytes:
        """The body as if its spans were just over: old ones would be looked up in the store as possible
        repetitions."""
        now = time.time_ns()
        if now - self._stamped_ns > _STAMPED_FOR_NS:
            self._stamped_ns = now
            for place, after_ns in self._times:
                _TIME.pack_into(self._body, place, now - _SECOND_NS + after_ns)
        ids = os.urandom(8 * len(self._places))
        for number, place in enumerate(self._places):
            self._body[place : place + 8] = ids[8 * number : 8 * number + 8]
        return bytes(self._body)


def payloads(count: int, seed: int, compressed: bool) -> Iterator[bytes]:
    templates = [Template(seed * _TEMPLATES + number) for number in range(_TEMPLATES)]
    fresh = (templates[number % _TEMPLATES].fresh() for number in range(count))
    return (gzip.compress(body, 1) if compressed else body for body in fresh)


class Connection(asyncio.Protocol):
    """One kept-alive connection: a request at a time, a future for its status."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: Any) -> None:
        transport.set_write_buffer_limits(2**24)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(self._buffer) < end + 4 + length:
            return
        del self._buffer[: end + 4 + length]
        if self.answer and not self.answer.done():
            self.answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_result(0)

    async def post(self, head: bytes, body: bytes) -> int:
        if self.transport.is_closing():  # the server has gone
            return 0
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.writelines([head % len(body), body])
        return await self.answer


class Load:
    """Sends until time or payloads are over."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.late = 0
        address = urlsplit(options.url)
        self._host, self._port = address.hostname, address.port
        coding = b"content-encoding: gzip\r\n" if options.gzip else b""
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nhost: {address.netloc}\r\n".encode()
            + b"content-type: application/x-protobuf\r\n"
            + coding
            + b"content-length: %d\r\n\r\n"
        )

    async def run(self) -> float:
        most = self.options.rate or self.options.expect
        count = int(self.options.seconds * most / SPANS) + self.options.connections
        made = payloads(count, self.options.seed, self.options.gzip)
        waiting = made if self.options.rate or self.options.as_sent else iter(deque(made))
        loop = asyncio.get_running_loop()
        connections = []
        for _ in range(self.options.connections):
            connections.append((await loop.create_connection(Connection, self._host, self._port))[1])
        print("ready", flush=True)
        began = time.perf_counter()
        sender = self._open_loop if self.options.rate else self._closed_loop
        await sender(connections, waiting, began)
        return time.perf_counter() - began

    async def _closed_loop(
        self, connections: list[Connection], waiting: Iterator[bytes], began: float
    ) -> None:
        async def send(connection: Connection) -> None:
            while time.perf_counter() - began < self.options.seconds:
                body = next(waiting, None)
                if body is None:
                    return
                if await self._post(connection, body, time.perf_counter()) != 200:
                    await asyncio.sleep(_PAUSE_S)

        await asyncio.gather(*map(send, connections))

    async def _open_loop(self, connections: list[Connection], waiting: Iterator[bytes], began: float) -> None:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in connections:
            free.put_nowait(connection)
        tasks = set()
        number = 0
        while time.perf_counter() - began < self.options.seconds:
            due = began + number * SPANS / self.options.rate
            number += 1
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            if len(tasks) > 4 * len(connections):  # a sender gives up what it cannot hold
                self.late += 1
                continue
            task = asyncio.create_task(self._when_free(free, next(waiting), due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def _when_free(self, free: asyncio.Queue[Connection], body: bytes, due: float) -> None:
        connection = await free.get()
        await self._post(connection, body, due)
        free.put_nowait(connection)

    async def _post(self, connection: Connection, body: bytes, due: float) -> int:
        status = await connection.post(self._head, body)
        self.statuses[status] += 1
        if status == 200:
            self.latencies.append(time.perf_counter() - due)
        return status

    def report(self, elapsed: float) -> dict[str, object]:
        ordered = sorted(self.latencies)
        acknowledged = len(ordered) * SPANS

        def at(share: float) -> float | None:
            place = min(int(share * len(ordered)), len(ordered) - 1)
            return round(1e3 * ordered[place], 1) if ordered else None

        return {
            "spans_per_s": round(acknowledged / elapsed),
            "acknowledged": acknowledged,
            "statuses": dict(self.statuses),
            "given_up": self.late,
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
            "max_ms": at(1.0),
            "seconds": round(elapsed, 2),
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument(
        "--as-sent", action="store_true", help="closed loop: payloads are made when they leave"
    )
    parser.add_argument("--rate", type=int, default=0, help="spans a second, open loop")
    parser.add_argument(
        "--expect", type=int, default=450_000, help="payloads are made for so many spans a second"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    load = Load(options)
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    elapsed = run(load.run())
    print(json.dumps(load.report(elapsed)))


if __name__ == "__main__":
    main()
