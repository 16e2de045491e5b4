"""What a call is said to have used."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tracekit import config, pipeline, traced, usage, usagefacts
from tracekit.pipeline import Pipeline
from tracekit.usagefacts import billed_ms, peak_memory

MS = 10**6
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "shop"}


class LambdaContext:
    aws_request_id = "req-1"
    function_name = "shop"

    def get_remaining_time_in_millis(self) -> int:
        return 1234


@pytest.fixture
def settings(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives the pipeline of the test the settings named."""

    def use(**env: str) -> None:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        config.forget()
        pipeline.replace(Pipeline(config.get(), recorded.exporter))

    return use


@traced(name="handler")
def handler(event: Any, context: Any) -> Any:
    return event(context) if callable(event) else None


def spin(context: Any) -> None:
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass


def allocate(context: Any) -> int:
    return len(bytearray(os.urandom(1)) * (64 << 20))


def test_processor_time_is_that_of_the_call(recorded: Any) -> None:
    handler(spin, LambdaContext())
    handler(lambda context: time.sleep(0.05), LambdaContext())
    busy, waiting = (span.attributes for span in recorded.all if span.name == "shop")
    assert busy["faas.cpu_usage"] >= busy["tracekit.cpu.thread_time"] >= 0.05
    assert waiting["tracekit.cpu.thread_time"] < 0.05
    assert waiting["tracekit.cpu.utilization"] < busy["tracekit.cpu.utilization"]


def test_memory_is_the_peak_of_the_process(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "SHORT_NS", 0)
    handler(allocate, LambdaContext())
    call = recorded.named("shop").attributes
    assert call["faas.mem_usage"] >= 64 << 20 and call["tracekit.memory.scope"] == "process"


