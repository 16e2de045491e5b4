"""Composition of the collector: storage, ingest and receivers, opened in this order and closed in reverse."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass

from collector import interpreter
from collector.allocator import give_large_blocks_back
from collector.api.telemetry import Telemetry
from collector.backup import errands_of
from collector.decode import choice
from collector.errands import Errands
from collector.forward import Forwarding
from collector.ingest import Ingest
from collector.journal import Journal
from collector.receivers import otlp_http, zipkin
from collector.receivers.access import Access
from collector.receivers.asgi import App
from collector.receivers.body import BodyLimits
from collector.receivers.cors import Cors
from collector.receivers.http_app import Doorway, HttpReceivers
from collector.receivers.http_server import serving
from collector.receivers.inflate import inflate
from collector.receivers.otlp_grpc import serving_grpc
from collector.receivers.tls import tls_of
from collector.retention import Caretaker, Limits, part_bytes
from collector.settings import Address, Settings, SettingsError
from collector.sqlchild import Allowance, ChildRunner
from collector.storage.base import Grace, SampledOut, SpanWriter, StorageCare, StorageError
from collector.storage.duckdb import (
    PART_BYTES,
    DatabaseOptions,
    DuckDBStorage,
    PythonKeySet,
    open_storage,
)
from collector.tokenfile import read_tokens

log = logging.getLogger(__name__)

ROUTES = (*otlp_http.ROUTES, *zipkin.ROUTES)
JOURNAL = "journal"
_USE_UP_S = 600.0
_DRAIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Bound:
    """Where the receivers really listen."""

    otlp_http: Address
    otlp_grpc: Address | None
    over_tls: bool = False

    @property
    def otlp_http_url(self) -> str:
        return f"{'https' if self.over_tls else 'http'}://{self.otlp_http}"


def build_doorway(settings: Settings, forwarding: Forwarding | None = None) -> Doorway:
    """Who may send, by the settings' tokens, and who gets a copy. Raises SettingsError if the file of the
    tokens cannot be used."""
    access = Access(read_tokens(settings.tokens_file) if settings.tokens_file else ())
    return Doorway(access, acknowledged=forwarding.offer) if forwarding else Doorway(access)


@contextlib.contextmanager
def open_forwarding(settings: Settings) -> Iterator[Forwarding | None]:
    """Copies go out while the context lasts; None if nobody gets any. OSError if the disk is of no use."""
    if not settings.forward_url:
        yield None
        return
    forwarding = Forwarding(
        settings.data_dir / "forward",
        settings.forward_url,
        dict(settings.forward_headers),
        settings.forward_max_bytes,
    )
    forwarding.start()
    try:
        yield forwarding
    finally:
        forwarding.close()


def telemetry_of(
    version: str,
    ingest: Ingest,
    settings: Settings,
    doorway: Doorway,
    forwarding: Forwarding | None = None,
    care: StorageCare | None = None,
) -> Telemetry:
    """What /metrics, /readyz and the status page tell, with `care` of the store, too."""
    return Telemetry(
        version,
        settings.data_dir,
        settings.max_queue_bytes,
        settings.disk_floor_bytes,
        ingest.stats,
        doorway.counts,
        forwarding.stats if forwarding else None,
        care.rollup_lag if care else None,
        care.sampled_out if care else SampledOut,
    )


def build_app(
    ingest: Ingest, settings: Settings, doorway: Doorway, operations: Mapping[str, App] | None = None
) -> App:
    """The ASGI application of everything that is taken over HTTP."""
    limits = BodyLimits(settings.max_body_bytes, settings.body_timeout_s)
    receivers = HttpReceivers(ingest, ROUTES, limits, doorway, operations)
    return Cors(receivers, settings.cors_origins) if settings.cors_origins else receivers


def open_store(settings: Settings) -> DuckDBStorage:
    """The store of the settings' data folder. Raises StorageError, with a sentence for the user."""
    options = DatabaseOptions(f"{settings.store_memory_bytes // 2**20}MiB", settings.store_threads)
    return open_storage(
        settings.data_dir,
        options,
        dedup_keys=settings.dedup_spans,
        disk_floor_bytes=settings.disk_floor_bytes,
        part_bytes=part_bytes(_limits(settings), PART_BYTES // (8 if settings.keep_one_of > 1 else 1)),
        make_keys=choice.KEY_SET or PythonKeySet,
    )


@contextlib.contextmanager
def serving_sql(store: DuckDBStorage, settings: Settings) -> Iterator[ChildRunner | None]:
    """Queries in SQL are run while the context lasts; None where the settings say that none are."""
    if not settings.serves_sql:
        yield None
        return
    source = store.snapshots(settings.disk_floor_bytes)
    allowance = Allowance(seconds=settings.sql_timeout_s)
    with contextlib.closing(ChildRunner(source, settings.data_dir / "sql", allowance)) as runner:
        yield runner


@contextlib.contextmanager
def caring(store: DuckDBStorage, settings: Settings) -> Iterator[None]:
    """While the context lasts, what is too old or too much is forgotten, and backups asked for are made."""
    errands = Errands(settings.data_dir, errands_of(store, settings.data_dir))
    caretaker = Caretaker(
        store.care, _limits(settings), errands=errands.look, keep_one_of=settings.keep_one_of
    )
    caretaker.start()
    try:
        yield
    finally:
        caretaker.close()


def _limits(settings: Settings) -> Limits:
    return {
        "traces": settings.retain_traces,
        "logs": settings.retain_logs,
        "metrics": settings.retain_metrics,
    }


@contextlib.contextmanager
def open_ingest(
    writer: SpanWriter, settings: Settings, drain_s: Callable[[], float] = lambda: _DRAIN_S
) -> Iterator[Ingest]:
    """Ingest while the context lasts; leaving it commits everything admitted, or what can be in `drain_s`,
    which is asked then: the rest is in the journal, or was never acknowledged."""
    _use_decoder(settings.decoder)
    give_large_blocks_back()
    make = functools.partial(
        Ingest,
        writer,
        settings.max_queue_bytes,
        grace=Grace(round(settings.unfinished_grace_s * 1e9), round(settings.timeout_grace_s * 1e9)),
        max_waiting_bytes=settings.max_waiting_bytes,
        quarantine=settings.data_dir / "quarantine",
        inflate=lambda body, coding: b"".join(inflate(body, coding, settings.max_body_bytes)),
    )
    behind = settings.acknowledge == "journal"
    if not behind and (settings.data_dir / JOURNAL).exists():
        _use_up(make(journal=_journal(writer, settings)))
    ingest = make(journal=_journal(writer, settings) if behind else None)
    try:
        with interpreter.shared_fairly():
            yield ingest
    finally:
        if not ingest.close(drain_s()):
            log.error(
                "not all was stored in time: %s",
                "the next start does it from the journal" if behind else "it was never acknowledged",
            )


def _use_decoder(name: str) -> None:
    try:
        choice.use(name)
    except LookupError as error:
        raise SettingsError(f"TRACEKIT_DECODER: {error.args[0]}") from error


def _journal(writer: SpanWriter, settings: Settings) -> Journal:
    folder = settings.data_dir / JOURNAL
    try:
        return Journal(folder, writer.mark(), settings.max_journal_bytes, settings.disk_floor_bytes)
    except OSError as error:
        raise StorageError(f"the journal in {folder} cannot be opened: {error.strerror}") from error


def _use_up(ingest: Ingest) -> None:
    """Store what an earlier run acknowledged on its journal, before answers wait for the commit again."""
    stored = ingest.settle(_USE_UP_S)
    if not ingest.close() or not stored:
        raise StorageError("the journal of an earlier run could not be stored: see the log, and try again")


@contextlib.asynccontextmanager
async def run_receivers(
    ingest: Ingest,
    settings: Settings,
    doorway: Doorway | None = None,
    operations: Mapping[str, App] | None = None,
) -> AsyncIterator[Bound]:
    """All receivers listen while the context lasts. OSError, naming the address, if one is taken.

    `operations` (health, metrics) are answered beside OTLP/HTTP, by path. Installs no signal handlers: leave
    the context to stop. Compose as

        with closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
            async with run_receivers(ingest, settings) as bound:
                ...
    """
    doorway, tls = doorway or build_doorway(settings), tls_of(settings)
    app = build_app(ingest, settings, doorway, operations)
    async with contextlib.AsyncExitStack() as stack:
        http = serving(app, settings.otlp_http, settings.header_timeout_s, tls.context() if tls else None)
        http_address = await stack.enter_async_context(http)
        grpc_address = None
        if settings.otlp_grpc:
            largest = min(settings.max_body_bytes, settings.max_grpc_bytes)
            grpc = serving_grpc(ingest, settings.otlp_grpc, largest, doorway, tls)
            grpc_address = await stack.enter_async_context(grpc)
        yield Bound(http_address, grpc_address, tls is not None)
