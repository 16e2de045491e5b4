from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tracekit import lifecycle
from tracekit.watch import when_imported


def test_the_kernel_tells_when_the_process_started() -> None:
    started = lifecycle.process_start()
    assert 0 < time.time_ns() - started < 3600 * 10**9


def test_a_fresh_process_started_before_it_imported_us(python: Any) -> None:
    code = """
import time
time.sleep(0.1)
import tracekit
from tracekit.lifecycle import process_start
print(tracekit.IMPORTED_AT - process_start())
"""
    waited_ns = int(python(code).stdout)
    assert 90e6 < waited_ns < 10e9


def test_the_function_is_loaded_when_its_module_has_finished_importing(python: Any, tmp_path: Path) -> None:
    (tmp_path / "function.py").write_text(
        "from tracekit import traced\n@traced(handler=True)\ndef handler(e, c): pass\n"
        "import time\ntime.sleep(0.2)\nDONE = time.time_ns()\n"
    )
    code = """
import function, time
time.sleep(0.2)
function.handler({}, None)
from tracekit.pipeline import get
get().flush(5)
[phase] = [s for s in get().exporter.spans if s.name == "FunctionInitialization"]
assert phase.end - phase.start >= 0.2e9, phase.end - phase.start
assert 0 <= phase.end - function.DONE < 0.15e9, phase.end - function.DONE
assert type(function.__spec__).__name__ == "ModuleSpec" and not function.__spec__._initializing
"""
    result = python(code, OTEL_TRACES_EXPORTER="memory")
    assert result.returncode == 0, result.stderr


def test_a_module_that_fails_to_import_is_not_reported(python: Any, tmp_path: Path) -> None:
    code = """
from tracekit.watch import when_imported
import sys
assert when_imported(__name__, sys.stdout.write)
1 / 0
"""
    (tmp_path / "broken.py").write_text(code)
    result = python("try:\n    import broken\nexcept ZeroDivisionError:\n    print('raised')\n")
    assert result.stdout == "raised\n"


def test_a_module_that_is_imported_already_cannot_be_watched() -> None:
    assert when_imported("time", lambda name: None) is False


@pytest.mark.parametrize("stat", ["", "1 (x) S", "1 (c) S" + " 99999999999999" * 40])
def test_an_unreadable_start_falls_back_to_the_import(monkeypatch: pytest.MonkeyPatch, stat: str) -> None:
    import tracekit

    monkeypatch.setattr(lifecycle, "read_proc", lambda path: stat.encode())
    assert lifecycle._read_process_start() == tracekit.IMPORTED_AT


def test_a_forked_worker_that_takes_the_first_call_reports_the_start(python: Any, collector: Any) -> None:
    code = """
import os
from tracekit import traced
@traced(handler=True, name="work")
def work(event, context): pass
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        work({}, None); work({}, None)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""
    result = python(code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert result.returncode == 0, result.stderr
    assert len(collector.named("work")) == 4 and len(collector.named("ColdStart")) == 2
    # The parent's start, not the moment of the fork: that is when the instance began to start.
    assert all(
        phase.end_time_unix_nano > phase.start_time_unix_nano for phase in collector.named("ColdStart")
    )
    assert len({phase.start_time_unix_nano for phase in collector.named("ColdStart")}) == 1
