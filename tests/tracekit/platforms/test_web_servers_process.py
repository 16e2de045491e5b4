"""Zero code under web servers, which are what most custom runtimes and containers of Function Compute are."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tracekit import bootstrap

pytest.importorskip("uvicorn")
pytest.importorskip("gunicorn")

ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 203, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
WSGI = """
def app(environ, start_response):
    start_response("203 OK", [("Content-Length", "2")])
    def body():
        yield b"o"
        yield b"k"
    return body()
"""
UVICORN = ["-m", "uvicorn", "web:app", "--host", "127.0.0.1", "--log-level", "warning", "--port"]
GUNICORN = ["-m", "gunicorn", "web:app", "--workers", "1", "--bind"]
FC = {
    "x-fc-request-id": "req-9",
    "x-fc-function-name": "shop",
    "x-fc-region": "cn-hangzhou",
    "x-fc-account-id": "42",
}


@pytest.fixture
def serve(
    tmp_path: Path,
    start_process: Callable[..., subprocess.Popen[bytes]],
    collector: Any,
    port: int,
    listening: Callable[[int], None],
) -> Callable[..., Callable[..., tuple[int, bytes]]]:
    def start(code: str, command: list[str]) -> Callable[..., tuple[int, bytes]]:
        (tmp_path / "web.py").write_text(code)
        address = f"127.0.0.1:{port}" if command[-1] == "--bind" else str(port)
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "PYTHONPATH": bootstrap.__path__[0]}
        start_process([sys.executable, *command, address], **env)
        listening(port)

        def request(method: str, path: str, **headers: str) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request(method, path, b"", headers)
            response = connection.getresponse()
            body = response.read()
            connection.close()
            return response.status, body

        return request

    return start


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


@pytest.mark.parametrize(
    ("code", "command"), [(ASGI, UVICORN), (WSGI, GUNICORN)], ids=["uvicorn", "gunicorn"]
)
def test_a_web_application_is_traced_without_touching_it(
    serve: Callable[..., Any], collector: Any, code: str, command: list[str]
) -> None:
    request = serve(code, command)
    assert request("POST", "/initialize", **FC, **{"x-fc-control-path": "/initialize"}) == (203, b"ok")
    traceparent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    assert request("GET", "/x", **FC, traceparent=traceparent) == (203, b"ok")
    assert request("POST", "/invoke", **FC, **{"x-fc-control-path": "/invoke"}) == (203, b"ok")
    collector.wait(6)
    [call] = collector.named("GET /x")
    facts = attributes(call)
    assert call.parent_span_id.hex() == "cd" * 8
    assert (facts["faas.invocation_id"], facts["http.response.status_code"]) == ("req-9", 203)
    assert facts["cloud.resource_id"] == "acs:fc:cn-hangzhou:42:functions/shop"
    [event] = collector.named("shop")
    assert attributes(event)["faas.trigger"] == "other"
    [phase], [whole] = collector.named("Initializer"), collector.named("ColdStart")
    assert phase.parent_span_id == whole.span_id


def test_a_knative_functions_handle_is_wrapped_when_it_is_served(recorded: Any) -> None:
    import asyncio

    from tracekit.bootstrap.activate import RUNTIMES

    class ASGIApplication:  # func-python's, as far as it matters here
        def __init__(self, function: Any) -> None:
            self.f = function

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.f.handle(scope, receive, send)

    class Function:
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})

    module = ModuleType("func_python.http")
    module.ASGIApplication = ASGIApplication  # type: ignore[attr-defined]
    RUNTIMES["func_python.http"](module)

    async def send(message: Any) -> None: ...

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(ASGIApplication(Function())(scope, None, send))
    assert recorded.named("GET /").attributes["http.response.status_code"] == 200
