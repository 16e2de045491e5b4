"""Composition of the collector: storage, ingest and receivers, opened in this order and closed in reverse."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from collector.ingest import Ingest
from collector.receivers.http_server import serving
from collector.receivers.otlp_grpc import serving_grpc
from collector.receivers.otlp_http import OtlpHttp
from collector.settings import Address, Settings
from collector.storage.base import Grace, SpanWriter
from collector.storage.duckdb import DatabaseOptions, DuckDBStorage, open_storage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """Where the receivers really listen."""

    otlp_http: Address
    otlp_grpc: Address | None


def build_app(ingest: Ingest, settings: Settings) -> OtlpHttp:
    """The ASGI application of OTLP/HTTP."""
    return OtlpHttp(ingest, settings.max_body_bytes, settings.body_timeout_s)


def open_store(settings: Settings) -> DuckDBStorage:
    """The store of the settings' data folder. Raises StorageError, with a sentence for the user."""
    options = DatabaseOptions(f"{settings.store_memory_bytes // 2**20}MiB", settings.store_threads)
    return open_storage(
        settings.data_dir,
        options,
        dedup_keys=settings.dedup_spans,
        disk_floor_bytes=settings.disk_floor_bytes,
    )


@contextlib.contextmanager
def open_ingest(writer: SpanWriter, settings: Settings) -> Iterator[Ingest]:
    """Ingest while the context lasts; leaving it commits everything admitted."""
    grace = Grace(round(settings.unfinished_grace_s * 1e9), round(settings.timeout_grace_s * 1e9))
    ingest = Ingest(writer, settings.max_queue_bytes, grace=grace)
    before = gc.get_threshold()
    # Decoding makes many short-lived tuples and no cycles: at the defaults the collector of garbage walks
    # the whole heap over and over, a quarter of the decoder's time.
    gc.set_threshold(100_000, 20, 50)
    try:
        yield ingest
    finally:
        gc.set_threshold(*before)
        if not ingest.close():
            log.error("payloads that were never acknowledged could not be committed in time")


@contextlib.asynccontextmanager
async def run_receivers(ingest: Ingest, settings: Settings) -> AsyncIterator[Bound]:
    """All receivers listen while the context lasts. OSError, naming the address, if one is taken.

    Installs no signal handlers: leave the context to stop. Compose as

        with closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
            async with run_receivers(ingest, settings) as bound:
                ...
    """
    async with contextlib.AsyncExitStack() as stack:
        http = serving(build_app(ingest, settings), settings.otlp_http, settings.header_timeout_s)
        http_address = await stack.enter_async_context(http)
        grpc_address = None
        if settings.otlp_grpc:
            grpc = serving_grpc(ingest, settings.otlp_grpc, settings.max_body_bytes)
            grpc_address = await stack.enter_async_context(grpc)
        yield Bound(http_address, grpc_address)
