"""One instance of a Function Compute function: a process behind the documented custom-runtime contract."""

from __future__ import annotations

import http.client
import sys
import time
import uuid
from collections.abc import Mapping

from tracekit.demo.fc_function import FcFunction
from tracekit.demo.ports import free_port, listens
from tracekit.demo.processes import Processes
from tracekit.demo.web import Response, call

REGION = "cn-hangzhou"
ACCOUNT = "1234567890123456"
START_TIMEOUT_S = 20.0
PRE_STOP_TIMEOUT_S = 3.0

RUN = (sys.executable, "-m", "tracekit", "run")

# Headers that belong to one connection, or that only the platform may set.
_NOT_FORWARDED = (
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "content-type",
)


class InitializationError(Exception):
    """The instance did not come up, or its initializer failed; the message says why."""


class InstanceLost(Exception):
    """The process did not answer within the function's timeout and was killed, or it died while serving."""

    def __init__(self, message: str, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome
        """What the ledger calls it: timeout, or error when the process died by itself."""


class FcInstance:
    """Starts its process when made; not reusable after a timeout. Frozen whenever no call is being served."""

    def __init__(
        self, function: FcFunction, version: str, processes: Processes, environment: Mapping[str, str]
    ) -> None:
        self.id = f"c-{uuid.uuid4().hex[:16]}"
        self._function = function
        self._version = version
        self._processes = processes
        self._port = free_port()
        self._initialized = False
        self._child = processes.start(
            function.name,
            self._command(),
            env={**environment, **function.environment, **self._fc_environment()},
            cwd=function.versions[version],
        )

    def invoke(self, event: bytes, headers: Mapping[str, str], retry_count: int = 0) -> Response:
        """Serves one call, after initialization if it is the first.

        Raises InitializationError or InstanceLost; the instance must then be discarded.
        """
        request_id = headers.get("x-fc-request-id") or str(uuid.uuid4())
        self._child.thaw()
        if not self._initialized:
            self._initialize(request_id)
        forwarded = {
            k: v for k, v in headers.items() if not k.startswith("x-fc-") and k not in _NOT_FORWARDED
        }
        platform = self._headers(request_id, retry_count, "/invoke")
        try:
            return self._post("/invoke", event, forwarded | platform, self._function.timeout_s)
        except TimeoutError as error:
            self._child.kill()
            message = f"Function timed out after {self._function.timeout_s:g} seconds"
            raise InstanceLost(message, "timeout") from error
        except (OSError, http.client.HTTPException) as error:
            raise InstanceLost(f"Function instance exited unexpectedly: {error}", "error") from error
        finally:
            self._child.freeze()

    def stop(self) -> None:
        """Announces the end with /pre-stop, so that the function can flush, then ends the process."""
        self._child.thaw()
        if self._initialized and self._child.running:
            headers = self._headers(str(uuid.uuid4()), 0, "/pre-stop")
            try:
                call("GET", self._url("/pre-stop"), headers=headers, timeout_s=PRE_STOP_TIMEOUT_S)
            except (OSError, http.client.HTTPException):
                self._child.kill()  # it had its chance; the platform does not wait either
        self._processes.stop(self._child)

    def _initialize(self, request_id: str) -> None:
        self._wait_until_listening()
        headers = self._headers(request_id, 0, "/initialize")
        try:
            response = self._post("/initialize", b"", headers, START_TIMEOUT_S)
        except (OSError, http.client.HTTPException) as error:
            raise InitializationError(f"initializer of {self._function.name}: {error}") from error
        if response.status >= 300:
            raise InitializationError(response.body.decode(errors="replace"))
        self._initialized = True

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not listens(self._port):
            if not self._child.running or time.monotonic() > deadline:
                raise InitializationError(f"{self._function.name} did not start:\n{self._child.last_lines()}")
            time.sleep(0.005)

    def _post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        content = {"content-type": "application/octet-stream"}
        return call("POST", self._url(path), body, {**headers, **content}, timeout_s=timeout_s)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    def _command(self) -> list[str]:
        initializer = ["--initializer", self._function.initializer] if self._function.initializer else []
        run = [*RUN, "--runtime", "fc"]
        listen = ["--host", "127.0.0.1", "--port", str(self._port)]
        return [*run, *listen, *initializer, self._function.handler]

    def _fc_environment(self) -> dict[str, str]:
        return {
            "FC_FUNC_CODE_PATH": str(self._function.versions[self._version]),
            "FC_ACCOUNT_ID": ACCOUNT,
            "FC_FUNCTION_HANDLER": self._function.handler.replace(":", "."),
            "FC_FUNCTION_MEMORY_SIZE": str(self._function.memory_mb),
            "FC_FUNCTION_NAME": self._function.name,
            "FC_FUNCTION_VERSION": self._version,
            "FC_REGION": REGION,
            "FC_CUSTOM_LISTEN_PORT": str(self._port),
            "FC_INSTANCE_ID": self.id,
        }

    def _headers(self, request_id: str, retry_count: int, control_path: str) -> dict[str, str]:
        kind = {"/invoke": "0", "/initialize": "1", "/pre-stop": "2"}[control_path]
        deadline_ms = int((time.time() + self._function.timeout_s) * 1000)
        return {
            "x-fc-request-id": request_id,
            "x-fc-control-path": control_path,
            "x-fc-function-type": kind,
            "x-fc-function-name": self._function.name,
            "x-fc-function-handler": self._function.handler.replace(":", "."),
            "x-fc-function-memory": str(self._function.memory_mb),
            "x-fc-function-timeout": f"{self._function.timeout_s:g}",
            "x-fc-function-deadline": str(deadline_ms),
            "x-fc-region": REGION,
            "x-fc-account-id": ACCOUNT,
            "x-fc-version-id": self._version,
            "x-fc-qualifier": "prod",
            "x-fc-instance-id": self.id,
            "x-fc-retry-count": str(retry_count),
        }
