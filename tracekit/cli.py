"""The `tracekit` command. The only module that knows all three packages, to introduce them to each other.

Each command's own options live with what it runs; here they are only found and started.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import importlib.util
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekit import __version__

if TYPE_CHECKING:
    from collector.alerts.store import AlertStore
    from collector.app import Bound
    from collector.ingest import Ingest
    from collector.settings import Address, Settings
    from collector.storage.base import SpanReader

COMMANDS = {
    "serve": "take OTLP in, store it, show it: collector and dashboards in one process",
    "demo": "run a small shop of real functions and watch it on the dashboards",
    "run": "call or serve a handler with tracing, without touching its source",
    "version": "print the version",
}
_SERVER_PACKAGES = ("duckdb", "fastapi", "grpc", "httptools", "jinja2", "nanoarrow", "uvicorn")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status. 2 means that the command line was wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command in ("-h", "--help", "help"):
        print(_help())
        return 0
    if command in ("version", "--version", "-V"):
        print(f"tracekit {__version__}")
        return 0
    if command == "run":
        from tracekit.run import main as run

        return run(rest)
    if command == "demo":
        from tracekit.demo import main as demo

        return demo(rest)
    if command == "serve":
        return _serve(rest)
    print(f"tracekit: there is no command {command!r}\n\n{_help()}", file=sys.stderr)
    return 2


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {meaning}" for name, meaning in COMMANDS.items()]
    return "\n".join(
        ["usage: tracekit COMMAND [options]", "", *lines, "", "tracekit COMMAND --help tells the options."]
    )


# ---------------------------------------------------------------- serve


def serve_parser() -> argparse.ArgumentParser:
    """Flags of `tracekit serve`. Each is also a setting of the environment (docs/collector.md)."""
    parser = argparse.ArgumentParser(
        prog="tracekit serve",
        description="Takes OTLP in, stores it in one folder and serves the dashboards. Settings that have no "
        "flag here come from the environment: docs/collector.md lists them.",
    )
    parser.add_argument("--data", metavar="DIR", help="folder of the store (default tracekit-data)")
    parser.add_argument("--otlp-http", metavar="HOST:PORT", help="OTLP/HTTP (default 127.0.0.1:4318)")
    parser.add_argument("--otlp-grpc", metavar="HOST:PORT", help="OTLP/gRPC, or off (default 127.0.0.1:4317)")
    parser.add_argument("--ui", metavar="HOST:PORT", help="dashboards (default 127.0.0.1:7318)")
    parser.add_argument(
        "--allow-public", action="store_true", help="allow addresses that other machines reach, without login"
    )
    parser.add_argument(
        "--ready-file", metavar="FILE", help="write the bound addresses here as JSON when ready"
    )
    return parser


def _serve(argv: Sequence[str]) -> int:
    options = serve_parser().parse_args(argv)
    missing = [name for name in _SERVER_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return _fail(
            f"the server needs {', '.join(missing)}: install them with  pip install 'tracekit[server]'", 1
        )
    from collector.settings import Settings, SettingsError
    from collector.storage.base import StorageError

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    flags = {
        "data_dir": options.data,
        "otlp_http": options.otlp_http,
        "otlp_grpc": options.otlp_grpc,
        "ui": options.ui,
        "allow_public": "1" if options.allow_public else None,
    }
    try:
        settings = Settings.from_env(os.environ, flags)
        _run_server(settings, Path(options.ready_file) if options.ready_file else None)
    except SettingsError as error:
        return _fail(str(error), 2)
    except (StorageError, OSError) as error:
        return _fail(str(error), 1)
    return 0


def _fail(message: str, status: int) -> int:
    print(f"tracekit: {message}", file=sys.stderr)
    return status


def _run_server(settings: Settings, ready_file: Path | None) -> None:
    from collector.alerts.store import AlertStore
    from collector.app import open_ingest, open_store

    # Opened in the order data flows, closed in reverse: receivers stop first, the store last.
    with (
        contextlib.closing(open_store(settings)) as store,
        contextlib.closing(_open_alerts(AlertStore, settings)) as alerts,
        open_ingest(store.writer, settings) as ingest,
    ):
        _event_loop_runner()(_listen(settings, store.reader, alerts, ingest, ready_file))


def _open_alerts(kind: type[AlertStore], settings: Settings) -> AlertStore:
    path = settings.data_dir / "control.sqlite"
    return kind.open(path, allow_private_webhooks=settings.allow_private_webhooks)


def _event_loop_runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return asyncio.run
    return uvloop.run


async def _listen(
    settings: Settings, reader: SpanReader, alerts: AlertStore, ingest: Ingest, ready_file: Path | None
) -> None:
    from collector.app import run_receivers
    from collector.receivers.http_server import serving
    from dashboards.app import build_app
    from dashboards.settings import UiSettings

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with run_receivers(ingest, settings) as bound:
        pages = UiSettings(allowed_hosts=settings.ui_hosts, otlp_endpoint=f"http://{bound.otlp_http}")
        app = build_app(reader, alerts, pages)
        async with (
            serving(app, settings.ui, settings.header_timeout_s) as ui,
            _evaluating(reader, alerts, ui),
        ):
            _announce(bound, ui, settings, ready_file)
            await stopped.wait()
            print("tracekit: stopping; what was acknowledged is on disk", file=sys.stderr, flush=True)


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
        await asyncio.to_thread(evaluator.stop)


def _announce(bound: Bound, ui: Address, settings: Settings, ready_file: Path | None) -> None:
    addresses = {
        "pid": os.getpid(),
        "otlp_http": f"http://{bound.otlp_http}",
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
