"""A real collector on loopback, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.app import Bound, caring, open_ingest, open_store, run_receivers
from collector.ingest import Ingest
from collector.settings import Settings
from collector.storage.base import SpanReader, SpanWriter, Storage
from collector.storage.logs import LogReader
from collector.storage.metrics import MetricReader


@dataclass(frozen=True, slots=True)
class Running:
    http: str
    grpc: str
    port: int
    ingest: Ingest
    store: Storage

    @property
    def reader(self) -> SpanReader:
        """Reads after all that is acknowledged has been inserted."""
        assert self.ingest.settle()
        return self.store.reader

    @property
    def store_reader(self) -> SpanReader:
        """Reads what has been inserted so far."""
        return self.store.reader

    @property
    def logs(self) -> LogReader:
        assert self.ingest.settle()
        return self.store.logs

    @property
    def metrics(self) -> MetricReader:
        assert self.ingest.settle()
        return self.store.metrics


@contextlib.contextmanager
def collector(folder: Path, writer: SpanWriter | None = None, **overrides: str) -> Iterator[Running]:
    """`writer` stands in for the store's own, and answers wait for it; `overrides` are settings as text."""
    free = {"data_dir": str(folder), "otlp_http": "127.0.0.1:0", "otlp_grpc": "127.0.0.1:0"}
    behind = {"acknowledge": "commit"} if writer else {}
    settings = Settings.from_env({}, free | behind | overrides)
    with (
        contextlib.closing(open_store(settings)) as store,
        caring(store, settings),
        open_ingest(writer or store.writer, settings) as ingest,
        _receivers(ingest, settings) as bound,
    ):
        http, grpc = f"http://{bound.otlp_http}", str(bound.otlp_grpc)
        yield Running(http, grpc, bound.otlp_http.port, ingest, store)


@contextlib.contextmanager
def _receivers(ingest: Ingest, settings: Settings) -> Iterator[Bound]:
    started, stop = threading.Event(), asyncio.Event()
    found: list[Bound] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with run_receivers(ingest, settings) as bound:
            found.append(bound)
            started.set()
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(20)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
