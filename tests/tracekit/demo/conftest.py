"""What the demo's tests share: processes that are surely stopped, a ledger, functions written to a folder."""

from __future__ import annotations

import gzip
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tracekit.demo import application
from tracekit.demo.ledger import Ledger
from tracekit.demo.processes import Processes
from tracekit.demo.web import Loopback, Request, Response


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path / "logs")
    yield started
    started.stop_all()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


class Collector:
    """Takes OTLP and keeps the spans, each once, by service."""

    def __init__(self) -> None:
        self._spans: dict[bytes, tuple[str, Span]] = {}
        self._server = Loopback(self._answer)
        self.url = self._server.url
        self.close = self._server.close

    @property
    def spans(self) -> list[tuple[str, Span]]:
        return list(self._spans.values())

    def _answer(self, request: Request) -> Response:
        zipped = request.headers.get("Content-Encoding") == "gzip"
        content = ExportTraceServiceRequest.FromString(
            gzip.decompress(request.body) if zipped else request.body
        )
        for resource in content.resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self._spans |= {span.span_id: (names["service.name"], span) for span in scope.spans}
        return Response(200, b"", {"Content-Type": "application/x-protobuf"})


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


@pytest.fixture
def environment(collector: Collector) -> dict[str, str]:
    """A function's environment."""
    return application.environment(collector.url)


@pytest.fixture
def deploy(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a function's source as index.py and returns its folder."""

    def write(source: str, folder: str = "code") -> Path:
        path = tmp_path / folder
        path.mkdir()
        (path / "index.py").write_text(textwrap.dedent(source))
        return path

    return write
