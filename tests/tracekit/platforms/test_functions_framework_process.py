"""Under the real functions-framework, in a process of its own."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("functions_framework", reason="the framework is part of tracekit[demo]")

HTTP = """
import functions_framework
from tracekit import traced, span
@functions_framework.http
@traced
def shop(request):
    with span("work"):
        if request.path == "/fail":
            raise ValueError("asked to")
    return ("busy", 503) if request.path == "/busy" else "hello"
"""
PLAIN = "def shop(request):\n    return 'plain'\n"
EVENT = """
import functions_framework
from tracekit import traced
@functions_framework.cloud_event
@traced
def shop(event):
    assert event["id"] == "e-1"
"""

ASGI = """
import functions_framework.aio
from tracekit import traced, span
@functions_framework.aio.http
@traced
async def shop(request):
    with span("work"):
        return ({"path": request.url.path}, 202)
"""
ASGI_PLAIN = """
import functions_framework.aio
@functions_framework.aio.http
async def shop(request):
    return "plain"
"""


@pytest.fixture
def serve(
    tmp_path: Path,
    start_process: Callable[..., subprocess.Popen[bytes]],
    collector: Any,
    port: int,
    listening: Callable[[int], None],
) -> Callable[..., Callable[..., int]]:
    def start(code: str, *options: str, **env: str) -> Callable[..., int]:
        (tmp_path / "main.py").write_text(code)
        command = [sys.executable, "-m", "functions_framework", "--target", "shop", "--source", "main.py"]
        command += ["--host", "127.0.0.1", "--port", str(port), *options]
        start_process(command, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **env)
        listening(port)

        def request(method: str, path: str, body: str = "", **headers: str) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            response.read()
            connection.close()
            return response.status

        return request

    return start


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def test_requests_are_recorded_with_their_outcome(serve: Callable[..., Any], collector: Any) -> None:
    request = serve(HTTP)
    traceparent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    assert request("GET", "/", traceparent=traceparent) == 200
    assert request("GET", "/busy") == 503
    assert request("GET", "/fail") == 500
    calls = {span.name: span for span in collector.spans if span.name.startswith("GET")}
    assert calls["GET /"].parent_span_id.hex() == "cd" * 8
    facts = {name: attributes(call) for name, call in calls.items()}
    assert [facts[name].get("http.response.status_code") for name in ("GET /", "GET /busy")] == [200, 503]
    assert facts["GET /fail"]["error.type"] == "ValueError"
    assert [calls[name].status.code for name in ("GET /", "GET /busy", "GET /fail")] == [0, 2, 2]
    assert len(collector.named("ColdStart")) == 1, "the worker was forked; the start is reported once"
    assert facts["GET /"]["faas.coldstart"] is True and facts["GET /busy"]["faas.coldstart"] is False


def test_a_cloud_event_is_a_message(serve: Callable[..., Any], collector: Any) -> None:
    request = serve(EVENT, "--signature-type", "cloudevent")
    headers = {
        "ce-id": "e-1",
        "ce-type": "object.finalized",
        "ce-source": "//storage",
        "ce-specversion": "1.0",
        "ce-traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01",
        "content-type": "application/json",
    }
    assert request("POST", "/", "{}", **headers) == 200
    [call] = [span for span in collector.spans if span.kind == 5]
    assert attributes(call)["cloudevents.event_type"] == "object.finalized"
    assert call.parent_span_id.hex() == "cd" * 8


def test_the_bootstrap_traces_a_plain_function(serve: Callable[..., Any], collector: Any) -> None:
    from tracekit import bootstrap

    request = serve(PLAIN, PYTHONPATH=bootstrap.__path__[0])
    assert request("GET", "/x") == 200
    assert len(collector.named("GET /x")) == 1
    [init] = collector.named("FunctionInitialization")
    assert init.end_time_unix_nano > init.start_time_unix_nano


def test_the_asgi_mode_is_recorded(serve: Callable[..., Any], collector: Any) -> None:
    request = serve(ASGI, "--asgi")
    assert request("PUT", "/x", traceparent="00-" + "ab" * 16 + "-" + "cd" * 8 + "-01") == 202
    [call] = collector.named("PUT /x")
    assert call.parent_span_id.hex() == "cd" * 8
    assert attributes(call)["http.response.status_code"] == 202
    assert collector.named("work")[0].parent_span_id == call.span_id


def test_the_bootstrap_traces_a_plain_function_in_asgi_mode(
    serve: Callable[..., Any], collector: Any
) -> None:
    from tracekit import bootstrap

    request = serve(ASGI_PLAIN, "--asgi", PYTHONPATH=bootstrap.__path__[0])
    assert request("GET", "/x") == 200
    assert len(collector.named("GET /x")) == 1
