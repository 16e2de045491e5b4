"""`tracekit run --runtime fc` speaks Function Compute's custom-runtime contract, in a real process."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FUNCTION = """
import asyncio, json, time
from tracekit import span, inject
READY = []
def initialize(context):
    READY.append(context.function.name)
def broken_initialize(context):
    raise RuntimeError("no database")
def handler(event, context):
    body = json.loads(event) if event[:1] == b"{" else {}
    if body.get("fail"):
        raise ValueError("asked to fail")
    if body.get("exit"):
        raise SystemExit(3)
    time.sleep(body.get("sleep", 0))
    with span("work"):
        return {"event": event.decode(), "request": context.request_id, "ready": READY,
                "memory": context.function.memory, "region": context.region}
async def async_handler(event, context):
    await asyncio.sleep(0)
    return "async " + event.decode()
"""
HEADERS = {
    "x-fc-request-id": "req-1",
    "x-fc-function-name": "shop",
    "x-fc-function-memory": "512",
    "x-fc-region": "cn-hangzhou",
    "x-fc-account-id": "42",
}
RUN = [sys.executable, "-m", "tracekit.run"]


class Instance:
    """A function instance started as the platform would."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {**HEADERS, **headers})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content


@pytest.fixture
def instance(
    tmp_path: Path,
    start_process: Callable[..., subprocess.Popen[bytes]],
    collector: Any,
    port: int,
    listening: Callable[[int], None],
) -> Callable[..., Instance]:
    (tmp_path / "index.py").write_text(FUNCTION)

    def start(*options: str) -> Instance:
        command = [*RUN, "--runtime", "fc", "--host", "127.0.0.1", *options]
        env = {"FC_CUSTOM_LISTEN_PORT": str(port), "FC_FUNCTION_NAME": "shop", "FC_INSTANCE_ID": "i-1"}
        process = start_process(command, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **env)
        listening(port)
        return Instance(port, process)

    return start


def test_an_instance_initializes_once_and_answers_calls(
    instance: Callable[..., Instance], collector: Any
) -> None:
    shop = instance("--initializer", "index:initialize", "index:handler")
    assert shop.request("POST", "/initialize")[0] == 200
    status, headers, content = shop.request("POST", "/invoke", b'{"a": 1}')
    assert (status, headers["x-fc-status"]) == (200, "200")
    assert json.loads(content) == {
        "event": '{"a": 1}',
        "request": "req-1",
        "ready": ["shop"],
        "memory": 512,
        "region": "cn-hangzhou",
    }
    # Flushed inside the call: everything is there when the answer is.
    spans = {span.name: span for span in collector.spans}
    assert set(spans) == {
        "ColdStart",
        "RuntimeInitialization",
        "FunctionInitialization",
        "Initializer",
        "work",
        "shop",
    }
    assert spans["work"].parent_span_id == spans["shop"].span_id
    assert len({span.trace_id for span in collector.spans}) == 1
    assert spans["Initializer"].parent_span_id == spans["ColdStart"].span_id


def test_the_caller_is_the_parent(instance: Callable[..., Instance], collector: Any) -> None:
    shop = instance("index.handler")
    shop.request("POST", "/invoke", b"{}", traceparent="00-" + "ab" * 16 + "-" + "cd" * 8 + "-01")
    [call] = collector.named("shop")
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == ("ab" * 16, "cd" * 8)


@pytest.mark.parametrize(("event", "error"), [(b'{"fail": 1}', "ValueError"), (b'{"exit": 1}', "SystemExit")])
def test_a_failing_handler_is_answered_as_fc_documents(
    instance: Callable[..., Instance], collector: Any, event: bytes, error: str
) -> None:
    shop = instance("index:handler")
    _, headers, content = shop.request("POST", "/invoke", event)
    assert (headers["x-fc-status"], headers["X-Fc-Error-Type"]) == ("404", "UnhandledInvocationError")
    answer = json.loads(content)
    assert answer["errorType"] == error and set(answer) == {"errorMessage", "errorType", "stackTrace"}
    assert answer["stackTrace"][-1][2] == "handler"
    [call] = collector.named("shop")
    assert call.status.code == 2
    assert shop.request("POST", "/invoke", b"{}")[1]["x-fc-status"] == "200", "the instance lives on"


