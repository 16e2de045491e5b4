"""A Function Compute on loopback: its invoke API in front, custom-runtime instances behind."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

from tracekit.demo.fc_function import FcFunction
from tracekit.demo.fc_instance import FcInstance, InitializationError, InstanceLost
from tracekit.demo.instance_pool import InstancePool
from tracekit.demo.ledger import CALLER_HEADER, Ledger
from tracekit.demo.processes import Processes
from tracekit.demo.web import Loopback, Request, Response

REAP_EVERY_S = 0.5
RETRY_DELAY_S = 1.0

Pool = InstancePool[FcInstance]


class FcHost:
    """`POST /2023-03-30/functions/{name}/invocations?qualifier=` invokes, waiting or (Async) not."""

    def __init__(
        self,
        functions: Iterable[FcFunction],
        processes: Processes,
        ledger: Ledger,
        *,
        environment: Mapping[str, str],
        seed: int = 0,
        idle_s: float = 5.0,
    ) -> None:
        self._functions = {function.name: function for function in functions}
        self._processes = processes
        self._ledger = ledger
        self._environment = environment
        self._random = Random(seed)
        self._idle_s = idle_s
        self._pools = {
            (f.name, version): self._pool(f, version)
            for f in self._functions.values()
            for version in f.versions
        }
        self._async = ThreadPoolExecutor(8, "fc-async")
        self._async_pending = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._reaper = threading.Thread(target=self._reap, name="fc-reaper", daemon=True)
        self._reaper.start()
        self._server = Loopback(self._answer)
        self.url = self._server.url

    def set_environment(self, environment: Mapping[str, str]) -> None:
        """What instances started from now on see; addresses of hosts are known only when all have started."""
        self._environment = environment

    def function_url(self, name: str) -> str:
        return f"{self.url}/2023-03-30/functions/{name}/invocations"

    def invoke(
        self,
        name: str,
        event: bytes,
        headers: Mapping[str, str],
        *,
        caller: str,
        kind: str = "invoke",
        retry_count: int = 0,
    ) -> Response:
        """Invokes and waits. A function's failure is a Response with `X-Fc-Error-Type`, as in FC."""
        function = self._functions[name]
        version = function.choose_version(self._random, headers.get("x-fc-qualifier", ""))
        request_id = str(uuid.uuid4())
        response = self._serve(
            function, version, event, {**headers, "x-fc-request-id": request_id}, retry_count
        )
        self._ledger.call(caller, name, kind)
        return Response(response.status, response.body, {**response.headers, "X-Fc-Request-Id": request_id})

    def invoke_async(self, name: str, event: bytes, *, caller: str, kind: str, retries: int = 0) -> None:
        """Invokes in the background; a failed invocation is repeated up to `retries` times."""
        with self._changed:
            self._async_pending += 1
        self._async.submit(self._run_async, name, event, caller, kind, retries)

    def drain(self, timeout_s: float) -> bool:
        """Waits for every invocation, background ones included. Returns whether all have finished."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            done = self._changed.wait_for(lambda: self._async_pending == 0, timeout_s)
        return done and all(p.wait_idle(deadline - time.monotonic()) for p in self._pools.values())

    def close(self) -> None:
        """Stops every idle instance, telling it first, then the server."""
        self._closing.set()
        self._reaper.join(2)
        self._async.shutdown(wait=False, cancel_futures=True)
        with ThreadPoolExecutor(4) as stoppers:
            list(stoppers.map(lambda pool: pool.reap(0.0), self._pools.values()))
        self._server.close()

    def _answer(self, request: Request) -> Response:
        prefix, _, rest = request.path.partition("/functions/")
        name, _, action = rest.partition("/")
        if prefix != "/2023-03-30" or action != "invocations" or name not in self._functions:
            return Response(404, b'{"Code":"FunctionNotFound"}')
        headers = {key.lower(): value for key, value in request.headers.items()}
        headers["x-fc-qualifier"] = request.query.get("qualifier", "")
        caller = headers.get(CALLER_HEADER, "unknown")
        if headers.get("x-fc-invocation-type", "Sync") == "Async":
            self.invoke_async(name, request.body, caller=caller, kind="invoke")
            return Response(202)
        return self.invoke(name, request.body, headers, caller=caller)

    def _serve(
        self, function: FcFunction, version: str, event: bytes, headers: Mapping[str, str], retry_count: int
    ) -> Response:
        pool = self._pools[function.name, version]
        try:
            instance = pool.acquire()
        except TimeoutError as error:
            return _failure(429, "ResourceExhausted", str(error))
        try:
            response = instance.invoke(event, headers, retry_count)
        except InstanceLost as error:
            self._record(function, version, instance, error.outcome)
            pool.discard(instance)
            return _failure(200, "UnhandledInvocationError", str(error))
        except InitializationError as error:
            self._record(function, version, instance, "init_error")
            pool.discard(instance)
            return _failure(200, "InitializationError", str(error))
        pool.release(instance)
        failed = response.headers.get("x-fc-status") == "404" or response.status >= 400
        self._record(function, version, instance, "error" if failed else "ok")
        if failed:
            return Response(200, response.body, {"X-Fc-Error-Type": "UnhandledInvocationError"})
        return Response(response.status, response.body)

    def _record(self, function: FcFunction, version: str, instance: FcInstance, outcome: str) -> None:
        self._ledger.invocation(function.name, version, instance.id, outcome)

    def _run_async(self, name: str, event: bytes, caller: str, kind: str, retries: int) -> None:
        try:
            for attempt in range(retries + 1):
                response = self.invoke(name, event, {}, caller=caller, kind=kind, retry_count=attempt)
                if "X-Fc-Error-Type" not in response.headers or self._closing.wait(
                    RETRY_DELAY_S * (attempt < retries)
                ):
                    return
        finally:
            with self._changed:
                self._async_pending -= 1
                self._changed.notify_all()

    def _pool(self, function: FcFunction, version: str) -> Pool:
        def start() -> FcInstance:
            instance = FcInstance(function, version, self._processes, self._environment)
            self._ledger.process_started(function.name)
            return instance

        return InstancePool(start, FcInstance.stop, limit=function.limit, idle_s=self._idle_s)

    def _reap(self) -> None:
        while not self._closing.wait(REAP_EVERY_S):
            for pool in self._pools.values():
                pool.reap()


def _failure(status: int, error_type: str, message: str) -> Response:
    body = json.dumps({"errorMessage": message, "errorType": error_type}).encode()
    return Response(status, body, {"X-Fc-Error-Type": error_type})


def timer_event(name: str, payload: str) -> bytes:
    """The event of FC's timer trigger, for now."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"triggerTime": now, "triggerName": name, "payload": payload}).encode()
