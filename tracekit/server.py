"""`tracekit serve`: collector and dashboards in one process. With cli.py the only module that knows all three
packages, to introduce them to each other."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import difflib
import importlib.util
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from errno import EADDRINUSE, EEXIST
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekit import __version__, serverfacts

if TYPE_CHECKING:
    from collector.alerts.store import AlertStore
    from collector.app import Bound
    from collector.forward import Forwarding
    from collector.ingest import Ingest
    from collector.settings import Address, Settings
    from collector.sqlchild import SavedQueries, SqlRunner
    from collector.stopping import Deadline
    from collector.storage.base import SpanReader
    from collector.storage.duckdb import DuckDBStorage
    from collector.triage.store import TriageStore
    from collector.views import SavedViews

log = logging.getLogger(__name__)

# What people decide, in the data folder.
CONTROL = "control.sqlite"
# Of the time there is to stop (collector.stopping): for an evaluation of alerts that is under way, for
# queries to notice that they were ended, and, kept while what was admitted is stored, for closing the store.
_EVALUATION_S, _END_READS_S, _CLOSE_S = 2.0, 2.0, 6.0
_PACKAGES = (
    "duckdb",
    "fastapi",
    "grpc",
    "httptools",
    "jinja2",
    "markdown_it",
    "nanoarrow",
    "uvicorn",
    "yaml",
)


def parser() -> argparse.ArgumentParser:
    """Flags of `tracekit serve`. Each is also a setting of the environment (docs/collector.md)."""
    flags = argparse.ArgumentParser(
        prog="tracekit serve",
        description="Takes OTLP in, stores it in one folder and serves the dashboards. Settings that have no "
        "flag here come from the environment: docs/collector.md lists them.",
    )
    flags.add_argument("--config", metavar="FILE", help="settings as TOML (default: TRACEKIT_CONFIG)")
    flags.add_argument("--data", metavar="DIR", help="folder of the store (default tracekit-data)")
    flags.add_argument("--otlp-http", metavar="HOST:PORT", help="OTLP/HTTP (default 127.0.0.1:4318)")
    flags.add_argument("--otlp-grpc", metavar="HOST:PORT", help="OTLP/gRPC, or off (default 127.0.0.1:4317)")
    flags.add_argument("--ui", metavar="HOST:PORT", help="dashboards (default 127.0.0.1:7318)")
    flags.add_argument("--forward", metavar="URL", help="send a copy of everything to this OTLP/HTTP backend")
    flags.add_argument(
        "--allow-public", action="store_true", help="allow addresses that other machines reach, without login"
    )
    flags.add_argument(
        "--ready-file", metavar="FILE", help="write the bound addresses here as JSON when ready"
    )
    return flags


def main(argv: Sequence[str]) -> int:
    """Serves until SIGINT or SIGTERM; the exit status. 2: a setting is wrong, 1: it could not start."""
    options = parser().parse_args(argv)
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return _fail(
            f"the server needs {', '.join(missing)}: install them with  pip install 'tracekit[server]'", 1
        )
    from collector.logformat import configure_logging
    from collector.settings import SettingsError
    from collector.storage.base import StorageError

    try:
        settings = _settings(options)
        configure_logging(settings.log_format)
        _warn_of_misspelt(os.environ)
        _run_server(settings, Path(options.ready_file) if options.ready_file else None)
    except SettingsError as error:
        return _fail(str(error), 2)
    except StorageError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(_sentence(error), 1)
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    from collector.configfile import read_config
    from collector.settings import Settings

    flags = {
        "data_dir": options.data,
        "otlp_http": options.otlp_http,
        "otlp_grpc": options.otlp_grpc,
        "ui": options.ui,
        "forward_url": options.forward,
        "allow_public": "1" if options.allow_public else None,
    }
    file = options.config or os.environ.get("TRACEKIT_CONFIG")
    return Settings.from_env(os.environ, flags, read_config(Path(file)) if file else None)


def _warn_of_misspelt(environ: Mapping[str, str]) -> None:
    """Names that look like settings of the server and are none; others may be the SDK's."""
    known = serverfacts.variables()
    for name in sorted(environ.keys() - known):
        close = difflib.get_close_matches(name, known, 1, 0.9) if name.startswith("TRACEKIT_") else ()
        if close:
            log.warning("%s is no setting; did you mean %s?", name, close[0])


def _sentence(error: OSError) -> str:
    """What the operating system says, and of which file; an address is in its words already."""
    words = "there is a file of this name" if error.errno == EEXIST else error.strerror or str(error)
    if error.errno == EADDRINUSE:
        return f"{words}; choose another with --otlp-http, --otlp-grpc or --ui"
    return f"{error.filename}: {words}" if error.filename else words


def _fail(message: str, status: int) -> int:
    print(f"tracekit: {message}", file=sys.stderr)
    return status


