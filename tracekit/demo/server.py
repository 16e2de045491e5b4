"""The tracekit server under the demo: `tracekit serve` as a child process, started again should it die."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracekit.demo import application
from tracekit.demo.processes import Child, Processes, StartFailed
from tracekit.demo.settings import Settings

# -P: what is installed, not a checkout that the demo may be started in, which has no decoder in C.
SERVE = (sys.executable, "-P", "-m", "tracekit", "serve")
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
"""Longer than a function gets: the last commits and the checkpoint need their time."""
MAX_REVIVALS = 20


class Server:
    """Ready when made: `otlp_http` and `ui` are the URLs it listens on. Raises StartFailed."""

    def __init__(
        self, settings: Settings, data: Path, processes: Processes, *, stopping: Callable[[], bool]
    ) -> None:
        self._data = data
        self._processes = processes
        self._stopping = stopping
        self._ready_file = data / "demo" / "ready.json"
        self._revivals = 0
        self._addresses = {
            "otlp-http": settings.otlp_http,
            "otlp-grpc": settings.otlp_grpc,
            "ui": settings.ui,
        }
        self._child = self._start()
        ready = self._wait_until_ready()
        self.otlp_http = str(ready["otlp_http"])
        self.ui = str(ready["ui"])
        # A revived server must be where functions and browsers look for it.
        self._addresses = {name: _host_and_port(ready[name.replace("-", "_")]) for name in self._addresses}

    def revive(self) -> None:
        """Starts the server again, on the same folder and ports, if it has died. Raises StartFailed."""
        if self._child.running:
            return
        self._revivals += 1
        if self._revivals > MAX_REVIVALS:
            raise StartFailed(f"The server keeps dying. It printed:\n{self._child.last_lines(20)}")
        self._processes.stop(self._child)
        print("The server died and is started again.", flush=True)
        self._child = self._start()
        self._wait_until_ready()

    def stop(self) -> None:
        """Lets the server finish what it has taken in."""
        self._processes.stop(self._child, grace_s=STOP_TIMEOUT_S)

    def _start(self) -> Child:
        self._ready_file.unlink(missing_ok=True)
        addresses = [part for name, address in self._addresses.items() for part in (f"--{name}", address)]
        command = [*SERVE, "--data", str(self._data), *addresses]
        return self._processes.start(
            "serve", [*command, "--ready-file", str(self._ready_file)], env=self._environment()
        )

    @staticmethod
    def _environment() -> dict[str, str]:
        # The demo's alert rules call a webhook on loopback, which a server refuses unless told otherwise.
        return {**application.inherited(), "TRACEKIT_ALLOW_PRIVATE_WEBHOOKS": "1"}

    def _wait_until_ready(self) -> dict[str, Any]:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._ready_file.exists():
            if not self._child.running or self._stopping() or time.monotonic() > deadline:
                raise StartFailed(f"The server did not start. It printed:\n{self._child.last_lines(20)}")
            time.sleep(0.02)
        ready: dict[str, Any] = json.loads(self._ready_file.read_text())
        return ready


def _host_and_port(address: str) -> str:
    """Of a URL or a bare address; a receiver that is off has none."""
    return address.rpartition("//")[2].rstrip("/") or "off"