def test_short_calls_look_at_the_peak_now_and_then(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter((1000, 2000, 3000))
    monkeypatch.setattr(usage, "_instance", usage._Instance())
    monkeypatch.setattr(usagefacts, "peak_memory", lambda: next(peaks))
    looker = usage.Usage("basic")
    times = [(10, 11), (60, 61), (111, 112), (113, 123)]  # ms: recent, recent, no more, and one that is long
    found = [
        looker._peak(SimpleNamespace(start=10**18 + begin * MS, end=10**18 + end * MS))
        for begin, end in times
    ]
    assert found == [1000, 1000, 2000, 3000]


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak cannot be reset here")
def test_in_full_the_peak_of_memory_is_the_calls_own(recorded: Any, settings: Any) -> None:
    settings(TRACEKIT_USAGE="full")
    before = peak_memory()
    handler(allocate, LambdaContext())
    handler(None, LambdaContext())
    large, small = (span.attributes for span in recorded.all if span.name == "shop")
    assert large["tracekit.memory.scope"] == small["tracekit.memory.scope"] == "call"
    assert large["faas.mem_usage"] - small["faas.mem_usage"] > 32 << 20
    assert before is not None and before > 1 << 20


def test_memory_of_calls_at_once_is_not_said_to_be_one_calls(recorded: Any, settings: Any) -> None:
    settings(TRACEKIT_USAGE="full")
    handler(lambda context: in_threads(2), LambdaContext())
    scopes = [span.attributes["tracekit.memory.scope"] for span in recorded.all if span.name == "shop"]
    assert scopes == ["process"] * 3


def in_threads(count: int) -> None:
    together = threading.Barrier(count)
    threads = [
        threading.Thread(target=handler, args=(lambda context: together.wait(10), LambdaContext()))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_calls_at_once_are_counted_in_threads(recorded: Any) -> None:
    in_threads(8)
    handler(None, LambdaContext())
    counts = [
        span.attributes["tracekit.concurrent_invocations"] for span in recorded.all if span.name == "shop"
    ]
    assert sorted(counts[:8]) == list(range(1, 9)) and counts[8] == 1


def test_calls_at_once_are_counted_in_tasks(recorded: Any) -> None:
    @traced
    async def work(event: Any, context: Any) -> None:
        await asyncio.sleep(0.01)

    async def main() -> None:
        await asyncio.gather(*(work({}, LambdaContext()) for _ in range(4)))

    asyncio.run(main())
    counts = [
        span.attributes["tracekit.concurrent_invocations"] for span in recorded.all if span.name == "shop"
    ]
    assert sorted(counts) == [1, 2, 3, 4]


def test_a_failed_call_is_over_too(recorded: Any) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            handler(lambda context: 1 // 0, LambdaContext())
    counts = [
        span.attributes["tracekit.concurrent_invocations"] for span in recorded.all if span.name == "shop"
    ]
    assert counts == [1, 1]


def test_network_bytes_leave_loopback_out(recorded: Any, settings: Any, collector: Any) -> None:
    settings(TRACEKIT_USAGE="full")

    def post(context: Any) -> None:
        from tracekit.exporters.otlp_http import OtlpHttpExporter

        OtlpHttpExporter(collector.url).send(b"x" * (8 << 20), time.monotonic() + 20)

    handler(post, LambdaContext())
    call = recorded.named("shop").attributes
    if "faas.net_io" in call:  # a namespace with nothing but loopback tells nothing
        assert (
            call["faas.net_io"] == call["tracekit.network.received"] + call["tracekit.network.sent"] < 8 << 20
        )


def test_the_time_left_is_the_platforms(recorded: Any) -> None:
    handler(None, LambdaContext())
    assert recorded.named("shop").attributes["tracekit.remaining_ms"] == 1234


@pytest.mark.parametrize("timeout", ["60", 60])
def test_function_compute_tells_its_timeout_in_seconds(recorded: Any, timeout: Any) -> None:
    function = SimpleNamespace(name="shop", timeout=timeout)
    handler(lambda context: time.sleep(0.01), SimpleNamespace(request_id="r", function=function))
    assert 0 < recorded.named("shop").attributes["tracekit.remaining_ms"] <= 59_990


@pytest.mark.parametrize(
    ("duration", "init", "env", "expected"),
    [
        (3_000 * MS, 402_040_000, LAMBDA, 3403),
        (1, 0, LAMBDA, 1),
        (10 * MS, 5 * MS, {**LAMBDA, "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}, 10),
        (16_810_000, 90 * MS, {"FC_FUNCTION_NAME": "shop"}, 17),
        (101 * MS, 0, {"K_REVISION": "shop-1", "K_SERVICE": "shop"}, 200),
        (101 * MS, 0, {}, None),
    ],
)
def test_a_bill_is_rounded_as_the_platform_does(
    duration: int, init: int, env: dict[str, str], expected: int | None
) -> None:
    assert billed_ms(duration, init, env) == expected


def test_a_cold_call_on_lambda_is_billed_with_its_init(
    recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
    traced(lambda event, context: None)  # the function's loading ends now
    handler(None, LambdaContext())
    handler(None, LambdaContext())
    cold, warm = (span for span in recorded.all if span.name == "shop")
    own_ms = -(-(cold.end - cold.start) // MS)
    assert cold.attributes["tracekit.billed_duration_ms"] > own_ms
    assert warm.attributes["tracekit.billed_duration_ms"] == max(-(-(warm.end - warm.start) // MS), 1)


def test_none_means_none(recorded: Any, settings: Any) -> None:
    settings(TRACEKIT_USAGE="none")
    handler(None, LambdaContext())
    assert not {"faas.cpu_usage", "faas.mem_usage"} & set(recorded.named("shop").attributes)


# A runtime that gives an answer away before it asks for the next call, as AWS's does, and then ends.
RUNTIME = """
import sys, types
client = types.ModuleType("awslambdaric.lambda_runtime_client")
class BaseLambdaRuntimeClient:
    def wait_next_invocation(self): pass
client.BaseLambdaRuntimeClient = BaseLambdaRuntimeClient
sys.modules["awslambdaric.lambda_runtime_client"] = client
from tracekit import traced
class Context:
    aws_request_id, function_name = "r", "shop"
    def get_remaining_time_in_millis(self): return 1234
@traced
def handler(event, context): return "ok"
handler({}, Context())
from tracekit.invocation import _afterwards
waits = len(_afterwards)
NEXT
assert waits and not _afterwards, _afterwards
"""


@pytest.mark.parametrize("after", ["BaseLambdaRuntimeClient().wait_next_invocation()", "sys.exit()"])
def test_what_can_wait_is_found_out_after_the_answer_or_when_the_process_ends(
    python: Any, tmp_path: Any, after: str
) -> None:
    code = RUNTIME.replace("NEXT", after)
    done = python(code, OTEL_TRACES_EXPORTER="file", TRACEKIT_FILE=str(tmp_path / "spans"))
    assert done.returncode == 0, done.stderr
    found = (tmp_path / "spans").read_text()
    assert "faas.mem_usage" in found and "faas.cpu_usage" in found and "faas.invocation_id" in found
