"""A real `tracekit serve` in a process of its own, on free loopback ports, for tests to talk to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from collector.stopping import STOP_S


@dataclass(slots=True)
class Server:
    process: subprocess.Popen[str]
    otlp_http: str
    otlp_grpc: str
    ui: str
    log: Path

    def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM, as a service manager stops it; the exit code. Its own deadline passes before ours."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S + 15)


def start(
    data: Path, *options: str, wait_s: float = 30.0, program: Sequence[str] = ("-m", "tracekit")
) -> Server:
    """Start and wait until it listens. Fails with the server's own words if it does not."""
    data.mkdir(parents=True, exist_ok=True)
    ready, log = data / "ready.json", data / "serve.log"
    ready.unlink(missing_ok=True)
    addresses = [f"--{name}=127.0.0.1:0" for name in ("otlp-http", "otlp-grpc", "ui")]
    command = [sys.executable, *program, "serve", f"--data={data}", f"--ready-file={ready}"]
    with log.open("a") as output:
        process = subprocess.Popen(
            [*command, *addresses, *options], stdout=output, stderr=output, text=True, env=clean_environment()
        )
    deadline = time.monotonic() + wait_s
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"tracekit serve did not start:\n{log.read_text()}")
        time.sleep(0.02)
    bound = json.loads(ready.read_text())
    return Server(process, bound["otlp_http"], bound["otlp_grpc"], bound["ui"], log)


@contextmanager
def serving(data: Path, *options: str) -> Iterator[Server]:
    server = start(data, *options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that would configure tracekit or opentelemetry."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "TRACEKIT_", "AWS_", "FC_"))}
    return {**kept, **more}
