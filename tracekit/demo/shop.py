"""The shop as it runs: hosts, store, broker, timer and customers, started and drained in the right order."""

from __future__ import annotations

import time
from pathlib import Path

from tracekit.demo import application, database
from tracekit.demo.broker import Broker
from tracekit.demo.fc_host import FcHost, timer_event
from tracekit.demo.functions_framework_host import FunctionsFrameworkHost
from tracekit.demo.lambda_host import LambdaHost
from tracekit.demo.ledger import Ledger
from tracekit.demo.load import Load
from tracekit.demo.object_store import ObjectStore
from tracekit.demo.processes import Processes
from tracekit.demo.timer import Timer


class Shop:
    """Runs from the moment it is made; `drain`, then `close`."""

    def __init__(
        self,
        folder: Path,
        otlp_endpoint: str,
        processes: Processes,
        ledger: Ledger,
        *,
        seed: int,
        rate: float,
    ) -> None:
        database_file = folder / "shop.db"
        database.create(database_file, seed)
        environment = application.environment(otlp_endpoint)
        self._objects = ObjectStore(ledger)
        self._payments = LambdaHost(application.payments(), processes, ledger, environment=environment)
        self._fc = FcHost(
            application.functions(database_file), processes, ledger, environment=environment, seed=seed
        )
        self._broker = Broker(application.TOPIC, "order-worker", self._consume, ledger)
        environment |= application.addresses(
            fc=self._fc.url, lambda_=self._payments.url, broker=self._broker.url, objects=self._objects.url
        )
        self._fc.set_environment(environment)
        self._objects.notify(application.UPLOADS, self._made_upload)
        self._storefront = FunctionsFrameworkHost(
            "storefront", application.STOREFRONT, processes, ledger, environment=environment
        )
        self._timer = Timer(
            self._report, first_s=application.TIMER_FIRST_S, every_s=application.TIMER_EVERY_S
        )
        self._load = Load(self._storefront, ledger, seed=seed, rate=rate)

    def drain(self, timeout_s: float) -> bool:
        """Ends the load, waits for what is under way, callers first. Returns whether all finished."""
        deadline = time.monotonic() + timeout_s
        self._load.stop()
        self._timer.stop()
        stages = (self._load, self._timer, self._broker, self._fc, self._payments)
        finished = [stage.drain(max(0.0, deadline - time.monotonic())) for stage in stages]
        return all(finished)

    def close(self) -> None:
        """Stops the functions, telling them first so that they can flush, then what they used."""
        self._load.close()
        self._broker.close()
        self._storefront.close()
        self._fc.close()
        self._payments.close()
        self._objects.close()

    def _consume(self, batch: bytes) -> bool:
        response = self._fc.invoke("order-worker", batch, {}, caller=application.TOPIC, kind="deliver")
        return response.status == 200 and "X-Fc-Error-Type" not in response.headers

    def _made_upload(self, bucket: str, event: bytes) -> None:
        self._fc.invoke_async(
            "thumbnailer", event, caller=bucket, kind="storage", retries=application.THUMBNAIL_RETRIES
        )

    def _report(self) -> None:
        event = timer_event(application.TIMER_NAME, ",".join(database.CATEGORIES[:6]))
        self._fc.invoke_async("stock-report", event, caller="timer", kind="timer")
