"""OTLP/gRPC: TraceService/Export on raw bytes, so that a bad payload is INVALID_ARGUMENT and not INTERNAL."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import grpc

from collector.ingest import Ingest
from collector.payload import Payload
from collector.receivers import status
from collector.receivers.status import Failure
from collector.settings import Address

log = logging.getLogger(__name__)

_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_NOT_YET = {
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_GRACE_S = 5.0
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class _Services(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Methods by path; requests and responses stay bytes."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def service(self, call: Any) -> Any:
        if call.method == _TRACES:
            return grpc.unary_unary_rpc_method_handler(self._export)
        if call.method in _NOT_YET:
            return grpc.unary_unary_rpc_method_handler(_not_yet)
        return None  # grpc answers UNIMPLEMENTED

    async def _export(self, body: bytes, context: Any) -> bytes:
        try:
            with self._ingest.reserve() as reservation:
                reservation.grow(len(body))
                decoded = await self._ingest.export(Payload("traces", "protobuf", body, time.time_ns()))
        except Exception as error:
            await _abort(context, _failure(error))
        failure = status.nothing_salvageable(decoded)
        if failure:
            await _abort(context, failure)
        return status.response_protobuf(decoded)


async def _not_yet(body: bytes, context: Any) -> bytes:
    message = "not yet: traces only in this version"
    await _abort(context, Failure(404, status.UNIMPLEMENTED, message))


def _failure(error: Exception) -> Failure:
    try:
        return status.failure_of(error)
    except Exception:
        log.exception("a request failed in a way the receiver does not know")
        return Failure(503, status.UNAVAILABLE, "internal error", status.jittered(5.0))


async def _abort(context: Any, failure: Failure) -> NoReturn:
    """RetryInfo travels in the rich status, where OTLP clients look for it."""
    trailers = (("grpc-status-details-bin", status.status_protobuf(failure)),)
    await context.abort(_CODES[failure.code], failure.message, trailers)
    raise AssertionError("abort raises")


@contextlib.asynccontextmanager
async def serving_grpc(ingest: Ingest, address: Address, max_body_bytes: int) -> AsyncIterator[Address]:
    """Listens while the context lasts and says where. OSError if the address is taken."""
    options = (
        ("grpc.max_receive_message_length", max_body_bytes),  # counted after decompression
        ("grpc.so_reuseport", 0),
    )
    server = grpc.aio.server(handlers=(_Services(ingest),), options=options)
    try:
        port = server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error
    await server.start()
    try:
        yield Address(address.host, port)
    finally:
        await server.stop(_GRACE_S)
