"""No process the demo starts outlives it, not even a grandchild, not even if the demo is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tracekit.demo.processes import Processes

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}])
print(child.pid, flush=True)
time.sleep(60)
"""
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def eventually(condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    """A zombie whose new parent has not looked yet does not count."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_process_that_ignores_sigterm_is_killed(processes: Processes) -> None:
    child = processes.start("stubborn", [sys.executable, "-c", STUBBORN], env=os.environ)
    assert eventually(lambda: "up" in child.last_lines())
    processes.stop(child, grace_s=0.1)
    assert not is_alive(child.pid)


def test_a_frozen_process_hears_that_it_should_leave(processes: Processes) -> None:
    child = processes.start("sleeper", SLEEPER, env=os.environ)
    child.freeze()
    processes.stop(child)
    assert not child.running


def test_stopping_all_reaches_grandchildren(processes: Processes) -> None:
    child = processes.start("parent", [sys.executable, "-c", PARENT], env=os.environ)
    assert eventually(lambda: child.last_lines().partition("\n")[0].isdigit() and "up" in child.last_lines())
    grandchild = int(child.last_lines().partition("\n")[0])
    processes.stop_all()
    assert not is_alive(child.pid)
    assert eventually(lambda: not is_alive(grandchild))


def test_nothing_is_started_once_stopping_has_begun(processes: Processes) -> None:
    processes.stop_all()
    with pytest.raises(RuntimeError, match="stopping"):
        processes.start("late", [sys.executable, "-c", ""], env=os.environ)


def test_the_guard_stops_what_a_killed_demo_left(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
from pathlib import Path
from tracekit.demo.processes import Processes
child = Processes(Path({str(tmp_path)!r})).start("orphan", {SLEEPER!r}, env=os.environ)
child.freeze()
print(child.pid, flush=True)
time.sleep(60)
"""
    demo = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    orphan = int(demo.stdout.readline())
    assert is_alive(orphan)
    demo.send_signal(signal.SIGKILL)
    demo.wait()
    demo.stdout.close()
    assert eventually(lambda: not is_alive(orphan))
