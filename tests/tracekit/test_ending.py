"""The last flush of a process: short at an exit, which somebody waits for, and patient at SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

CODE = """
import os, time
from tracekit import span, flush
with span("first"): pass
flush()                       # waits for its budget in vain
while not os.path.exists("go"): time.sleep(0.01)
with span("second"): pass     # stays behind the first
print("ready", flush=True)
END
"""


@pytest.fixture
def slow(collector: Any) -> threading.Event:
    """The collector answers its first request when it is told to."""
    told = threading.Event()
    usual = collector.answer

    def answer(request: Any) -> None:
        assert told.wait(60)
        usual(request)

    collector.answer = answer
    return told


def start(start_process: Any, collector: Any, tmp_path: Path, end: str) -> Any:
    """A process whose first delivery is under way, in vain so far, and which goes on to `end`."""
    (tmp_path / "f.py").write_text(CODE.replace("END", end))
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACEKIT_FLUSH_BUDGET_MS": "20"}
    process = start_process([sys.executable, "f.py"], **env)
    until(lambda: collector.requests)
    (tmp_path / "go").touch()
    until(lambda: b"ready" in (tmp_path / "process-0.log").read_bytes())
    return process


def until(condition: Any) -> None:
    limit = time.monotonic() + 30
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    assert condition()


def test_sigterm_waits_for_an_endpoint_that_is_merely_slow(
    start_process: Any, collector: Any, tmp_path: Path, slow: threading.Event
) -> None:
    process = start(start_process, collector, tmp_path, "time.sleep(60)")
    threading.Timer(0.2, slow.set).start()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM
    assert [span.name for span in collector.wait(2)] == ["first", "second"]


def test_an_exit_does_not_wait_a_second_time(
    start_process: Any, collector: Any, tmp_path: Path, slow: threading.Event
) -> None:
    process = start(start_process, collector, tmp_path, "")
    assert process.wait(20) == 0, "though nothing answers"
    assert [span.name for span in collector.spans] == ["first"]
    slow.set()


def test_sigterm_during_an_exit_gives_it_more_time(
    start_process: Any, collector: Any, tmp_path: Path, slow: threading.Event
) -> None:
    # As of a runtime whose host stops it by both: the answer that there is no next call, and the signal.
    end = "import signal, tracekit.pipeline\ntracekit.pipeline.close()\nos.kill(os.getpid(), signal.SIGTERM)"
    process = start(start_process, collector, tmp_path, end)
    threading.Timer(0.2, slow.set).start()
    assert process.wait(20) == -signal.SIGTERM
    assert [span.name for span in collector.wait(2)] == ["first", "second"]
