"""The Lambda host speaks the Runtime API to real awslambdaric processes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tracekit.demo.lambda_host import LambdaHost
from tracekit.demo.lambda_instance import LambdaFunction
from tracekit.demo.ledger import Ledger
from tracekit.demo.processes import Processes
from tracekit.demo.web import Response, call

SOURCE = """
    import os, time

    def handler(event, context):
        time.sleep(event.get("sleep", 0))
        if "raise" in event:
            raise ValueError(event["raise"])
        if "exit" in event:
            os._exit(3)
        return {
            "pid": os.getpid(), "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(),
            "custom": context.client_context.custom if context.client_context else {},
            "xray": os.environ.get("_X_AMZN_TRACE_ID", ""),
        }
"""


@pytest.fixture
def host(
    deploy: Callable[..., Path], processes: Processes, ledger: Ledger, environment: dict[str, str]
) -> Iterator[LambdaHost]:
    function = LambdaFunction("pay", "index.handler", deploy(SOURCE), timeout_s=2.0)
    running = LambdaHost(function, processes, ledger, environment=environment)
    yield running
    running.close()


def post(host: LambdaHost, event: dict[str, Any], **headers: str) -> Response:
    return call("POST", host.function_url, json.dumps(event).encode(), headers)


def invoke(host: LambdaHost, event: dict[str, Any], **headers: str) -> Any:
    return json.loads(post(host, event, **headers).body)


def test_a_handler_gets_the_context_that_lambda_documents(host: LambdaHost) -> None:
    answer = invoke(host, {})
    assert answer["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:pay"
    assert 0 < answer["left"] <= 2000
    assert answer["xray"].startswith("Root=1-")


def test_a_warm_sandbox_is_reused(host: LambdaHost, ledger: Ledger) -> None:
    first = invoke(host, {})["pid"]
    assert host.drain(5)
    assert invoke(host, {})["pid"] == first
    assert ledger.snapshot()["processes"] == {"pay": {"started": 1, "served": 1}}


def test_concurrent_calls_get_a_sandbox_each(host: LambdaHost) -> None:
    with ThreadPoolExecutor(2) as callers:
        pids = list(callers.map(lambda _: invoke(host, {"sleep": 0.6})["pid"], range(2)))
    assert len(set(pids)) == 2


def test_the_client_context_carries_the_callers_trace_context(host: LambdaHost) -> None:
    custom = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    encoded = base64.b64encode(json.dumps({"custom": custom}).encode()).decode()
    assert invoke(host, {}, **{"X-Amz-Client-Context": encoded})["custom"] == custom


def test_what_the_handler_raises_is_answered_as_a_function_error(host: LambdaHost, ledger: Ledger) -> None:
    response = post(host, {"raise": "no funds"})
    assert response.headers["x-amz-function-error"] == "Unhandled"
    assert json.loads(response.body)["errorMessage"] == "no funds"
    assert [row["outcome"] for row in ledger.snapshot()["invocations"]] == ["error"]


def test_a_handler_that_exceeds_the_timeout_is_killed(host: LambdaHost, ledger: Ledger) -> None:
    assert "timed out after 2.00 seconds" in invoke(host, {"sleep": 30})["errorMessage"]
    assert [row["outcome"] for row in ledger.snapshot()["invocations"]] == ["timeout"]


def test_a_runtime_that_exits_fails_the_call_only(host: LambdaHost) -> None:
    assert "Runtime exited" in invoke(host, {"exit": True})["errorMessage"]
    assert invoke(host, {})["pid"] > 0


def test_closing_stops_every_sandbox(host: LambdaHost) -> None:
    pid = invoke(host, {})["pid"]
    assert host.drain(5)
    host.close()
    assert not Path(f"/proc/{pid}").exists()
