"""One run of the demo: server up, shop open, until time is up or somebody stops it, then everything down."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekit.demo.alerting import AlertingRefused, WebhookReceiver, create_rules
from tracekit.demo.incidents import incidents
from tracekit.demo.ledger import Ledger
from tracekit.demo.processes import Processes, StartFailed
from tracekit.demo.progress import Progress
from tracekit.demo.server import Server
from tracekit.demo.settings import Settings
from tracekit.demo.web import call

if TYPE_CHECKING:
    from tracekit.demo.shop import Shop

DRAIN_S = 25.0
DRAIN_WHEN_STOPPED_S = 3.0
"""After Ctrl-C nobody wants to wait: what has not finished by then is cut off."""

REQUIRED = {
    "awslambdaric": "awslambdaric",
    "functions_framework": "functions-framework",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.instrumentation.requests": "opentelemetry-instrumentation-requests",
    "PIL": "pillow",
    "requests": "requests",
    "duckdb": "duckdb",
    "fastapi": "fastapi",
}


def missing_packages() -> list[str]:
    """Distributions that the demo needs and this Python does not have."""
    return [distribution for module, distribution in REQUIRED.items() if not _is_installed(module)]


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


class Demo:
    """One run. `run` returns the exit status."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = Ledger()
        self._stopped = threading.Event()

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stopped.set())
        with _data_folder(self._settings.data) as data:
            processes = Processes(data / "demo" / "logs")
            try:
                self._run(data, processes)
            except StartFailed as error:
                return self._gave_up(error)
            finally:
                processes.stop_all()
            print(summary(self._ledger.snapshot()))
        return 0

    def _gave_up(self, error: Exception) -> int:
        if self._stopped.is_set():
            print("Stopped before the server was ready.")
            return 0
        print(error)
        return 1

    def _run(self, data: Path, processes: Processes) -> None:
        running = Server(self._settings, data, processes, stopping=self._stopped.is_set)
        print(f"Dashboards: {running.ui}", flush=True)
        for sentence in self._settings.moved:
            print(sentence)
        print(f"OTLP over HTTP: {running.otlp_http}   Logs: {data / 'demo' / 'logs'}", flush=True)
        if self._settings.incidents:
            self._send_incidents(running)
        receiver = WebhookReceiver(self._ledger)
        self._create_rules(running.ui, receiver.url)
        self._run_shop(data, processes, running)
        if self._settings.hold and not self._stopped.is_set():
            print(f"The load has ended; {running.ui} stays up until Ctrl-C.", flush=True)
            self._watch(running, None)
        running.stop()
        receiver.close()

    def _run_shop(self, data: Path, processes: Processes, running: Server) -> None:
        # Imported here: it needs the extra's packages, whose absence must end in a sentence.
        from tracekit.demo.shop import Shop

        settings = self._settings
        shop = Shop(
            data / "demo", running.otlp_http, processes, self._ledger, seed=settings.seed, rate=settings.rate
        )
        try:
            self._watch(running, settings.seconds)
            self._drain(shop, running)
        finally:
            shop.close()
        if settings.ledger is not None:
            self._ledger.write(settings.ledger)

    def _send_incidents(self, running: Server) -> None:
        body = incidents(time.time_ns(), self._settings.seed)
        answer = call(
            "POST", f"{running.otlp_http}/v1/traces", body, {"content-type": "application/x-protobuf"}
        )
        said = (
            f"{running.ui}/overview?from=now-1h&to=now"
            if answer.status == 200
            else f"not taken: {answer.status}"
        )
        print(f"Five incidents of the last two hours: {said}", flush=True)

    def _create_rules(self, ui: str, webhook: str) -> None:
        try:
            create_rules(ui, webhook)
        except AlertingRefused as error:
            print(f"Running without alerts: {error}", flush=True)

    def _watch(self, running: Server, seconds: float | None) -> None:
        """Shows progress until `seconds` are over or somebody stops the demo; revives a server that died."""
        progress = Progress(self._ledger.snapshot, shown=self._settings.progress)
        started = time.monotonic()
        while not self._stopped.wait(0.2):
            elapsed = time.monotonic() - started
            if seconds is not None and elapsed >= seconds:
                break
            running.revive()
            progress.update(elapsed)
        progress.close()

    def _drain(self, shop: Shop, running: Server) -> None:
        """Lets what is under way finish, for a while; for a shorter one once somebody pressed Ctrl-C."""
        started = time.monotonic()
        while not shop.drain(0.3):
            limit = DRAIN_WHEN_STOPPED_S if self._stopped.is_set() else DRAIN_S
            if time.monotonic() - started > limit:
                print("Some calls were cut off: they took too long to finish.", flush=True)
                return
            running.revive()


@contextlib.contextmanager
def _data_folder(given: Path | None) -> Iterator[Path]:
    """The folder for traces, made if need be; a temporary one is removed at the end."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="tracekit-demo-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)
    print("The traces were in a temporary folder, now removed; --data DIR keeps them.")


def summary(snapshot: dict[str, Any]) -> str:
    """What was seen, and what to try next."""
    invocations = snapshot["invocations"]
    calls = sum(row["count"] for row in invocations)
    failed = sum(row["count"] for row in invocations if row["outcome"] != "ok")
    served = sum(counts["served"] for counts in snapshot["processes"].values())
    fired = sum(row["count"] for row in snapshot["alerts"] if row["state"] == "firing")
    functions = len({row["function"] for row in invocations})
    return (
        f"Seen: {calls} calls of {functions} functions, {failed} failed, {served} cold starts, "
        f"{fired} alerts fired.\n"
        "Next: start `tracekit serve`, put @traced on a handler of yours, and call it with\n"
        "      OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 in its environment (docs/sdk.md)."
    )
