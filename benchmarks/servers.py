"""Collectors under measurement, each in a process of its own on a free loopback port."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    otlp: str
    ui: str

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self, timeout_s: float = 300.0) -> float:
        """Seconds until all that was acknowledged is inserted, before a kill too."""
        began = time.perf_counter()
        while time.perf_counter() - began < timeout_s:
            if self.metric("tracekit_waiting_bytes") + self.metric("tracekit_journal_lag_bytes") == 0:
                return time.perf_counter() - began
            time.sleep(0.02)
        raise SystemExit("what was acknowledged is not inserted after minutes")

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"{self.ui}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return float(next(line for line in lines if line.startswith(name + " ")).rpartition(" ")[2])

    @property
    def rss_mib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def clean_environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "TRACEKIT_"))}
    return {**kept, **more}


@contextlib.contextmanager
def tracekit(folder: Path, **environment: str) -> Iterator[Server]:
    """`tracekit serve` on this folder; `environment` holds settings."""
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tracekit", "serve", f"--data={folder}", f"--ready-file={ready}"]
    command += [f"--{name}=127.0.0.1:0" for name in ("otlp-http", "ui")] + ["--otlp-grpc=off"]
    with (folder / "serve.log").open("a") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=clean_environment(**environment))
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((folder / "serve.log").read_text())
            time.sleep(0.02)
        bound = json.loads(ready.read_text())
        yield Server(process.pid, f"{bound['otlp_http']}/v1/traces", bound["ui"])
    finally:
        process.terminate()
        process.wait(120)


@contextlib.contextmanager
def naive(folder: Path) -> Iterator[Server]:
    command = [sys.executable, str(HERE / "naive_server.py"), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        yield Server(process.pid, f"{url}/v1/traces", url)
    finally:
        process.terminate()
        process.wait(60)


def load(url: str, *options: str) -> dict[str, float]:
    """Run otlp_load.py against the URL; its report."""
    command = [sys.executable, str(HERE / "otlp_load.py"), url, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=clean_environment())
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
