"""One OTLP request over each road into the collector, answers brought to one shape."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
from google.protobuf import json_format
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from collector.decode.registry import DECODERS
from collector.payload import Signal
from collector.receivers.otlp_grpc import METHODS
from tests.collector.batches import T0
from tests.collector.otlp import TRACE, request, span
from tests.collector.running import Running

REQUESTS: dict[Signal, Any] = {
    "traces": traces.ExportTraceServiceRequest,
    "metrics": metrics.ExportMetricsServiceRequest,
    "logs": logs.ExportLogsServiceRequest,
}
RESPONSES: dict[Signal, Any] = {
    "traces": traces.ExportTraceServiceResponse,
    "metrics": metrics.ExportMetricsServiceResponse,
    "logs": logs.ExportLogsServiceResponse,
}
REJECTED = {"traces": "rejected_spans", "metrics": "rejected_data_points", "logs": "rejected_log_records"}
# A signal joins these tests when its decoder is in the registry.
TAKEN: list[Signal] = [signal for signal in REQUESTS if (signal, "protobuf") in DECODERS]
_IDS = {"traceId", "spanId", "parentSpanId"}


def good(signal: Signal, number: int = 1) -> Any:
    """A request of one item; another number is another item."""
    return _one(signal, number, bad=False)


def partly_bad(signal: Signal) -> Any:
    """One item to keep and two that break OTLP's rules."""
    return merged(signal, _one(signal, 1, False), _one(signal, 2, True), _one(signal, 3, True))


def wholly_bad(signal: Signal) -> Any:
    return _one(signal, 1, bad=True)


def merged(signal: Signal, *requests: Any) -> Any:
    found = REQUESTS[signal]()
    for one in requests:
        found.MergeFrom(one)
    return found


def _one(signal: Signal, number: int, bad: bool) -> Any:
    if signal == "traces":
        return request(span(0 if bad else number))
    found = REQUESTS[signal]()
    if signal == "logs":
        record = found.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=T0 + number)
        record.trace_id = TRACE
        value = record.body
        for _ in range(40 if bad else 0):  # an id that is not valid would not make the record bad
            value = value.array_value.values.add()
        value.string_value = f"line {number}"
    else:
        metric = found.resource_metrics.add().scope_metrics.add().metrics.add(name="m", unit="s")
        metric.histogram.aggregation_temporality = 2
        metric.histogram.data_points.add(
            time_unix_nano=T0 + number,
            start_time_unix_nano=T0,
            count=3,
            sum=4.5,
            explicit_bounds=[1.0, 2.0],
            bucket_counts=[1, 2] if bad else [1, 1, 1],
        )
    return found


def otlp_json(message: Any, upper: bool = False) -> dict[str, Any]:
    """OTLP's JSON of an official message: ids in hex, enums as numbers."""
    found = json_format.MessageToDict(message, use_integers_for_enums=True)
    _hex_ids(found, upper)
    return found


def _hex_ids(value: Any, upper: bool) -> None:
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            _hex_ids(inner, upper)
    if isinstance(value, dict):
        for key in _IDS & value.keys():
            text = base64.b64decode(value[key]).hex()
            value[key] = text.upper() if upper else text


@dataclass(frozen=True, slots=True)
class Outcome:
    """`response` is the Export<Signal>ServiceResponse of a success, `status` the google.rpc.Status of a
    failure, `code` HTTP's number or gRPC's name, `retry_after_s` what the client is told to wait."""

    code: int | str
    response: Any = None
    status: Status | None = None
    retry_after_s: int = 0

    @property
    def detail(self) -> str:
        """The type of the status's first detail."""
        details = self.status.details if self.status else ()
        return details[0].TypeName() if details else ""


@dataclass(frozen=True, slots=True)
class Transport:
    """http/protobuf, http/json or grpc."""

    name: str

    def body(self, message: Any) -> bytes:
        if self.name == "http/json":
            return json.dumps(otlp_json(message)).encode()
        found: bytes = message.SerializeToString()
        return found

    def send(self, running: Running, signal: Signal, body: bytes, zipped: bool = False) -> Outcome:
        if self.name == "grpc":
            return _grpc(running, signal, body, zipped)
        return _http(running, signal, body, zipped, self.name == "http/json")

    def expected(self, http: int, rpc: str) -> int | str:
        """The code this transport answers with."""
        return rpc if self.name == "grpc" else http


TRANSPORTS = [Transport("http/protobuf"), Transport("http/json"), Transport("grpc")]


def roads() -> Iterator[tuple[Signal, Transport]]:
    for signal in TAKEN:
        for transport in TRANSPORTS:
            yield signal, transport


def _http(running: Running, signal: Signal, body: bytes, zipped: bool, as_json: bool) -> Outcome:
    media_type = "application/json" if as_json else "application/x-protobuf"
    headers = {"content-type": media_type} | ({"content-encoding": "gzip"} if zipped else {})
    content = gzip.compress(body) if zipped else body
    answer = httpx.post(f"{running.http}/v1/{signal}", content=content, headers=headers, timeout=60)
    assert answer.headers["content-type"] == media_type, "the answer is in the request's encoding"
    kind = RESPONSES[signal] if answer.status_code == 200 else Status
    message = json_format.Parse(answer.text, kind()) if as_json else kind.FromString(answer.content)
    if answer.status_code == 200:
        return Outcome(200, message)
    return Outcome(answer.status_code, None, message, int(answer.headers.get("retry-after", 0)))


def _grpc(running: Running, signal: Signal, body: bytes, zipped: bool) -> Outcome:
    method = next(path for path, name in METHODS.items() if name == signal)
    compression = grpc.Compression.Gzip if zipped else grpc.Compression.NoCompression
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(running.grpc, options=options, compression=compression) as channel:
        try:
            answer = channel.unary_unary(method)(body, timeout=60)
        except grpc.RpcError as error:
            return _refused(error)
    return Outcome("OK", RESPONSES[signal].FromString(answer))


def _refused(error: Any) -> Outcome:
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    retry = error_details_pb2.RetryInfo()
    if status.details:
        status.details[0].Unpack(retry)
    return Outcome(error.code().name, None, status, retry.retry_delay.seconds)
