"""The Function Compute host speaks the custom-runtime contract to real `tracekit run` processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tracekit.demo.fc_function import FcFunction
from tracekit.demo.fc_host import FcHost
from tracekit.demo.ledger import Ledger
from tracekit.demo.processes import Processes
from tracekit.demo.web import call

SOURCE = """
    import json, os, time

    started = []

    def initialize(context):
        started.append(context.request_id)

    def handler(event, context):
        wish = json.loads(event)
        time.sleep(wish.get("sleep", 0))
        if "raise" in wish:
            raise ValueError(wish["raise"])
        if "exit" in wish:
            os._exit(3)
        return json.dumps({
            "pid": os.getpid(), "initialized": len(started), "version": context.function.version_id,
            "traceparent": context.tracing.traceparent, "retries": context.retry_count,
        })
"""


@pytest.fixture
def host(
    deploy: Callable[..., Path], processes: Processes, ledger: Ledger, environment: dict[str, str]
) -> Iterator[FcHost]:
    code = deploy(SOURCE)
    broken = deploy("raise ImportError('no such driver')", "broken")
    functions = [
        FcFunction(
            "echo", "index:handler", {"1": code}, {"1": 1}, initializer="index:initialize", timeout_s=5
        ),
        FcFunction("short", "index:handler", {"1": code}, {"1": 1}, timeout_s=0.5),
        FcFunction("broken", "index:handler", {"1": broken}, {"1": 1}),
        FcFunction("canary", "index:handler", {"1": code, "2": code}, {"1": 0, "2": 1}),
    ]
    running = FcHost(functions, processes, ledger, environment=environment, idle_s=1.0)
    yield running
    running.close()


def invoke(host: FcHost, name: str, event: dict[str, Any], **headers: str) -> tuple[Any, str]:
    response = call(
        "POST", host.function_url(name), json.dumps(event).encode(), {"x-demo-caller": "me", **headers}
    )
    return json.loads(response.body), response.headers.get("x-fc-error-type", "")


def outcomes(ledger: Ledger) -> list[tuple[str, int]]:
    return [(row["outcome"], row["count"]) for row in ledger.snapshot()["invocations"]]


def test_a_warm_instance_is_reused_and_was_initialized_once(host: FcHost, ledger: Ledger) -> None:
    (first, _), (second, _) = invoke(host, "echo", {}), invoke(host, "echo", {})
    assert first["pid"] == second["pid"]
    assert second["initialized"] == 1
    assert ledger.snapshot()["processes"] == {"echo": {"started": 1, "served": 1}}


def test_concurrent_calls_get_an_instance_each(host: FcHost) -> None:
    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(lambda _: invoke(host, "echo", {"sleep": 0.5})[0], range(2)))
    assert len({answer["pid"] for answer in answers}) == 2


def test_an_idle_instance_is_reaped_so_that_the_next_call_is_cold(host: FcHost) -> None:
    first, _ = invoke(host, "echo", {})
    deadline = time.monotonic() + 10
    while Path(f"/proc/{first['pid']}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert invoke(host, "echo", {})[0]["pid"] != first["pid"]


def test_what_the_function_raises_is_answered_as_a_function_error(host: FcHost, ledger: Ledger) -> None:
    body, error_type = invoke(host, "echo", {"raise": "out of stock"})
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "out of stock")
    assert error_type == "UnhandledInvocationError"
    assert outcomes(ledger) == [("error", 1)]


def test_a_function_that_exceeds_its_timeout_is_killed(host: FcHost, ledger: Ledger) -> None:
    pid = invoke(host, "short", {})[0]["pid"]
    body, error_type = invoke(host, "short", {"sleep": 5})
    assert "timed out after 0.5 seconds" in body["errorMessage"]
    assert error_type == "UnhandledInvocationError"
    assert not Path(f"/proc/{pid}").exists()
    assert ("timeout", 1) in outcomes(ledger)


def test_a_process_that_dies_while_serving_fails_the_call_only(host: FcHost) -> None:
    assert "exited unexpectedly" in invoke(host, "echo", {"exit": True})[0]["errorMessage"]
    assert invoke(host, "echo", {})[0]["initialized"] == 1


def test_code_that_does_not_load_is_an_initialization_error(host: FcHost, ledger: Ledger) -> None:
    body, error_type = invoke(host, "broken", {})
    assert "no such driver" in body["errorMessage"]
    assert error_type == "InitializationError"
    assert ledger.snapshot()["processes"] == {"broken": {"started": 1, "served": 0}}


def test_the_callers_trace_context_passes_through_untouched(host: FcHost) -> None:
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert invoke(host, "echo", {}, traceparent=sent)[0]["traceparent"] == sent


def test_an_alias_follows_its_weights(host: FcHost) -> None:
    assert {invoke(host, "canary", {})[0]["version"] for _ in range(5)} == {"2"}


def test_a_failed_background_invocation_is_repeated_as_often_as_asked(host: FcHost, ledger: Ledger) -> None:
    host.invoke_async("echo", b'{"raise": "again"}', caller="bucket", kind="trigger", retries=1)
    assert host.drain(10)
    assert ledger.snapshot()["calls"] == [
        {"caller": "bucket", "callee": "echo", "kind": "trigger", "count": 2}
    ]


def test_an_unknown_function_is_not_found(host: FcHost) -> None:
    assert call("POST", host.function_url("nobody")).status == 404
