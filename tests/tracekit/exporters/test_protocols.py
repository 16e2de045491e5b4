"""Spans, logs and metrics leave over each of OTLP's protocols, and under the same rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracekit import otlp
from tracekit.config import Config
from tracekit.exporters.otlp_json import to_json
from tracekit.span import SERVER, Span, Trace

SERVICES = ("trace.v1.TraceService", "logs.v1.LogsService", "metrics.v1.MetricsService")
CODE = """
import logging
from tracekit import span, metric, flush
with span('spanned'):
    logging.getLogger('shop').warning('logged')
metric('measured', 3)
assert flush(20000)
"""


class GrpcCollector:
    """A gRPC server that keeps what it is sent, and answers as it is told."""

    def __init__(self, credentials: Any = None) -> None:
        self.received: dict[str, list[bytes]] = {}
        self.metadata: list[dict[str, str]] = []
        self.codes: dict[str, Any] = {}
        self._server = grpc.server(ThreadPoolExecutor(2), handlers=[self._handler()])
        bind = self._server.add_insecure_port
        if credentials is not None:
            bind = lambda address: self._server.add_secure_port(address, credentials)  # noqa: E731
        self.address = f"127.0.0.1:{bind('127.0.0.1:0')}"
        self._server.start()

    def _handler(self) -> Any:
        collector = self

        class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
            def service(self, details: Any) -> Any:
                name = details.method.split("/")[1].removeprefix("opentelemetry.proto.collector.")

                def take(body: bytes, context: Any) -> bytes:
                    collector.metadata.append(dict(context.invocation_metadata()))
                    if code := collector.codes.get(name):
                        context.abort(code, "as told")
                    collector.received.setdefault(name, []).append(body)
                    return b""

                return grpc.unary_unary_rpc_method_handler(take)

        return Handler()

    def close(self) -> None:
        self._server.stop(None)


@pytest.fixture
def grpc_collector() -> Iterator[GrpcCollector]:
    stand_in = GrpcCollector()
    yield stand_in
    stand_in.close()


def succeeds(python: Any, code: str, **env: str) -> str:
    result = python(code, TRACEKIT_LOGS="true", **env)
    assert result.returncode == 0, result.stderr
    return str(result.stderr)


def test_all_signals_leave_over_grpc(python: Any, grpc_collector: GrpcCollector) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{grpc_collector.address}",
        "OTEL_EXPORTER_OTLP_HEADERS": "X-Key=1",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    succeeds(python, CODE, **env)
    assert sorted(grpc_collector.received) == sorted(SERVICES)
    found = {name: b"".join(bodies) for name, bodies in grpc_collector.received.items()}
    assert b"spanned" in found[SERVICES[0]] and b"logged" in found[SERVICES[1]]
    assert b"measured" in found[SERVICES[2]]
    assert all(metadata["x-key"] == "1" for metadata in grpc_collector.metadata)


def test_each_signal_may_have_its_own_protocol(
    python: Any, grpc_collector: GrpcCollector, collector: Any
) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": grpc_collector.address,
        "OTEL_EXPORTER_OTLP_LOGS_INSECURE": "true",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json",
    }
    succeeds(python, CODE, **env)
    assert list(grpc_collector.received) == ["logs.v1.LogsService"]
    assert sorted(body[:1] == b"{" for body in collector.requests) == [False, True]


def test_all_signals_leave_as_json(python: Any, collector: Any) -> None:
    kinds: list[str] = []
    usual = collector.answer

    def answer(request: Any) -> None:
        kinds.append(request.headers["Content-Type"])
        usual(request)

    collector.answer = answer
    env = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    succeeds(python, CODE, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **env)
    found: dict[str, Any] = {}
    for body in collector.requests:
        found |= json.loads(body)
    assert kinds == ["application/json"] * 3
    [span] = found["resourceSpans"][0]["scopeSpans"][0]["spans"]
    [record] = found["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    [metric] = found["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    assert (span["name"], record["body"]) == ("spanned", {"stringValue": "logged"})
    assert record["traceId"] == span["traceId"] and len(bytes.fromhex(span["traceId"])) == 16
    assert record["spanId"] == span["spanId"] and len(bytes.fromhex(span["spanId"])) == 8
    assert metric["sum"]["dataPoints"][0]["asInt"] == "3"
    assert record["severityNumber"] == 13, "enums are numbers in OTLP's JSON"


def test_json_differs_from_protobufs_own_in_ids_only() -> None:
    span = Span("s", SERVER, None, Trace(0xABC), 10, {"bytes": b"\x01", "list": [1, "a"], "traceId": "user"})
    span.end = 20
    body = otlp.encode([span], {"service.name": "shop"}, 0)
    found = json.loads(to_json(body, "spans"))
    request = ExportTraceServiceRequest.FromString(body)
    expected = MessageToDict(request, use_integers_for_enums=True)
    [one], [other] = (doc["resourceSpans"][0]["scopeSpans"][0]["spans"] for doc in (found, expected))
    assert (one.pop("traceId"), one.pop("spanId")) == (span.trace_id, span.span_id)
    del other["traceId"], other["spanId"]
    assert found == expected


@pytest.mark.parametrize(
    ("code", "kept", "said"),
    [
        (grpc.StatusCode.UNAVAILABLE, True, "stay queued"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, False, "RESOURCE_EXHAUSTED"),
        (grpc.StatusCode.INVALID_ARGUMENT, False, "spans dropped"),
    ],
)
def test_a_receivers_answer_decides_what_becomes_of_spans(
    python: Any, grpc_collector: GrpcCollector, code: Any, kept: bool, said: str
) -> None:
    grpc_collector.codes["trace.v1.TraceService"] = code
    program = "from tracekit import span, flush\nfrom tracekit.queue import QUEUE\nwith span('s'): pass\n"
    program += "print(flush(20000), len(QUEUE), flush=True)\nimport os\nos._exit(0)"
    env = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{grpc_collector.address}",
    }
    result = python(program, **env)
    assert result.stdout.split() == ["False", str(int(kept))] and said in result.stderr


def test_a_receiver_that_takes_no_logs_is_named_once(python: Any, grpc_collector: GrpcCollector) -> None:
    grpc_collector.codes["logs.v1.LogsService"] = grpc.StatusCode.UNIMPLEMENTED
    env = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{grpc_collector.address}",
    }
    code = CODE.replace("assert flush(20000)", "flush(20000)\nlogging.warning('again')\nflush(20000)")
    said = [line for line in succeeds(python, code, **env).splitlines() if line.startswith("tracekit:")]
    assert len(said) == 1 and "UNIMPLEMENTED: it takes no logs" in said[0]
    assert "logs.v1.LogsService" not in grpc_collector.received


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the test's certificate")
def test_grpc_checks_and_shows_certificates(python: Any, tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    mutual = grpc.ssl_server_credentials([(key.read_bytes(), cert.read_bytes())], cert.read_bytes(), True)
    collector = GrpcCollector(mutual)
    env = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,  # without a scheme: secure
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(cert),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(cert),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(key),
    }
    try:
        succeeds(python, CODE, **env)
        assert sorted(collector.received) == sorted(SERVICES)
        collector.received.clear()
        untrusted = {name: value for name, value in env.items() if name != "OTEL_EXPORTER_OTLP_CERTIFICATE"}
        code = "from tracekit import span, flush\nwith span('s'): pass\nprint(flush(3000))"
        assert python(code, **untrusted).stdout == "False\n" and not collector.received
    finally:
        collector.close()


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({}, "http://127.0.0.1:4317"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://otlp.example:443/"}, "https://otlp.example:443"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "otlp.example:443"}, "https://otlp.example:443"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "otlp.example:4317", "OTEL_EXPORTER_OTLP_INSECURE": "true"},
            "http://otlp.example:4317",
        ),
    ],
)
def test_a_grpc_endpoint_is_read_as_specified(env: dict[str, str], url: str) -> None:
    settings = Config({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **env})
    assert settings.endpoint == settings.logs_target.url == settings.metrics_target.url == url
