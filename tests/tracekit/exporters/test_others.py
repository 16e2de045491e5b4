from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracekit.config import Config
from tracekit.exporters import choose
from tracekit.exporters.file import FileExporter
from tracekit.exporters.opentelemetry import OfficialExporter
from tracekit.span import SERVER, Span, Trace


def a_span() -> Span:
    span = Span("handler", SERVER, None, Trace(1), 10, {"bytes": b"\x01", "list": [1, "a"]})
    span.end = 20
    span.set_status("error", "broken")
    return span


def test_the_file_exporter_writes_one_json_object_a_line(tmp_path: Path) -> None:
    exporter = FileExporter(str(tmp_path / "spans.jsonl"))
    for _ in range(2):
        body, _ = exporter.encode([a_span()], {"service.name": "shop"}, 0)
        assert exporter.send(body, 0).outcome == "done"
    rows = [json.loads(line) for line in (tmp_path / "spans.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    assert rows[0]["name"] == "handler" and rows[0]["attributes"] == {"bytes": "01", "list": [1, "a"]}
    assert rows[0]["status"] == "error" and rows[0]["resource"] == {"service.name": "shop"}


def test_a_file_that_cannot_be_written_keeps_the_spans(tmp_path: Path) -> None:
    exporter = FileExporter(str(tmp_path / "missing" / "spans.jsonl"))
    body, _ = exporter.encode([a_span()], {}, 0)
    assert exporter.send(body, 0).outcome == "retry"


def test_official_exporters_get_spans_they_understand() -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    official = InMemorySpanExporter()
    exporter = OfficialExporter("any", exporter=official)
    body, _ = exporter.encode([a_span()], {"service.name": "shop"}, 0)
    assert exporter.send(body, 0).outcome == "done"
    [span] = official.get_finished_spans()
    assert span.name == "handler" and span.resource.attributes["service.name"] == "shop"
    assert span.status.description == "broken" and not span.status.is_ok


@pytest.mark.parametrize(
    ("env", "kind"),
    [
        ({}, "OtlpHttpExporter"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OtlpGrpcExporter"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "OtlpJsonExporter"),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_grpc"}, "OfficialExporter"),
        ({"OTEL_TRACES_EXPORTER": "zipkin_json"}, "OfficialExporter"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "ConsoleExporter"),
        ({"OTEL_TRACES_EXPORTER": "file"}, "FileExporter"),
        ({"OTEL_TRACES_EXPORTER": "memory"}, "MemoryExporter"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "NoneType"),
    ],
)
def test_the_environment_chooses_the_exporter(env: dict[str, str], kind: str) -> None:
    assert type(choose(Config(env))).__name__ == kind
