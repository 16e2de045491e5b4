"""One Lambda sandbox: the real awslambdaric process and the Runtime API that only it talks to."""

from __future__ import annotations

import base64
import json
import queue
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracekit.demo.processes import Processes
from tracekit.demo.web import Loopback, Request, Response

REGION = "us-east-1"
ACCOUNT = "123456789012"
RUNTIME_API = "/2018-06-01/runtime"


@dataclass(frozen=True)
class LambdaFunction:
    """A deployed function; `handler` is `module.function` in the folder `code`."""

    name: str
    handler: str
    code: Path
    version: str = "$LATEST"
    memory_mb: int = 512
    timeout_s: float = 30.0
    limit: int = 8
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"


@dataclass(frozen=True)
class Outcome:
    """What an invocation ended with. `error` is "" or the value of `X-Amz-Function-Error`."""

    body: bytes
    error: str = ""


@dataclass(frozen=True)
class _Invocation:
    request_id: str
    event: bytes
    client_context: str


class InstanceLost(Exception):
    """The sandbox exceeded the function's timeout and was killed, or its process died while serving."""

    def __init__(self, message: str, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class LambdaInstance:
    """Serves one invocation at a time; frozen from its question for the next one until there is one.

    `on_idle` is called when the runtime asks for the next invocation: the caller has had its answer before
    that, while the SDK was still flushing.
    """

    def __init__(
        self,
        function: LambdaFunction,
        processes: Processes,
        environment: Mapping[str, str],
        on_idle: Callable[[LambdaInstance], None],
    ) -> None:
        self.id = f"{time.strftime('%Y/%m/%d')}/[{function.version}]{uuid.uuid4().hex}"
        self._function = function
        self._processes = processes
        self._next: queue.SimpleQueue[_Invocation | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._on_idle = on_idle
        self._has_served = False
        self._api = Loopback(self._answer)
        self._child = processes.start(
            function.name,
            [sys.executable, "-m", "awslambdaric", function.handler],
            env={**environment, **function.environment, **self._lambda_environment()},
            cwd=function.code,
        )

    def invoke(self, event: bytes, client_context: str = "") -> Outcome:
        """Runs one invocation. Raises InstanceLost; the instance must then be discarded."""
        self._next.put(_Invocation(str(uuid.uuid4()), event, client_context))
        deadline = time.monotonic() + self._function.timeout_s
        while True:
            try:
                return self._outcomes.get(timeout=0.1)
            except queue.Empty:
                self._raise_if_lost(deadline)

    def stop(self) -> None:
        self._next.put(None)
        self._processes.stop(self._child)
        self._api.close()

    def _raise_if_lost(self, deadline: float) -> None:
        if not self._child.running:
            raise InstanceLost(f"Runtime exited\n{self._child.last_lines()}", "error")
        if time.monotonic() > deadline:
            self._child.kill()
            raise InstanceLost(f"Task timed out after {self._function.timeout_s:.2f} seconds", "timeout")

    def _answer(self, request: Request) -> Response:
        if request.path == f"{RUNTIME_API}/invocation/next":
            return self._serve_next()
        if request.path == f"{RUNTIME_API}/init/error":
            self._outcomes.put(Outcome(request.body, "Unhandled"))
            return Response(202)
        return self._take_result(request)

    def _serve_next(self) -> Response:
        if self._has_served:
            self._on_idle(self)
        invocation = self._wait_for_invocation()
        if invocation is None:
            return Response(410)
        self._has_served = True
        return Response(200, invocation.event, self._headers(invocation))

    def _wait_for_invocation(self) -> _Invocation | None:
        try:
            return self._next.get_nowait()
        except queue.Empty:
            self._child.freeze()
        invocation = self._next.get()
        self._child.thaw()
        return invocation

    def _take_result(self, request: Request) -> Response:
        _, _, verb = request.path.removeprefix(f"{RUNTIME_API}/invocation/").partition("/")
        if verb not in ("response", "error"):
            return Response(404)
        self._outcomes.put(Outcome(request.body, "Unhandled" if verb == "error" else ""))
        return Response(202, b'{"status":"OK"}', {"Content-Type": "application/json"})

    def _headers(self, invocation: _Invocation) -> dict[str, str]:
        deadline_ms = int((time.time() + self._function.timeout_s) * 1000)
        root, parent = uuid.uuid4().hex[:24], uuid.uuid4().hex[:16]
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self._function.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{root};Parent={parent};Sampled=1",
        }
        if invocation.client_context:
            decoded = base64.b64decode(invocation.client_context)
            headers["Lambda-Runtime-Client-Context"] = json.dumps(json.loads(decoded))
        return headers

    def _lambda_environment(self) -> dict[str, str]:
        return {
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": self._function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self._function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self._function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self.id,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "LAMBDA_TASK_ROOT": str(self._function.code),
            "_HANDLER": self._function.handler,
        }
