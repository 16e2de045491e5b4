"""The storefront's server: Google's functions-framework in a process of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tracekit.demo.ledger import Ledger
from tracekit.demo.ports import free_port, listens
from tracekit.demo.processes import Processes, StartFailed

START_TIMEOUT_S = 30.0
THREADS = 8


class FunctionsFrameworkHost:
    """Runs `target` of the file `source` until closed. Raises StartFailed when it does not come up."""

    def __init__(
        self,
        target: str,
        source: Path,
        processes: Processes,
        ledger: Ledger,
        *,
        environment: Mapping[str, str],
        version: str = "1",
    ) -> None:
        self.name = target
        self.version = version
        self._processes = processes
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._child = processes.start(
            target,
            [sys.executable, "-m", "functions_framework", "--target", target, "--source", str(source)],
            env={**environment, **self._environment()},
            cwd=source.parent,
        )
        ledger.process_started(target)
        self._wait_until_listening()

    def close(self) -> None:
        self._processes.stop(self._child)

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not listens(self._port):
            if not self._child.running or time.monotonic() > deadline:
                raise StartFailed(f"{self.name} did not start:\n{self._child.last_lines()}")
            time.sleep(0.02)

    def _environment(self) -> dict[str, str]:
        return {
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "THREADS": str(THREADS),
            "K_SERVICE": self.name,
            "K_REVISION": self.version,
        }
