"""What the SDK's tests share: a pipeline that keeps spans in memory, and a collector stand-in on loopback."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracekit import config, context, pipeline
from tracekit.exporters.memory import MemoryExporter
from tracekit.lifecycle import LIFECYCLE, PAUSES
from tracekit.pipeline import Pipeline
from tracekit.span import Span


class Recorded:
    """Finished spans of the code under test."""

    def __init__(self) -> None:
        self.exporter = MemoryExporter()

    @property
    def all(self) -> list[Span]:
        # Forced: on a busy machine the flush of a call may have run out of its budget and be under way.
        pipeline.get().flush(budget_s=30, force=True)
        return self.exporter.spans

    def named(self, name: str) -> Span:
        found = [span for span in self.all if span.name == name]
        assert len(found) == 1, f"{len(found)} spans named {name!r} among {[span.name for span in self.all]}"
        return found[0]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """Every span of the test, in a process that looks freshly started."""
    for name in [name for name in os.environ if name.startswith(("OTEL_", "TRACEKIT_"))]:
        monkeypatch.delenv(name)
    config.forget()
    recorder = Recorded()
    pipeline.replace(Pipeline(config.get(), recorder.exporter))
    LIFECYCLE.__init__()  # type: ignore[misc]
    PAUSES.__init__()  # type: ignore[misc]
    token = context.attach(None)
    yield recorder
    context.detach(token)
    pipeline.replace(None)
    config.forget()


class Collector:
    """Takes OTLP over HTTP as a collector would. `answer` may be replaced to misbehave."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] = ok
        collector = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                collector.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.requests.append(body)
                collector.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def spans(self) -> list[Any]:
        messages = [ExportTraceServiceRequest.FromString(body) for body in self.requests]
        return [
            span
            for message in messages
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait(self, count: int, seconds: float = 10) -> list[Any]:
        """The spans received, once there are `count` of them."""
        deadline = time.monotonic() + seconds
        while len(self.spans) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.spans) >= count, [span.name for span in self.spans]
        return self.spans

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def ok(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "application/x-protobuf")
    request.send_header("Content-Length", "0")
    request.end_headers()


@pytest.fixture
def collector() -> Iterator[Collector]:
    stand_in = Collector()
    yield stand_in
    stand_in.close()


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs code in a process of its own, with only the OTEL_ and TRACEKIT_ variables given."""

    def run(code: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(code)
        command = [sys.executable, *options, "script.py"]
        return subprocess.run(
            command, cwd=tmp_path, env=clean_env(env), capture_output=True, text=True, timeout=60
        )

    return run


def clean_env(extra: dict[str, str]) -> dict[str, str]:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "TRACEKIT_", "FC_"))
    }
    # The budget of production would make a busy machine look like a broken endpoint.
    return {**kept, "TRACEKIT_FLUSH_BUDGET_MS": "10000", **extra}


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes that are stopped when the test ends."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], **env: str) -> subprocess.Popen[bytes]:
        with open(tmp_path / f"process-{len(started)}.log", "wb") as log:
            process = subprocess.Popen(command, cwd=tmp_path, env=clean_env(env), stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def listening() -> Callable[[int], None]:
    """Waits until something accepts connections on a loopback port."""

    def wait(port: int, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"nothing listens on {port}")

    return wait
