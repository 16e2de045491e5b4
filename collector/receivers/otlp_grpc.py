"""OTLP/gRPC: Export of each signal on raw bytes, so that a bad one is INVALID_ARGUMENT, not INTERNAL."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc

from collector.decode.registry import DECODERS
from collector.decode.result import Decoded
from collector.ingest import Ingest
from collector.payload import Payload, Signal
from collector.receivers import status
from collector.receivers.http_app import Doorway
from collector.receivers.http_server import listen
from collector.receivers.status import Failure
from collector.receivers.tls import Tls
from collector.settings import Address

METHODS: dict[str, Signal] = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": "metrics",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": "logs",
}
_PROTOCOL = "otlp_grpc"
_GRACE_S = 3.0
_CALLS_A_CONNECTION = 32  # more wait at the client
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class _Services(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Methods by path; requests and responses stay bytes."""

    def __init__(self, ingest: Ingest, doorway: Doorway) -> None:
        self._handlers = {
            method: grpc.unary_unary_rpc_method_handler(_Exporter(ingest, doorway, signal).export)
            for method, signal in METHODS.items()
            if (signal, "protobuf") in DECODERS
        }

    def service(self, call: Any) -> Any:
        return self._handlers.get(call.method)  # None: grpc answers UNIMPLEMENTED


class _Exporter:
    """Takes one signal."""

    def __init__(self, ingest: Ingest, doorway: Doorway, signal: Signal) -> None:
        self._ingest = ingest
        self._doorway = doorway
        self._signal = signal

    async def export(self, body: bytes, context: Any) -> bytes:
        try:
            decoded = await self._take(body, _authorization(context))
        except Exception as error:
            failure = status.failure_or_unavailable(error).with_traceback(None)
        else:
            self._doorway.counts.answered(_PROTOCOL, self._signal, grpc.StatusCode.OK.name)
            return status.response_protobuf(self._signal, decoded)
        # The context keeps what `abort` raises, and that knows this frame, which knows the context: a circle,
        # in which the body would stay until the collector of garbage comes by.
        del body
        self._doorway.counts.answered(_PROTOCOL, self._signal, _CODES[failure.code].name)
        await _abort(context, failure)
        raise AssertionError("abort raises")

    async def _take(self, body: bytes, authorization: str) -> Decoded:
        sender = self._doorway.access.admit(authorization)
        sender.quota.charge(len(body))
        payload = Payload(self._signal, "protobuf", body, time.time_ns())
        with self._ingest.reserve() as reservation:
            reservation.grow(len(body))
            decoded = await self._ingest.export(payload)
        status.require_salvageable(decoded)
        self._doorway.acknowledged(payload)
        kept, rejected = len(decoded.batch), decoded.rejected_items
        self._doorway.counts.took(_PROTOCOL, self._signal, len(body), kept, rejected)
        return decoded


def _authorization(context: Any) -> str:
    for name, value in context.invocation_metadata() or ():
        if name == "authorization" and isinstance(value, str):
            return value
    return ""


async def _abort(context: Any, failure: Failure) -> None:
    """RetryInfo travels in the rich status, where OTLP clients look for it."""
    trailers = (("grpc-status-details-bin", status.status_protobuf(failure)),)
    await context.abort(_CODES[failure.code], failure.message, trailers)


@contextlib.asynccontextmanager
async def serving_grpc(
    ingest: Ingest,
    address: Address,
    max_body_bytes: int,
    doorway: Doorway | None = None,
    tls: Tls | None = None,
) -> AsyncIterator[Address]:
    """Listens while the context lasts and says where. OSError if the address is taken."""
    options = (
        # Counted after decompression. grpc holds a message whole before we see it: what many calls at once
        # may take is bounded by these two alone.
        ("grpc.max_receive_message_length", max_body_bytes),
        ("grpc.max_concurrent_streams", _CALLS_A_CONNECTION),
        ("grpc.so_reuseport", 0),
    )
    server = grpc.aio.server(handlers=(_Services(ingest, doorway or Doorway()),), options=options)
    listen(address).close()  # gRPC prints why it cannot have an address, and tells us only that it cannot
    try:
        if tls:
            port = server.add_secure_port(str(address), tls.grpc_credentials())
        else:
            port = server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error
    await server.start()
    try:
        yield Address(address.host, port)
    finally:
        await server.stop(_GRACE_S)