def test_a_failing_initializer_is_answered_and_recorded(
    instance: Callable[..., Instance], collector: Any
) -> None:
    shop = instance("--initializer", "index:broken_initialize", "index:handler")
    status, headers, content = shop.request("POST", "/initialize")
    assert status >= 400 and headers["X-Fc-Error-Type"] == "InitializationError"
    assert json.loads(content)["errorMessage"] == "no database"
    assert collector.named("Initializer")[0].status.code == 2


def test_a_function_that_cannot_be_imported_says_why(instance: Callable[..., Instance]) -> None:
    _, headers, content = instance("missing:handler").request("POST", "/invoke", b"{}")
    assert headers["x-fc-status"] == "404"
    assert json.loads(content)["errorType"] == "ModuleNotFoundError"


def test_an_async_handler_is_awaited(instance: Callable[..., Instance]) -> None:
    assert instance("index:async_handler").request("POST", "/invoke", b"x")[2] == b"async x"


def test_an_instance_serves_several_calls_at_a_time(
    instance: Callable[..., Instance], collector: Any
) -> None:
    shop = instance("index:handler")
    threads = [
        threading.Thread(target=shop.request, args=("POST", "/invoke", b'{"sleep": 0.2}')) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls = collector.wait(8 * 2 + 3) and collector.named("shop")
    assert len({call.trace_id for call in calls}) == 8
    assert sum(attribute.value.bool_value for call in calls for attribute in call.attributes
               if attribute.key == "faas.coldstart") == 1  # fmt: skip


def test_the_instance_stops_when_it_is_told(instance: Callable[..., Instance]) -> None:
    shop = instance("index:handler")
    assert shop.request("GET", "/pre-stop")[0] == 200
    assert shop.request("GET", "/nowhere")[0] == 404
    shop.process.terminate()
    assert shop.process.wait(5) == 0


def test_telling_an_idle_instance_to_stop_makes_no_trace_of_its_own(
    instance: Callable[..., Instance], collector: Any
) -> None:
    shop = instance("index:handler")
    shop.request("POST", "/invoke", b"{}")
    shop.request("GET", "/pre-freeze")
    shop.request("GET", "/pre-stop")
    assert {span.trace_id for span in collector.spans} == {collector.named("shop")[0].trace_id}


def test_a_local_call_with_an_event_file(python: Any, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"n": 20}')
    (tmp_path / "fn.py").write_text("def handler(event, context):\n    return {'double': event['n'] * 2}\n")
    code = (
        "import sys\nfrom tracekit.run import main\nsys.exit(main(['--event', 'event.json', 'fn:handler']))\n"
    )
    result = python(code, OTEL_TRACES_EXPORTER="console")
    assert (result.returncode, json.loads(result.stdout)) == (0, {"double": 40})
    assert "server handler" in result.stderr


def test_a_local_call_that_fails_exits_with_one(python: Any, tmp_path: Path) -> None:
    (tmp_path / "fn.py").write_text("def handler(event, context):\n    return 1 / 0\n")
    code = "import sys\nfrom tracekit.run import main\nsys.exit(main(['fn:handler']))\n"
    result = python(code, OTEL_TRACES_EXPORTER="none")
    assert result.returncode == 1 and "ZeroDivisionError" in result.stderr


def test_a_handler_that_is_traced_already_is_still_one_call(python: Any, tmp_path: Path) -> None:
    (tmp_path / "fn.py").write_text(
        "from tracekit import traced\n@traced\ndef handler(event, context):\n    return 1\n"
    )
    code = "import sys\nfrom tracekit.run import main\nsys.exit(main(['fn:handler']))\n"
    result = python(code, OTEL_TRACES_EXPORTER="console")
    assert result.stderr.count("server handler") == 1 and result.stderr.count(" handler ") == 1
    assert "'faas.coldstart': True" in result.stderr and "internal ColdStart" in result.stderr
