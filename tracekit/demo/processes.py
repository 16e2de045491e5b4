"""The processes the demo starts: each in a group of its own, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

GRACE_S = 3.0
"""How long a process may take to leave after SIGTERM before it is killed."""

GUARD = Path(__file__).with_name("guard.py")


class StartFailed(Exception):
    """Something the demo needs did not come up; the message holds what it printed last."""


class Child:
    """One started process and the log file that holds what it printed.

    It is reaped only by `reap`: until then its id, and so its group's, cannot become somebody else's.
    """

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self._popen = popen
        self.pid = popen.pid
        self.log = log
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        with self._lock:
            if self._popen.returncode is not None:
                return False
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def freeze(self) -> None:
        """Takes the CPU away, as platforms do between two invocations."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Asks the group to leave; a frozen one is thawed so that it can hear the question."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends the group at once, grandchildren included."""
        self._signal(signal.SIGKILL)

    def wait(self, timeout_s: float) -> bool:
        """Returns whether the process has ended within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while self.running:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)
        return True

    def reap(self) -> None:
        """Kills what is left of the group, even if the process itself has ended, and forgets the id."""
        self.kill()
        with self._lock:
            self._popen.wait()

    def last_lines(self, count: int = 12) -> str:
        """The end of what the process printed, for messages about why it failed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def _signal(self, number: int) -> None:
        with self._lock:
            if self._popen.returncode is None:
                os.killpg(self.pid, number)


class Processes:
    """Starts processes and stops every one of them, also when the demo itself is killed.

    A guard process reads the started groups from a pipe; when the pipe closes, the demo has died or is done
    and the guard stops what is left. PR_SET_PDEATHSIG would not do: it follows the *thread* that forked,
    and does not reach the workers a server forks.
    """

    def __init__(self, log_folder: Path) -> None:
        log_folder.mkdir(parents=True, exist_ok=True)
        self._log_folder = log_folder
        self._children: set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD)], stdin=subprocess.PIPE, start_new_session=True
        )

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None
    ) -> Child:
        """Starts `command` in a group of its own; its output goes to `<name>.log`.

        Raises RuntimeError once stop_all has begun: a late request must not start what nobody will stop.
        """
        log = self._log_folder / f"{name}.log"
        with self._lock, log.open("ab") as output:
            if self._closed:
                raise RuntimeError(f"the demo is stopping: {name} was not started")
            child = Child(self._spawn(command, env, cwd, output), log)
            self._children.add(child)
            self._tell_guard(f"+{child.pid}\n")
        return child

    @staticmethod
    def _spawn(
        command: Sequence[str], env: Mapping[str, str], cwd: Path | None, output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def stop(self, child: Child, *, grace_s: float = GRACE_S) -> None:
        """SIGTERM, then SIGKILL after the grace; returns when the process is gone."""
        child.terminate()
        child.wait(grace_s)
        child.reap()
        with self._lock:
            self._children.discard(child)
            self._tell_guard(f"-{child.pid}\n")

    def stop_all(self) -> None:
        """Stops every process still running, all at once, then the guard."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in children:
            child.terminate()
        deadline = time.monotonic() + GRACE_S
        for child in children:
            child.wait(max(0.0, deadline - time.monotonic()))
            self.stop(child, grace_s=0.2)
        self._dismiss_guard()

    def _tell_guard(self, line: str) -> None:
        # A guard killed by hand is no reason to stop: it only matters if the demo dies as well.
        if self._guard.stdin is not None and self._guard.poll() is None:
            self._guard.stdin.write(line.encode())
            self._guard.stdin.flush()

    def _dismiss_guard(self) -> None:
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait(GRACE_S)
