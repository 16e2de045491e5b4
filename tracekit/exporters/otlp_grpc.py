"""OTLP over gRPC with grpcio, which comes with opentelemetry's official exporter (tracekit[otel]).

The bytes are ours, so one encoder decides what is sent; deadlines, metadata, certificates and compression
are gRPC's. Loaded and run on the flusher's thread. The official exporter's own deadline is 10 s and its
retries go on in the call; ours are the flusher's.
"""

from __future__ import annotations

from time import monotonic

from tracekit import otlp
from tracekit.exporters.base import DONE, REFUSED, RETRY, Exporter, Result
from tracekit.guard import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.target import Target

_SERVICES = {
    "spans": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
# OTLP specification, "OTLP/gRPC Response"; RESOURCE_EXHAUSTED only where the receiver says when.
_RETRYABLE = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
_LONGEST_PAUSE_S = 300.0


class OtlpGrpcExporter(Exporter):
    """Calls one service. Not safe for two threads at once; the flusher has only one."""

    spools_as = "otlp"

    def __init__(
        self,
        target: Target,
        encode: Callable[[list[Any], Mapping[str, Any], int], bytes] = otlp.encode,
        signal: str = "spans",
    ) -> None:
        self.url = target.url
        self.signal = signal
        self._target = target
        self._encode = encode
        self._channel: Any = None

    def encode(self, spans: list[Any], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        body = self._encode(spans, resource, dropped)
        return body, len(body)

    def join(self, bodies: list[Any]) -> Any:
        return b"".join(bodies)  # protobuf messages one after the other are one

    def send(self, body: Any, deadline: float) -> Result:
        try:
            import grpc
        except ImportError:
            say("OTEL_EXPORTER_OTLP_PROTOCOL=grpc needs grpcio: pip install 'tracekit[otel]'", key="grpc")
            return Result(RETRY, "grpcio is not installed")
        if self._channel is None:
            self._channel = _open(grpc, self._target)
        call = self._channel.unary_unary(_SERVICES[self.signal])
        metadata = [(name.lower(), value) for name, value in self._target.headers.items()]
        try:
            call(body, timeout=max(deadline - monotonic(), 0.001), metadata=metadata)
        except grpc.RpcError as error:
            return self._judge(error)
        return Result(DONE)

    def _judge(self, error: Any) -> Result:
        code = error.code().name
        reason = f"{self.url} answered {code}: {error.details()}"
        pause = _retry_after(error)
        if code in _RETRYABLE or (code == "RESOURCE_EXHAUSTED" and pause):
            return Result(RETRY, f"cannot reach {self.url} ({code}: {error.details()})", pause)
        result = Result(REFUSED, f"{reason}; {self.signal} dropped")
        result.absent = code == "UNIMPLEMENTED"
        return result

    def forget_connection(self) -> None:
        self._channel = None  # a channel of the parent's cannot be closed by its child

    def close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


def _open(grpc: Any, target: Target) -> Any:
    scheme, _, address = target.url.partition("://")
    packing = grpc.Compression.Gzip if target.compression == "gzip" else grpc.Compression.NoCompression
    if scheme.lower() != "https":
        return grpc.insecure_channel(address, compression=packing)
    paths = (target.certificate, target.client_key, target.client_certificate)
    authorities, key, certificate = [_content(path) for path in paths]
    trust = grpc.ssl_channel_credentials(authorities, key, certificate)
    return grpc.secure_channel(address, trust, compression=packing)


def _content(path: str) -> bytes | None:
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()


def _retry_after(error: Any) -> float:
    """Seconds the receiver asks to wait (google.rpc.RetryInfo); 0 where it does not say."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if not details:
        return 0.0
    from google.rpc.error_details_pb2 import RetryInfo
    from google.rpc.status_pb2 import Status

    for detail in Status.FromString(details).details:
        info = RetryInfo()
        if detail.Unpack(info):
            return float(min(info.retry_delay.seconds + info.retry_delay.nanos / 1e9, _LONGEST_PAUSE_S))
    return 0.0
