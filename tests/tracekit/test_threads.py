"""Threads, pools, deep recursion, os._exit: the surroundings user code brings."""

from __future__ import annotations

import contextvars
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tracekit import current_span, span, traced


def test_a_copied_context_carries_the_span_into_a_pool(recorded: Any) -> None:
    @traced(name="work")
    def work(number: int) -> int:
        return number

    with span("parent"), ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(contextvars.copy_context().run, work, number) for number in range(20)]
        assert [future.result() for future in futures] == list(range(20))
    parents = {id(span.parent) for span in recorded.all if span.name == "work"}
    assert parents == {id(recorded.named("parent"))}


def test_a_thread_without_a_context_starts_a_trace_of_its_own(recorded: Any) -> None:
    @traced(name="work")
    def work() -> str:
        return current_span().trace_id

    with span("parent") as parent, ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() != parent.trace_id
    assert recorded.named("work").parent is None


def test_calls_in_threads_do_not_mix(recorded: Any) -> None:
    @traced(name="inner")
    def inner() -> str:
        return current_span().trace_id

    @traced(name="call", handler=True)
    def call(event: Any, context: Any) -> tuple[str, str]:
        return current_span().trace_id, inner()

    with ThreadPoolExecutor(16) as pool:
        pairs = list(pool.map(lambda number: call({}, None), range(64)))
    assert all(outer == inside for outer, inside in pairs)
    assert len({outer for outer, _ in pairs}) == 64
    cold = [span.attributes["faas.coldstart"] for span in recorded.all if span.name == "call"]
    assert cold.count(True) == 1


def test_running_out_of_stack_raises_what_it_always_raised(recorded: Any) -> None:
    @traced(name="deeper")
    def deeper(level: int) -> int:
        return deeper(level + 1)

    before = sys.getrecursionlimit()
    try:
        deeper(0)
    except RecursionError:
        raised = True
    assert raised and sys.getrecursionlimit() == before
    assert current_span().trace_id == "0" * 32, "the context is clean afterwards"


def test_a_long_call_keeps_a_bounded_number_of_spans_in_memory(python: Any) -> None:
    code = """
from tracekit import span, traced
from tracekit.queue import QUEUE
@traced
def work(): pass
with span("root"):
    for _ in range(100_000):
        work()
assert QUEUE.size <= 1 << 20, QUEUE.size
assert len(QUEUE) < 20_000 and QUEUE.dropped + QUEUE.first().dropped > 0
"""
    env = {"TRACEKIT_QUEUE_BYTES": str(1 << 20), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    result = python(code, **env)
    assert result.returncode == 0, result.stderr


def test_leaving_with_os_exit_is_left_to_the_user(python: Any) -> None:
    code = "import os\nfrom tracekit import span\nwith span('s'):\n    os._exit(7)\n"
    result = python(code, OTEL_TRACES_EXPORTER="none")
    assert (result.returncode, result.stderr) == (7, "")
