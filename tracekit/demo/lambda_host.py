"""AWS Lambda on loopback: the Invoke API in front, one sandbox for each concurrent call behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping

from tracekit.demo.instance_pool import InstancePool
from tracekit.demo.lambda_instance import InstanceLost, LambdaFunction, LambdaInstance, Outcome
from tracekit.demo.ledger import CALLER_HEADER, Ledger
from tracekit.demo.processes import Processes
from tracekit.demo.web import Loopback, Request, Response

REAP_EVERY_S = 0.5


class LambdaHost:
    """`POST /2015-03-31/functions/{name}/invocations` invokes the one deployed function and waits."""

    def __init__(
        self,
        function: LambdaFunction,
        processes: Processes,
        ledger: Ledger,
        *,
        environment: Mapping[str, str],
        idle_s: float = 5.0,
    ) -> None:
        self._function = function
        self._processes = processes
        self._ledger = ledger
        self._environment = environment
        self._pool: InstancePool[LambdaInstance] = InstancePool(
            self._start, LambdaInstance.stop, limit=function.limit, idle_s=idle_s
        )
        self._closing = threading.Event()
        self._reaper = threading.Thread(target=self._reap, name="lambda-reaper", daemon=True)
        self._reaper.start()
        self._server = Loopback(self._answer)
        self.url = self._server.url

    @property
    def function_url(self) -> str:
        return f"{self.url}/2015-03-31/functions/{self._function.name}/invocations"

    def invoke(self, event: bytes, client_context: str = "", *, caller: str) -> Outcome:
        """Invokes and waits; a function's failure is an Outcome with `error` set."""
        outcome = self._serve(event, client_context)
        self._ledger.call(caller, self._function.name, "invoke")
        return outcome

    def drain(self, timeout_s: float) -> bool:
        """Waits until every sandbox has answered and flushed. Returns whether all have."""
        return self._pool.wait_idle(timeout_s)

    def close(self) -> None:
        self._closing.set()
        self._reaper.join(2)
        self._pool.reap(0.0)
        self._server.close()

    def _answer(self, request: Request) -> Response:
        if request.path != f"/2015-03-31/functions/{self._function.name}/invocations":
            return Response(404, b'{"Type":"User","Message":"Function not found"}')
        caller = request.headers.get(CALLER_HEADER, "unknown")
        try:
            outcome = self.invoke(
                request.body, request.headers.get("X-Amz-Client-Context", ""), caller=caller
            )
        except TimeoutError as error:
            return Response(429, json.dumps({"Type": "User", "Message": str(error)}).encode())
        headers = {"X-Amz-Executed-Version": self._function.version}
        if outcome.error:
            headers["X-Amz-Function-Error"] = outcome.error
        return Response(200, outcome.body, headers)

    def _serve(self, event: bytes, client_context: str) -> Outcome:
        instance = self._pool.acquire()
        try:
            outcome = instance.invoke(event, client_context)
        except InstanceLost as error:
            self._record(instance, error.outcome)
            self._pool.discard(instance)
            return Outcome(json.dumps({"errorMessage": str(error)}).encode(), "Unhandled")
        self._record(instance, "error" if outcome.error else "ok")
        return outcome

    def _record(self, instance: LambdaInstance, outcome: str) -> None:
        self._ledger.invocation(self._function.name, self._function.version, instance.id, outcome)

    def _start(self) -> LambdaInstance:
        instance = LambdaInstance(
            self._function, self._processes, self._environment, on_idle=self._pool.release
        )
        self._ledger.process_started(self._function.name)
        return instance

    def _reap(self) -> None:
        while not self._closing.wait(REAP_EVERY_S):
            self._pool.reap()
