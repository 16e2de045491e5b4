"""Spans of other people's SDKs arrive as they were meant: Python and JavaScript, each in two encodings."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from collector.model import Kind, Span, Status
from tests.collector.running import Running, collector
from tests.collector.test_peers_signals import assert_are_the_peers_metrics

JS = Path(__file__).resolve().parents[1] / "js"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with collector(tmp_path_factory.mktemp("data")) as found:
        yield found


def assert_is_the_peers_trace(spans: tuple[Span, ...], service: str) -> None:
    parent, child = sorted(spans, key=lambda span: span.kind)
    assert (parent.name, parent.kind, parent.service, parent.version) == (
        "GET /größe",
        Kind.SERVER,
        service,
        "7",
    )
    assert (parent.scope, parent.resource["service.name"]) == ("peer@1.2.3", service)
    assert (child.kind, child.parent_span_id) == (Kind.CLIENT, parent.span_id)
    assert (child.status, child.status_message, child.error_type) == (Status.ERROR, "failed", "TypeError")
    assert child.db_statement == "SELECT * FROM t WHERE id IN (?)"
    assert (child.peer_kind, child.peer) == ("database", "sqlite: shop.db")
    kept: dict[str, Any] = {"whole": 12345678901, "fraction": 1.5, "flags": [True, False]}
    assert {key: child.attributes[key] for key in kept} == kept
    assert child.events[0].attributes["exception.message"] == "no such row"
    assert [(link.trace_id, link.span_id) for link in child.links] == [(parent.trace_id, parent.span_id)]
    assert parent.start_ns <= child.start_ns <= child.end_ns <= parent.end_ns


@pytest.mark.parametrize("protocol", ["http", "http-gzip", "grpc"])
def test_spans_of_the_python_sdk_arrive(running: Running, protocol: str) -> None:
    exporters = {
        "http": lambda: HttpExporter(f"{running.http}/v1/traces"),
        "http-gzip": lambda: HttpExporter(f"{running.http}/v1/traces", compression=Compression.Gzip),
        "grpc": lambda: GrpcExporter(running.grpc, insecure=True),
    }
    service = f"python-{protocol}"
    provider = TracerProvider(resource=Resource({"service.name": service, "faas.version": "7"}))
    provider.add_span_processor(SimpleSpanProcessor(exporters[protocol]()))
    tracer = provider.get_tracer("peer", "1.2.3")
    with tracer.start_as_current_span("GET /größe", kind=api.SpanKind.SERVER) as parent:
        attributes = {
            "db.system": "sqlite",
            "db.name": "shop.db",
            "db.statement": "SELECT * FROM t WHERE id IN (1, 2)",
            "whole": 12345678901,
            "fraction": 1.5,
            "flags": [True, False],
        }
        links = [api.Link(parent.get_span_context())]
        span = tracer.start_span("query", kind=api.SpanKind.CLIENT, attributes=attributes, links=links)
        span.record_exception(TypeError("no such row"))
        span.set_status(api.Status(api.StatusCode.ERROR, "failed"))
        span.end()
    provider.shutdown()
    trace_id = f"{parent.get_span_context().trace_id:032x}"
    assert_is_the_peers_trace(running.reader.trace(trace_id), service)


@pytest.fixture(scope="module")
def node_peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the JavaScript SDK installed; skips where that is not possible."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("js")
    shutil.copytree(JS, folder, dirs_exist_ok=True)
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    try:
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=150)
    except subprocess.TimeoutExpired:
        pytest.skip("npm install took longer than 150 s")
    if done.returncode:
        pytest.skip(f"npm install failed: {done.stderr.strip()[:300]}")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("encoding", ["json", "proto", "grpc"])
def test_all_signals_of_the_javascript_sdk_arrive(running: Running, node_peer: Path, encoding: str) -> None:
    url = f"http://{running.grpc}" if encoding == "grpc" else running.http
    command = ["node", "send.js", encoding, url]
    sent = subprocess.run(command, cwd=node_peer, capture_output=True, text=True, timeout=60)
    assert sent.returncode == 0, sent.stderr
    trace_id, service = sent.stdout.strip(), f"js-{encoding}"
    spans = running.reader.trace(trace_id)
    assert_is_the_peers_trace(spans, service)
    (found,) = running.logs.of_trace(trace_id)
    assert (found.body, found.severity, found.scope) == (
        {"größe": [1, 2.5, "x"], "ok": True},
        14,
        "peer@1.2.3",
    )
    assert found.attributes == {"whole": 12345678901, "flags": [True, False]}
    assert found.span_id in {span.span_id for span in spans if span.kind is Kind.SERVER}
    assert_are_the_peers_metrics(running.metrics, service)
