"""OTLP/gRPC: bad payloads are the sender's fault, back-pressure is retryable, sizes are bounded."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.storage.base import RetryLater
from tests.collector.otlp import TRACE, request, span
from tests.collector.receivers.test_otlp_http import Writer
from tests.collector.running import Running, collector

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROFILES = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
GOOD = request(span(1)).SerializeToString()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with collector(tmp_path_factory.mktemp("data"), max_body_bytes="1MiB") as found:
        yield found


def export(running: Running, body: bytes, method: str = TRACES, **options: Any) -> ExportTraceServiceResponse:
    with grpc.insecure_channel(running.grpc, **options) as channel:
        return ExportTraceServiceResponse.FromString(channel.unary_unary(method)(body, timeout=20))


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_spans_are_stored(tmp_path: Path, compression: grpc.Compression) -> None:
    with collector(tmp_path) as running:
        assert not export(running, GOOD, compression=compression).HasField("partial_success")
        assert [s.name for s in running.reader.trace(TRACE.hex())] == ["s"]


def test_rejected_spans_are_a_partial_success(running: Running) -> None:
    response = export(running, request(span(0), span(2)).SerializeToString())
    assert response.partial_success.rejected_spans == 1


@pytest.mark.parametrize(
    ("body", "method", "code"),
    [
        (b"garbage", TRACES, grpc.StatusCode.INVALID_ARGUMENT),
        (request(span(0)).SerializeToString(), TRACES, grpc.StatusCode.INVALID_ARGUMENT),
        (b"\0" * 2_000_000, TRACES, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (GOOD, PROFILES, grpc.StatusCode.UNIMPLEMENTED),
        (GOOD, "/no.such/Method", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_what_cannot_be_taken_says_why(running: Running, body: bytes, method: str, code: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        export(running, body, method)
    assert caught.value.code() is code
    assert export(running, GOOD) is not None


def test_back_pressure_is_unavailable_with_retry_info(tmp_path: Path) -> None:
    with collector(tmp_path, Writer(RetryLater("disk is nearly full", 7.0))) as running:
        with pytest.raises(grpc.RpcError) as caught:
            export(running, GOOD)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        trailers = dict(caught.value.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        retry = error_details_pb2.RetryInfo()
        assert status.details[0].Unpack(retry)
        assert 7 <= retry.retry_delay.seconds <= 14


def test_what_is_not_gzip_as_it_says_is_refused_for_good_and_harms_nobody(running: Running) -> None:
    """gRPC unpacks messages before we see them, and answers this itself, by its own specification."""
    heads = [(":method", "POST"), (":scheme", "http"), (":path", TRACES), (":authority", "x")]
    heads += [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-encoding", "gzip")]
    head = b"".join(b"\0%c%b%c%b" % (len(k), k.encode(), len(v), v.encode()) for k, v in heads)
    message = b"\x01" + len(GOOD).to_bytes(4, "big") + GOOD
    said = b""
    with socket.create_connection(("127.0.0.1", int(running.grpc.rpartition(":")[2])), timeout=20) as wire:
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, head))
        wire.sendall(frame(0, 1, 1, message))
        while b"grpc-message" not in said:
            heard = wire.recv(65536)
            assert heard, "it hung up without a word"
            said += heard
    assert b"grpc-status\x0213" in said, "INTERNAL, which no client of OTLP sends again"
    assert export(running, GOOD) is not None


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """Of HTTP/2."""
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body