def _run_server(settings: Settings, ready_file: Path | None) -> None:
    from collector.alerts.store import AlertStore
    from collector.app import caring, open_forwarding, open_ingest, open_store, serving_sql
    from collector.sqlchild import SavedQueries
    from collector.stopping import Deadline
    from collector.triage.store import TriageStore
    from collector.views import SavedViews

    deadline = Deadline()
    # Opened in the order data flows, closed in reverse: receivers stop first, the store last.
    with (
        contextlib.closing(open_store(settings)) as store,
        contextlib.closing(_open_alerts(AlertStore, settings)) as alerts,
        contextlib.closing(TriageStore.open(settings.data_dir / CONTROL)) as triage,
        contextlib.closing(SavedQueries.open(settings.data_dir / CONTROL)) as saved,
        contextlib.closing(SavedViews.open(settings.data_dir / CONTROL)) as views,
        serving_sql(store, settings) as sql,
        caring(store, settings),
        open_ingest(store.writer, settings, lambda: deadline.left_s(_CLOSE_S)) as ingest,
        open_forwarding(settings) as forwarding,
    ):
        _event_loop_runner()(
            _listen(
                settings, store, alerts, triage, ingest, forwarding, ready_file, sql, saved, views, deadline
            )
        )
    # Closing the store ended a write that took too long: the interpreter must not go while a thread is there.
    ingest.close(deadline.left_s(_CLOSE_S))


def _open_alerts(kind: type[AlertStore], settings: Settings) -> AlertStore:
    path = settings.data_dir / CONTROL
    return kind.open(path, allow_private_webhooks=settings.allow_private_webhooks)


def _event_loop_runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return asyncio.run
    return uvloop.run


async def _listen(
    settings: Settings,
    store: DuckDBStorage,
    alerts: AlertStore,
    triage: TriageStore,
    ingest: Ingest,
    forwarding: Forwarding | None,
    ready_file: Path | None,
    sql: SqlRunner | None,
    saved: SavedQueries,
    views: SavedViews,
    deadline: Deadline,
) -> None:
    from collector.analysis.cost import with_changes
    from collector.api.export_api import exports
    from collector.api.operations import ALL, PROBES, operations
    from collector.api.status import status_document
    from collector.app import build_doorway, run_receivers, telemetry_of
    from collector.receivers.http_server import serving
    from dashboards.app import build_app
    from dashboards.settings import UiSettings

    stopped = asyncio.Event()

    def stop() -> None:
        deadline.begin()
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    doorway = build_doorway(settings, forwarding)
    telemetry = telemetry_of(__version__, ingest, settings, doorway, forwarding, store.care)
    async with run_receivers(ingest, settings, doorway, operations(telemetry, PROBES)) as bound:
        pages = UiSettings(
            allowed_hosts=settings.ui_hosts,
            otlp_endpoint=bound.otlp_http_url,
            prices=with_changes(settings.prices),
            currency=settings.currency,
            team_attribute=settings.ui_team_attribute,
            tag_attributes=settings.ui_tag_attributes,
            boards_folder=Path(settings.ui_boards or settings.data_dir / "dashboards"),
        )
        app = build_app(
            store.reader,
            alerts,
            pages,
            triage,
            lambda: status_document(telemetry.facts()),
            {**operations(telemetry, ALL), **exports(store)},
            store.logs,
            sql,
            saved,
            metrics=store.metrics,
            views=views,
            origins=store.origins,
        )
        async with (
            serving(app, settings.ui, settings.header_timeout_s) as ui,
            _ending_reads(store),
            _evaluating(store.reader, alerts, ui),
        ):
            _announce(bound, ui, settings, ready_file)
            await stopped.wait()
            print("tracekit: stopping; what was acknowledged is on disk", file=sys.stderr, flush=True)


@contextlib.asynccontextmanager
async def _ending_reads(store: DuckDBStorage) -> AsyncIterator[None]:
    """Pages that are being read fail, rather than have everything wait for their queries: the end of the
    event loop, the closing of the store, and what is still to be stored, on the same machine."""
    try:
        yield
    finally:
        await _on_a_thread_of_its_own(store.end_reads, _END_READS_S)


@contextlib.asynccontextmanager
async def _evaluating(reader: SpanReader, alerts: AlertStore, ui: Address) -> AsyncIterator[None]:
    from collector.alerts.dispatcher import Dispatcher
    from collector.alerts.evaluator import Evaluator

    # Messages link to the dashboards, whose address is known only now.
    alerts.policy = dataclasses.replace(alerts.policy, external_url=f"http://{ui}")
    evaluator = Evaluator(reader, alerts, Dispatcher(alerts.outbox, alerts.policy))
    evaluator.start()
    try:
        yield
    finally:
        await _on_a_thread_of_its_own(evaluator.stop, _EVALUATION_S)


async def _on_a_thread_of_its_own(step: Callable[[float], object], seconds: float) -> None:
    """Those of the event loop may all be taken by queries."""
    with ThreadPoolExecutor(1) as thread:
        await asyncio.get_running_loop().run_in_executor(thread, step, seconds)


def _announce(bound: Bound, ui: Address, settings: Settings, ready_file: Path | None) -> None:
    addresses = {
        "pid": os.getpid(),
        "otlp_http": bound.otlp_http_url,
        "otlp_grpc": str(bound.otlp_grpc or ""),
        "ui": f"http://{ui}",
    }
    print(
        f"tracekit {__version__}\n"
        f"  dashboards  {addresses['ui']}\n"
        f"  OTLP/HTTP   {addresses['otlp_http']}\n"
        f"  OTLP/gRPC   {addresses['otlp_grpc'] or 'off'}\n"
        f"  data        {settings.data_dir.resolve()}",
        flush=True,
    )
    if ready_file is not None:
        # Whole or not at all: a reader never sees half a file.
        partial = ready_file.with_name(ready_file.name + ".partial")
        partial.write_text(json.dumps(addresses))
        partial.replace(ready_file)
