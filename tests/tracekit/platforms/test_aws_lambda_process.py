"""Under AWS's real runtime client, in a process of its own, against a Runtime API on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("awslambdaric", reason="the real runtime client is part of tracekit[demo]")

EVENTS = Path(__file__).parents[1] / "triggers" / "events"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
TRACED = """
from tracekit import traced
@traced
def work(): pass
@traced
def handler(event, context):
    work()
    if event.get("fail"):
        raise ValueError("asked to")
    return {"statusCode": 200}
"""
PLAIN = "def handler(event, context):\n    return {'statusCode': 200}\n"


class RuntimeApi:
    """Hands out events and notes, in order, what the runtime does."""

    def __init__(self, events: list[dict[str, Any]], client_context: dict[str, Any] | None) -> None:
        self.log: list[tuple[str, int]] = []
        self.answers: list[tuple[str, Any]] = []
        self.done = threading.Event()
        self.over = threading.Event()
        waiting = list(enumerate(events))
        api = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.endswith("/restore/next"):
                    api.log.append(("restore", time.monotonic_ns()))
                    self._answer(200, b"", {})
                    return
                api.log.append(("next", time.monotonic_ns()))
                if not waiting:
                    api.done.set()
                    api.over.wait(60)
                    self.close_connection = True
                    return
                number, event = waiting.pop(0)
                deadline = str(int((time.time() + 10) * 1000))
                headers = {
                    "Lambda-Runtime-Aws-Request-Id": f"request-{number}",
                    "Lambda-Runtime-Deadline-Ms": deadline,
                    "Lambda-Runtime-Invoked-Function-Arn": ARN,
                    "Lambda-Runtime-Trace-Id": f"Root=1-5759e988-bd862e3fe1be46a99427279{number};"
                    "Parent=53995c3f42cd8ad8;Sampled=1",
                }
                if client_context is not None:
                    headers["Lambda-Runtime-Client-Context"] = json.dumps(client_context)
                self._answer(200, json.dumps(event).encode(), headers)

            def do_POST(self) -> None:
                body = self._body()
                api.log.append((self.path.rpartition("/")[2], time.monotonic_ns()))
                api.answers.append((self.path.rpartition("/")[2], json.loads(body or b"null")))
                self._answer(202, b"{}", {})

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Type": "application/json"}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()


@pytest.fixture
def run_lambda(
    tmp_path: Path, start_process: Callable[..., subprocess.Popen[bytes]], collector: Any
) -> Iterator[Callable[..., RuntimeApi]]:
    apis: list[RuntimeApi] = []

    def run(
        code: str,
        events: list[dict[str, Any]],
        client_context: dict[str, Any] | None = None,
        wrapper: list[str] | None = None,
        **env: str,
    ) -> RuntimeApi:
        (tmp_path / "app.py").write_text(code)
        api = RuntimeApi(events, client_context)
        apis.append(api)
        variables = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_REGION": "eu-west-1",
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            **env,
        }
        start_process([*(wrapper or []), sys.executable, "-m", "awslambdaric", "app.handler"], **variables)
        assert api.done.wait(30), api.log
        return api

    yield run
    for api in apis:
        api.over.set()
        api.server.shutdown()
        api.server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def test_calls_are_recorded_with_their_cold_start(
    run_lambda: Callable[..., RuntimeApi], collector: Any
) -> None:
    run_lambda(TRACED, [{}, {}])
    calls = [span for span in collector.wait(7) if span.name == "shop"]
    facts = [attributes(call) for call in calls]
    assert [fact["faas.coldstart"] for fact in facts] == [True, False]
    assert [fact["faas.invocation_id"] for fact in facts] == ["request-0", "request-1"]
    assert facts[0]["cloud.resource_id"] == ARN
    assert [call.links[0].trace_id.hex() for call in calls] == [
        "5759e988bd862e3fe1be46a994272790",
        "5759e988bd862e3fe1be46a994272791",
    ], "X-Ray's header is read anew for each call"
    [whole] = collector.named("ColdStart")
    assert whole.parent_span_id == calls[0].span_id


def test_spans_leave_after_the_response_and_before_the_next_call(
    run_lambda: Callable[..., RuntimeApi], collector: Any
) -> None:
    arrived: list[int] = []
    original = collector.answer

    def note(request: BaseHTTPRequestHandler) -> None:
        arrived.append(time.monotonic_ns())
        original(request)

    collector.answer = note
    api = run_lambda(TRACED, [{}])
    times = {name: at for name, at in api.log if name != "next"}
    last_next = [at for name, at in api.log if name == "next"][-1]
    assert times["response"] < arrived[0] < last_next


def test_a_failing_call_is_answered_as_before(run_lambda: Callable[..., RuntimeApi], collector: Any) -> None:
    api = run_lambda(TRACED, [{"fail": True}])
    kind, answer = api.answers[0]
    assert (kind, answer["errorType"], answer["errorMessage"]) == ("error", "ValueError", "asked to")
    [call] = [span for span in collector.wait(5) if span.name == "shop"]
    assert call.status.code == 2 and attributes(call)["error.type"] == "ValueError"


def test_the_callers_context_comes_in_the_client_context(
    run_lambda: Callable[..., RuntimeApi], collector: Any
) -> None:
    traceparent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    run_lambda(TRACED, [{}], {"custom": {"traceparent": traceparent}})
    [call] = [span for span in collector.wait(5) if span.name == "shop"]
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == ("ab" * 16, "cd" * 8)


def test_a_hung_collector_does_not_hold_up_the_answers(
    run_lambda: Callable[..., RuntimeApi], collector: Any
) -> None:
    collector.answer = lambda request: time.sleep(20)
    api = run_lambda(TRACED, [{}, {}, {}], TRACEKIT_FLUSH_BUDGET_MS="100")
    assert [kind for kind, _ in api.answers] == ["response"] * 3


def test_the_exec_wrapper_traces_a_plain_handler(
    run_lambda: Callable[..., RuntimeApi], collector: Any
) -> None:
    from tracekit import bootstrap

    wrapper = bootstrap.__path__[0] + "/exec-wrapper"
    run_lambda(PLAIN, [{}], wrapper=["sh", wrapper])
    names = sorted(span.name for span in collector.wait(4))
    assert names == ["ColdStart", "FunctionInitialization", "RuntimeInitialization", "shop"]


def test_worker_processes_record_their_own_calls(
    run_lambda: Callable[..., RuntimeApi], collector: Any
) -> None:
    code = "import os, time\n" + TRACED.replace("    work()", "    work(); time.sleep(0.2)").replace(
        'return {"statusCode": 200}', "return {'pid': os.getpid()}"
    )
    api = run_lambda(code, [{}] * 6, AWS_LAMBDA_MAX_CONCURRENCY="2")
    deadline = time.monotonic() + 20
    while len(api.answers) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    pids = {answer["pid"] for _, answer in api.answers}
    assert len(pids) == 2, "the runtime client forks a process for each call it may have at once"
    while len(collector.named("shop")) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    calls = collector.named("shop")
    works = collector.named("work")
    assert len({call.trace_id for call in calls}) == len({call.span_id for call in calls}) == 6
    assert {work.parent_span_id for work in works} == {call.span_id for call in calls}
    assert {attributes(call)["faas.invocation_id"] for call in calls} == {f"request-{n}" for n in range(6)}


def test_an_init_for_snapstart_is_sent_before_the_snapshot_and_is_no_cold_start(
    run_lambda: Callable[..., RuntimeApi], collector: Any
) -> None:
    arrived: list[int] = []
    original = collector.answer

    def note(request: BaseHTTPRequestHandler) -> None:
        arrived.append(time.monotonic_ns())
        original(request)

    collector.answer = note
    api = run_lambda(TRACED, [{}, {}], AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    collector.wait(7)
    [restored] = [at for name, at in api.log if name == "restore"]
    assert arrived[0] < restored, "restored instances did not go through the init"
    calls = collector.named("shop")
    assert [attributes(call)["faas.coldstart"] for call in calls] == [False, False]
    [whole] = collector.named("ColdStart")
    assert attributes(whole)["tracekit.initialization_type"] == "snap-start"
    assert whole.trace_id not in {call.trace_id for call in calls}


def test_instances_of_one_snapshot_draw_different_ids() -> None:
    from tracekit import ids
    from tracekit.platforms import snapstart

    snapshot = ids._random.getstate()
    first = ids.new_trace_id()
    ids._random.setstate(snapshot)
    assert ids.new_trace_id() == first, "a copy of the process would draw the same"
    ids._random.setstate(snapshot)
    snapstart.after_restore()
    assert ids.new_trace_id() != first


def test_a_function_url_is_an_http_call(run_lambda: Callable[..., RuntimeApi], collector: Any) -> None:
    event = json.loads((EVENTS / "aws_function_url.json").read_text())
    run_lambda(TRACED, [event])
    [call] = [span for span in collector.wait(5) if span.name == "GET /pets/7"]
    assert attributes(call)["http.response.status_code"] == 200
    assert call.parent_span_id.hex() == "cd" * 8
