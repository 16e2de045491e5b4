"""Outcomes in OTLP's words: google.rpc.Status and ExportTraceServiceResponse, in protobuf and JSON."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, message_factory
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.decode.result import Decoded, TooLarge, Undecodable
from collector.ingest import Busy
from collector.storage.base import Rejected, RetryLater

# google.rpc.Code
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14


@dataclass(frozen=True, slots=True)
class Failure(Exception):
    """Why a request was not taken. `retry_after_s` is 0 where a resend cannot help."""

    http_status: int
    code: int
    message: str
    retry_after_s: int = 0


def failure_of(error: Exception) -> Failure:
    """The one place that turns errors of ingest and below into protocol."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, TooLarge):
        return Failure(413, RESOURCE_EXHAUSTED, str(error))
    if isinstance(error, (Undecodable, Rejected)):
        return Failure(400, INVALID_ARGUMENT, str(error))
    if isinstance(error, RetryLater):
        status = 429 if isinstance(error, Busy) else 503
        return Failure(status, UNAVAILABLE, str(error), jittered(error.retry_after_s))
    raise error


def nothing_salvageable(decoded: Decoded) -> Failure | None:
    """All spans rejected and none kept is a bad request, not a partial success."""
    if decoded.rejected_items and not len(decoded.batch):
        return Failure(400, INVALID_ARGUMENT, f"no span could be taken: {decoded.message}")
    return None


def jittered(seconds: float) -> int:
    """Whole seconds, up to twice as many: clients turned away together must not come back together."""
    return max(1, round(seconds * random.uniform(1.0, 2.0)))


# ---------------------------------------------------------------- google.rpc messages


def _google_rpc() -> descriptor_pool.DescriptorPool:
    """Status and RetryInfo described here: the package that ships them is not needed otherwise."""
    pool = descriptor_pool.DescriptorPool()
    for module in (any_pb2, duration_pb2):
        needed = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(needed)
        pool.Add(needed)
    file = descriptor_pb2.FileDescriptorProto(
        name="tracekit_rpc.proto", package="google.rpc", syntax="proto3"
    )
    file.dependency.extend([any_pb2.DESCRIPTOR.name, duration_pb2.DESCRIPTOR.name])
    status = file.message_type.add(name="Status")
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    status.field.add(name="code", number=1, type=field.TYPE_INT32, label=one)
    status.field.add(name="message", number=2, type=field.TYPE_STRING, label=one)
    any_type = ".google.protobuf.Any"
    status.field.add(name="details", number=3, type=field.TYPE_MESSAGE, label=many, type_name=any_type)
    retry = file.message_type.add(name="RetryInfo")
    duration = ".google.protobuf.Duration"
    retry.field.add(name="retry_delay", number=1, type=field.TYPE_MESSAGE, label=one, type_name=duration)
    pool.Add(file)
    return pool


_POOL = _google_rpc()
_Status: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("google.rpc.Status"))
_RetryInfo: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("google.rpc.RetryInfo"))
_RETRY_INFO_URL = "type.googleapis.com/google.rpc.RetryInfo"


def status_protobuf(failure: Failure) -> bytes:
    status = _Status(code=failure.code, message=failure.message)
    if failure.retry_after_s:
        retry = _RetryInfo()
        retry.retry_delay.seconds = failure.retry_after_s
        status.details.add(type_url=_RETRY_INFO_URL, value=retry.SerializeToString())
    found: bytes = status.SerializeToString()
    return found


def status_json(failure: Failure) -> bytes:
    status: dict[str, Any] = {"code": failure.code, "message": failure.message}
    if failure.retry_after_s:
        status["details"] = [{"@type": _RETRY_INFO_URL, "retryDelay": f"{failure.retry_after_s}s"}]
    return json.dumps(status).encode()


# ---------------------------------------------------------------- success


def response_protobuf(decoded: Decoded) -> bytes:
    response = ExportTraceServiceResponse()
    if decoded.rejected_items:
        response.partial_success.rejected_spans = decoded.rejected_items
        response.partial_success.error_message = decoded.message
    return response.SerializeToString()


def response_json(decoded: Decoded) -> bytes:
    if not decoded.rejected_items:
        return b"{}"
    partial = {"rejectedSpans": str(decoded.rejected_items), "errorMessage": decoded.message}
    return json.dumps({"partialSuccess": partial}).encode()
