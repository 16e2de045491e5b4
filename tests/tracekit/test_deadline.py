"""Open spans leave before the platform kills the process, and nothing fires in a later call."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import pytest

from tracekit import config, deadline, pipeline, span, traced, unfinished
from tracekit.pipeline import Pipeline
from tracekit.span import INTERNAL, Span, Trace


class Function:
    name = "f"
    timeout: Any = 0


class Context:
    request_id = "r"
    function = Function()


CALL = """
import os, sys, time
from tracekit import span, traced, current_span

class Function:
    name = "f"
    timeout = 0

class Context:
    request_id = "r"
    function = Function

@traced
def handler(event, context):
    with span("outer"):
        with span("inner"):
            print("inside", flush=True)
            work()
    return "done"
"""


@pytest.fixture
def watched(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Snapshots soon, and a margin that short timeouts have room for."""
    monkeypatch.setenv("TRACEKIT_SNAPSHOT_AFTER_MS", "50")
    config.forget()
    pipeline.replace(Pipeline(config.get(), recorded.exporter))
    return recorded


def snapshots(recorded: Any) -> list[Span]:
    return [found for found in recorded.all if (found.attributes or {}).get("tracekit.unfinished")]


def until(condition: Any) -> None:
    limit = time.monotonic() + 20
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    assert condition()


def call(body: Any, timeout: Any = 0) -> None:
    context = Context()
    context.function = Function()
    context.function.timeout = timeout
    traced(name="call")(lambda event, context: body())(b"", context)


def test_a_span_that_lasts_is_sent_while_it_runs_and_again_when_it_ends(watched: Any) -> None:
    def body() -> None:
        with span("slow", attributes={"k": "v"}) as slow:
            slow.add_event("seen")
            until(lambda: any(taken.name == "slow" for taken in snapshots(watched)))

    call(body)
    taken = next(taken for taken in snapshots(watched) if taken.name == "slow")
    final = next(found for found in watched.all if found.name == "slow" and found not in snapshots(watched))
    assert (taken.trace_id, taken.span_id, taken.start) == (final.trace_id, final.span_id, final.start)
    assert taken.start < taken.end < final.end
    assert (taken.attributes, final.attributes) == ({"k": "v", "tracekit.unfinished": True}, {"k": "v"})
    assert [event.name for event in taken.extra.events] == ["seen"]


def test_a_short_span_is_sent_once(watched: Any) -> None:
    call(lambda: None)
    time.sleep(0.2)
    assert not snapshots(watched)


def test_spans_outside_of_calls_are_left_alone(watched: Any) -> None:
    loose = Span("loose", INTERNAL, None, Trace(), 1)
    call(lambda: until(lambda: snapshots(watched)))
    assert {taken.name for taken in snapshots(watched)} == {"f"} != {loose.name}


def test_before_the_deadline_every_open_span_leaves(watched: Any) -> None:
    def urgent() -> set[str]:
        marked = [taken for taken in snapshots(watched) if "tracekit.timeout_imminent" in taken.attributes]
        return {taken.name for taken in marked}

    def body() -> None:
        time.sleep(0.7)
        with span("late"):
            until(urgent)

    call(body, timeout="1")
    assert urgent() == {"f", "late"}
    final = next(found for found in watched.all if found.name == "f" and found not in snapshots(watched))
    (event,) = [event for event in final.extra.events if event.name == "tracekit.timeout_imminent"]
    assert 0 <= event.attributes["tracekit.remaining_ms"] <= 200


def test_no_deadline_of_an_earlier_call_reaches_a_later_one(watched: Any) -> None:
    call(lambda: None, timeout=1)
    call(lambda: time.sleep(1.2))
    assert not [event for found in watched.all if found.rare for event in found.rare.events]


def test_open_spans_are_found_wherever_they_are() -> None:
    root, other = (Span(name, INTERNAL, None, Trace(), 1) for name in ("root", "other"))
    below = Span("below", INTERNAL, root, root.trace, 2)
    ended = Span("ended", INTERNAL, root, root.trace, 2)
    ended.end = 3
    kept = {"anywhere": [Span("deep", INTERNAL, below, root.trace, 2)]}
    assert unfinished.open_spans([root]) == {root: [root, below, kept["anywhere"][0]]}
    assert unfinished.open_spans([other]) == {other: [other]}


@pytest.mark.parametrize(
    ("context", "seconds"),
    [
        (type("Lambda", (), {"get_remaining_time_in_millis": lambda self: 2500})(), 2.5),
        (type("Fc", (), {"function": type("F", (), {"timeout": "3"})})(), 3.0),
        (type("Broken", (), {"get_remaining_time_in_millis": lambda self: 1 / 0})(), None),
        (type("Late", (), {"get_remaining_time_in_millis": lambda self: -1})(), None),
        (None, None),
    ],
)
def test_the_deadline_is_what_the_platform_says(context: Any, seconds: float | None) -> None:
    assert deadline.remaining_s(context) == seconds


def test_a_deadline_that_is_a_moment_wins() -> None:
    context = type("Fc", (), {"deadline_ms": int(time.time() * 1000) + 60_000, "function": Function})()
    found = deadline.remaining_s(context)
    assert found is not None and 30 < found <= 60


def test_sigterm_in_a_call_leaves_its_open_spans(start_process: Any, collector: Any, tmp_path: Any) -> None:
    (tmp_path / "f.py").write_text(CALL + "work = lambda: time.sleep(60)\nhandler(b'', Context)\n")
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACEKIT_SNAPSHOT_AFTER_MS": "3600000"}
    process = start_process([sys.executable, "f.py"], **env)
    until(lambda: b"inside" in (tmp_path / "process-0.log").read_bytes())
    process.terminate()
    assert process.wait(20) == -signal.SIGTERM
    found = {found.name: found for found in collector.wait(3)}
    assert {"f", "outer", "inner"} <= found.keys()
    assert "tracekit.unfinished" in [pair.key for pair in found["inner"].attributes]


def test_os_exit_leaves_what_was_sent_before(python: Any, collector: Any) -> None:
    code = CALL + "def work():\n    time.sleep(1.5)\n    os._exit(7)\nhandler(b'', Context)\n"
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACEKIT_SNAPSHOT_AFTER_MS": "100"}
    assert python(code, **env).returncode == 7
    assert {found.name for found in collector.wait(3)} >= {"f", "outer", "inner"}


def test_a_fork_in_a_call_sends_the_parents_spans_from_the_parent_only(python: Any, collector: Any) -> None:
    code = CALL + (
        "def work():\n"
        "    child = os.fork()\n"
        "    time.sleep(1.5)\n"
        "    if child == 0:\n"
        "        sys.exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "handler(b'', Context)\n"
    )
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACEKIT_SNAPSHOT_AFTER_MS": "100"}
    assert python(code, **env).returncode == 0
    marked = [found for found in collector.wait(3) if "tracekit.unfinished" in str(found.attributes)]
    assert sorted(found.name for found in marked) == ["f", "inner", "outer"]
