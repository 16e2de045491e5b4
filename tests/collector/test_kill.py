"""kill -9 in the middle of load: what was acknowledged is there, once."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collector.app import open_ingest, open_store
from collector.settings import Settings
from collector.storage.base import SpanReader
from collector.storage.duckdb import open_storage
from tests.collector.batches import T0
from tests.collector.otlp import request, span

ROOT = Path(__file__).resolve().parents[2]
SERVE = """
import asyncio, contextlib, sys
from collector.app import open_ingest, open_store, run_receivers
from collector.settings import Settings

async def main():
    overrides = {"data_dir": sys.argv[1], "otlp_http": "127.0.0.1:0", "otlp_grpc": "off"}
    settings = Settings.from_env({}, overrides)
    with contextlib.closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
        async with run_receivers(ingest, settings) as bound:
            print(bound.otlp_http, flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""
HEADERS = {"content-type": "application/x-protobuf"}
SPANS = 40  # a payload


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", SERVE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process, f"http://{process.stdout.readline().strip()}/v1/traces"
        finally:
            process.kill()


class Client(threading.Thread):
    """Sends payloads until the server is gone; a payload without an answer is sent again next round."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.sent = 0
        self.acknowledged: set[bytes] = set()
        self.url = ""
        self.unanswered: bytes | None = None

    def body(self) -> tuple[bytes, bytes]:
        self.sent += 1
        trace_id = (self.number << 64 | self.sent).to_bytes(16, "big")
        spans = [span(i, trace_id=trace_id, start_time_unix_nano=T0 + i) for i in range(1, SPANS + 1)]
        return trace_id, request(*spans).SerializeToString()

    def run(self) -> None:
        with httpx.Client(timeout=20) as http, contextlib.suppress(httpx.TransportError):
            while True:
                trace_id, body = self.pending or self.body()
                self.pending = trace_id, body
                if http.post(self.url, content=body, headers=HEADERS).status_code == 200:
                    self.acknowledged.add(trace_id)
                    self.pending = None

    pending: tuple[bytes, bytes] | None = None

    def again(self, url: str) -> Client:
        """The same client for the next round: threads start only once."""
        successor = Client(self.number)
        successor.sent, successor.acknowledged, successor.pending = self.sent, self.acknowledged, self.pending
        successor.url = url
        return successor


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[SpanReader]:
    """The store after everything acknowledged is in it."""
    settings = Settings.from_env({}, {"data_dir": str(folder)})
    with contextlib.closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
        assert ingest.settle()
        yield store.reader


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    moments = random.Random(7)
    clients = [Client(number) for number in range(1, 5)]
    for _ in range(5):
        with serving(tmp_path) as (process, url):
            clients = [client.again(url) for client in clients]
            for client in clients:
                client.start()
            time.sleep(moments.uniform(0.2, 1.2))
            process.send_signal(signal.SIGKILL)
            for client in clients:
                client.join(30)
    acknowledged = set().union(*(client.acknowledged for client in clients))
    assert len(acknowledged) > 50, "there was no load worth the name"
    with opened(tmp_path) as reader:
        for trace_id in acknowledged:
            ids = [s.span_id for s in reader.trace(trace_id.hex())]
            assert ids == [f"{i:016x}" for i in range(1, SPANS + 1)]
        stats = reader.stats()
        unanswered = sum(client.pending is not None for client in clients)
        assert len(acknowledged) <= stats.traces <= len(acknowledged) + unanswered
        assert stats.spans == stats.traces * SPANS, "a payload was stored in part or twice"


@pytest.mark.slow
def test_a_polite_end_commits_what_was_admitted(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, url):
        body = Client(1).body()[1]
        assert httpx.post(url, content=body, headers=HEADERS).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) is not None
    with contextlib.closing(open_storage(tmp_path)) as storage:
        assert storage.reader.stats().spans == SPANS
    assert not list(tmp_path.glob("*.wal")), "a closed store leaves no log to replay"
