"""A Function Compute custom runtime for Python handlers (PLATFORMS.md §1.4).

`POST /initialize`, `POST /invoke`, `GET /pre-freeze`, `GET /pre-stop` on FC_CUSTOM_LISTEN_PORT, in threads,
so an instance may serve several requests at a time. Handlers get (event: bytes, context); one that fails
answers 404 in `x-fc-status` with {errorMessage, errorType, stackTrace}.

http.server is loaded before the function's code, so it counts as runtime initialization, which it is.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tracekit import ending, pipeline
from tracekit.hooks import run_initializer
from tracekit.load import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message
    from typing import Any

# Nobody waits for an answer of the function here, so the last delivery may take longer than a call's budget.
LAST_FLUSH_S = 2.0
MAX_BODY = 32 << 20  # FC's limit for a synchronous call


class FcFunction:
    """`context.function`."""

    def __init__(self, headers: Message) -> None:
        self.name = headers.get("x-fc-function-name") or os.environ.get("FC_FUNCTION_NAME", "")
        self.handler = headers.get("x-fc-function-handler") or os.environ.get("FC_FUNCTION_HANDLER", "")
        self.memory = _number(
            headers.get("x-fc-function-memory") or os.environ.get("FC_FUNCTION_MEMORY_SIZE")
        )
        self.timeout = _number(headers.get("x-fc-function-timeout"))
        self.initialization_timeout = _number(headers.get("x-fc-initialization-timeout"))
        self.version_id = headers.get("x-fc-version-id") or os.environ.get("FC_FUNCTION_VERSION", "")
        self.qualifier = headers.get("x-fc-qualifier") or os.environ.get("FC_QUALIFIER", "")


class FcTracing:
    """`context.tracing`: FC's own fields, and W3C's as FC 3.0 passes them on."""

    def __init__(self, headers: Message) -> None:
        self.span_context = headers.get("x-fc-tracing-opentracing-span-context", "")
        self.jaeger_endpoint = headers.get("x-fc-tracing-jaeger-endpoint", "")
        self.span_baggages = _baggage(headers.get("x-fc-tracing-opentracing-span-baggages"))
        self.traceparent = headers.get("traceparent", "")
        self.tracestate = headers.get("tracestate", "")


class FcContext:
    """The context of FC 3.0, without credentials' values anywhere but in `credentials`."""

    def __init__(self, headers: Message) -> None:
        self.request_id = headers.get("x-fc-request-id", "")
        self.requestId = self.request_id
        self.function = FcFunction(headers)
        self.region = headers.get("x-fc-region") or os.environ.get("FC_REGION", "")
        self.account_id = headers.get("x-fc-account-id") or os.environ.get("FC_ACCOUNT_ID", "")
        self.retry_count = _number(headers.get("x-fc-retry-count"))
        self.deadline_ms = _number(headers.get("x-fc-function-deadline"))
        self.instance_id = headers.get("x-fc-instance-id") or os.environ.get("FC_INSTANCE_ID", "")
        self.tracing = FcTracing(headers)


class FcServer(ThreadingHTTPServer):
    """Holds the loaded function. `initialize` runs its initializer once, as FC promises."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: str, initializer: str | None) -> None:
        super().__init__(address, FcRequest)
        self.handler_name = handler
        self.initializer_name = initializer
        self.handler: Callable[..., Any] | None = None
        self.initializer: Callable[..., Any] | None = None
        self.load_error: BaseException | None = None

    def load(self) -> None:
        """Imports the function. A failure is kept and answered to every call, as FC does."""
        try:
            self.handler, self.initializer = load(self.handler_name, self.initializer_name)
        except Exception as error:
            traceback.print_exc()
            self.load_error = error

    def invoke(self, event: bytes, context: FcContext) -> Any:
        """The handler's result. Raises what it raises."""
        if self.handler is None:
            raise self.load_error or RuntimeError("the function is not loaded")
        result = self.handler(event, context)
        if not hasattr(result, "__await__"):
            return result
        import asyncio  # 30 ms that only functions with async handlers should pay

        return asyncio.run(_finish(result))

    def initialize(self, context: FcContext) -> None:
        """Runs the initializer, if there is one. Raises what it raises."""
        if self.load_error is not None:
            raise self.load_error
        if self.initializer is not None:
            run_initializer(self.initializer, (context,))


class FcRequest(BaseHTTPRequestHandler):
    """One request from the platform."""

    server: FcServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        context = FcContext(self.headers)
        path = self.path.partition("?")[0]
        if path == "/invoke":
            self._run(context, lambda: self.server.invoke(body, context))
        elif path == "/initialize":
            self._run(context, lambda: self.server.initialize(context), "Initialize")
        else:
            self._answer(404, b"not found", "404")

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in ("/pre-freeze", "/pre-stop"):
            pipeline.get().last_flush(LAST_FLUSH_S)
            self._answer(200, b"", "200")
        else:
            self._answer(404, b"not found", "404")

    def _run(self, context: FcContext, call: Callable[[], Any], operation: str = "Invoke") -> None:
        print_line(f"FC {operation} Start RequestId: {context.request_id}")
        try:
            content = _encode(call())
        except BaseException as error:  # also SystemExit: a handler must not end the instance silently
            print_line("".join(traceback.format_exception(error)).rstrip())
            kind = "InitializationError" if operation == "Initialize" else "UnhandledInvocationError"
            self._answer(500 if operation == "Initialize" else 200, _error(error), "404", kind)
        else:
            self._answer(200, content, "200")
        print_line(f"FC {operation} End RequestId: {context.request_id}")

    def _body(self) -> bytes | None:
        text = self.headers.get("Content-Length", "0")
        length = int(text) if text.isdigit() else -1
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            self._answer(413 if length > MAX_BODY else 400, b"bad Content-Length", "404")
            return None
        return self.rfile.read(length)

    def _answer(self, status: int, body: bytes, fc_status: str, error_type: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-fc-status", fc_status)
        if error_type:
            self.send_header("X-Fc-Error-Type", error_type)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the platform's own lines are printed instead."""


def serve(handler: str, initializer: str | None, host: str, port: int | None) -> int:
    """Serves until SIGTERM or SIGINT; then the last flush. The exit status."""
    port = port if port is not None else _port()
    server = FcServer((host, port), handler, initializer)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    server.load()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    print_line(f"FunctionCompute python3 runtime inited. Listening on {host}:{server.server_address[1]}")
    stopping.wait()
    server.shutdown()
    server.server_close()
    ending.last_words()
    pipeline.get().last_flush(LAST_FLUSH_S)
    pipeline.close()
    return 0


def print_line(text: str) -> None:
    """A line of the function's log (stderr: FC collects both streams)."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


async def _finish(awaitable: Any) -> Any:
    return await awaitable


def _port() -> int:
    for name in ("FC_CUSTOM_LISTEN_PORT", "FC_SERVER_PORT"):
        text = os.environ.get(name, "")
        if text.isdigit():
            return int(text)
    return 9000


def _encode(result: Any) -> bytes:
    if isinstance(result, (bytes, bytearray)):
        return bytes(result)
    if isinstance(result, str):
        return result.encode("utf-8")
    return json.dumps(result, ensure_ascii=False, default=str).encode("utf-8")


def _error(error: BaseException) -> bytes:
    frames = traceback.extract_tb(error.__traceback__)
    stack = [[frame.filename, frame.lineno, frame.name, frame.line] for frame in frames]
    document = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack}
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _baggage(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(base64.b64decode(text or ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
