"""A call that is overdue is looked at, and what it was doing is named line by line."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import profiler, traced
from tracekit.profiler import MAX_STACKS, MAX_TEXT, Learned, Watch, render


class Context:
    aws_request_id = "r-1"
    function_name = "shop"
    invoked_function_arn = "arn"


def waits(until: float) -> None:
    while time.monotonic() < until:
        time.sleep(0.001)


def computes(until: float) -> int:
    number = 0
    while time.monotonic() < until:
        number += sum(range(100))
    return number


@pytest.fixture
def call(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls a handler that runs `body(until)` for some seconds; gives the call's attributes."""
    from tracekit import config, pipeline
    from tracekit.pipeline import Pipeline

    def run(body: Any, seconds: float, after: str = "5") -> dict[str, Any]:
        monkeypatch.setenv("TRACEKIT_PROFILE_AFTER_MS", after)
        config.forget()
        pipeline.replace(Pipeline(config.get(), recorded.exporter))

        @traced
        def handler(event: Any, context: Any) -> None:
            body(time.monotonic() + seconds)

        handler({}, Context())
        return next(one.attributes for one in reversed(recorded.all) if one.name == "shop")

    return run


def looks(attributes: dict[str, Any], text: str) -> int:
    """How many looks found a stack with this in it."""
    lines = attributes["tracekit.profile"].splitlines()
    return sum(int(line.rpartition(" ")[2]) for line in lines if text in line)


def test_a_slow_call_says_which_line_it_waited_in(call: Any) -> None:
    attributes = call(waits, 0.5)
    count = attributes["tracekit.profile.samples"]
    assert looks(attributes, "tracekit/test_profiler.py:waits:") >= count * 0.8
    assert looks(attributes, "") == count > 1
    assert attributes["tracekit.profile"].startswith("wait;tracekit/test_profiler.py:call.<locals>.run.<loc")
    assert (
        "decorator.py" not in attributes["tracekit.profile"]
        and "pytest" not in attributes["tracekit.profile"]
    )


def test_computing_is_told_from_waiting(call: Any) -> None:
    busy, idle = call(computes, 0.5), call(waits, 0.5)
    assert busy["tracekit.profile.computing"] > idle["tracekit.profile.computing"]
    assert looks(busy, "computes") > 1 and looks(busy, "waits") == 0


@pytest.mark.parametrize("after", ["60000", "off", "nonsense", "-5", "auto"])
def test_a_call_below_its_threshold_has_no_profile(call: Any, after: str) -> None:
    assert not [name for name in call(waits, 0.02, after) if name.startswith("tracekit.profile")]


def test_calls_in_several_threads_are_told_apart(call: Any) -> None:
    other = threading.Thread(target=computes, args=(time.monotonic() + 0.4,))
    other.start()
    attributes = call(waits, 0.3)
    other.join()
    assert looks(attributes, "computes") == 0


def test_the_threshold_is_learned_from_a_functions_own_calls() -> None:
    learned = Learned()
    for number in range(320):
        learned.add("shop", 100.0 if number % 10 else 900.0)
        learned.add("quick", 1.0)
    assert learned.threshold_s("shop") == 0.9
    assert learned.threshold_s("quick") == 0.05, "never below the least"
    assert learned.threshold_s("new") is None


def test_memory_is_bounded_however_many_stacks_there_are() -> None:
    watch = Watch(None, False)
    watch.depth = 0
    for number in range(MAX_STACKS + 50):
        frame = eval(compile("\n" * number + "__import__('sys')._getframe()", f"f{number}", "eval"))
        watch.look(frame, time.monotonic())
    assert len(watch.stacks) == MAX_STACKS and watch.lost == 50
    assert watch.interval_s > profiler.FIRST_INTERVAL_S
    assert len(render(watch.stacks)) <= MAX_TEXT


@given(st.text(max_size=30), st.integers(1, 10**6))
def test_any_file_name_makes_one_line(name: str, count: int) -> None:
    code = compile("1", name.replace("\0", "") or "f", "eval")
    text = render({("cpu", ((code, 1),)): count})
    assert text.count(";") >= 1 and text.endswith(f" {count}")
    assert len(text.split()) == 2 and len(text.splitlines()) == 1


def test_a_forked_child_profiles_its_own_calls(python: Any) -> None:
    code = """
import os, time
from tracekit import traced, pipeline
class Context:
    aws_request_id = "r"; function_name = "f"; invoked_function_arn = "arn"
@traced
def handler(event, context):
    time.sleep(0.3)
handler({}, Context())
if os.fork() == 0:
    handler({}, Context())
    pipeline.get().flush(5)
    spans = pipeline.get().exporter.spans
    os._exit(0 if "tracekit.profile" in spans[-1].attributes else 3)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
"""
    env = {"OTEL_TRACES_EXPORTER": "memory", "TRACEKIT_PROFILE_AFTER_MS": "20"}
    result = python(code, **env)
    assert (result.returncode, result.stderr) == (0, "")
