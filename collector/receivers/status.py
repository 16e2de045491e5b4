"""Outcomes in OTLP's words: google.rpc.Status and Export<Signal>ServiceResponse, in protobuf and JSON."""

from __future__ import annotations

import json
import logging
import random
from dataclasses import dataclass
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, message_factory
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.decode.result import Decoded, TooLarge, Undecodable
from collector.ingest import Busy
from collector.payload import Signal
from collector.storage.base import Rejected, RetryLater

log = logging.getLogger(__name__)

# google.rpc.Code
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
UNAUTHENTICATED = 16


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


def failure_or_unavailable(error: Exception) -> Failure:
    """The same at the edge, where nothing may escape: what nobody foresaw is logged, and worth a resend."""
    try:
        return failure_of(error)
    except Exception:
        log.exception("a request failed in a way the receiver does not know")
        return Failure(503, UNAVAILABLE, "internal error", jittered(5.0))


def require_salvageable(decoded: Decoded) -> None:
    """All items rejected and none kept is a bad request, not a partial success: raises Failure."""
    if decoded.rejected_items and not len(decoded.batch):
        raise Failure(400, INVALID_ARGUMENT, f"nothing of it could be taken: {decoded.message}")


def jittered(seconds: float) -> int:
    """Whole seconds, up to twice as many: clients turned away together must not come back together."""
    return max(1, round(seconds * random.uniform(1.0, 2.0)))


# ---------------------------------------------------------------- google.rpc messages


def _google_rpc() -> descriptor_pool.DescriptorPool:
    """Status and its details described here: the package that ships them is not needed otherwise."""
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
    bad = file.message_type.add(name="BadRequest")
    violation = bad.nested_type.add(name="FieldViolation")
    violation.field.add(name="field", number=1, type=field.TYPE_STRING, label=one)
    violation.field.add(name="description", number=2, type=field.TYPE_STRING, label=one)
    name = ".google.rpc.BadRequest.FieldViolation"
    bad.field.add(name="field_violations", number=1, type=field.TYPE_MESSAGE, label=many, type_name=name)
    pool.Add(file)
    return pool


_POOL = _google_rpc()


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"google.rpc.{name}"))


_Status, _RetryInfo, _BadRequest = _message("Status"), _message("RetryInfo"), _message("BadRequest")
_TYPE_URL = "type.googleapis.com/google.rpc."


def status_protobuf(failure: Failure) -> bytes:
    status = _Status(code=failure.code, message=failure.message)
    if failure.retry_after_s:
        retry = _RetryInfo()
        retry.retry_delay.seconds = failure.retry_after_s
        status.details.add(type_url=_TYPE_URL + "RetryInfo", value=retry.SerializeToString())
    elif failure.http_status == 400:
        bad = _BadRequest(field_violations=[{"description": failure.message}])
        status.details.add(type_url=_TYPE_URL + "BadRequest", value=bad.SerializeToString())
    found: bytes = status.SerializeToString()
    return found


def status_json(failure: Failure) -> bytes:
    status: dict[str, Any] = {"code": failure.code, "message": failure.message}
    if failure.retry_after_s:
        status["details"] = [{"@type": _TYPE_URL + "RetryInfo", "retryDelay": f"{failure.retry_after_s}s"}]
    elif failure.http_status == 400:
        violations = [{"description": failure.message}]
        status["details"] = [{"@type": _TYPE_URL + "BadRequest", "fieldViolations": violations}]
    return json.dumps(status).encode()


# ---------------------------------------------------------------- success

_RESPONSES: dict[Signal, Any] = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}
# Each signal counts its own items.
_REJECTED: dict[Signal, tuple[str, str]] = {
    "traces": ("rejected_spans", "rejectedSpans"),
    "metrics": ("rejected_data_points", "rejectedDataPoints"),
    "logs": ("rejected_log_records", "rejectedLogRecords"),
}


def response_protobuf(signal: Signal, decoded: Decoded) -> bytes:
    response = _RESPONSES[signal]()
    if decoded.rejected_items:
        setattr(response.partial_success, _REJECTED[signal][0], decoded.rejected_items)
        response.partial_success.error_message = decoded.message
    found: bytes = response.SerializeToString()
    return found


def response_json(signal: Signal, decoded: Decoded) -> bytes:
    if not decoded.rejected_items:
        return b"{}"
    partial = {_REJECTED[signal][1]: str(decoded.rejected_items), "errorMessage": decoded.message}
    return json.dumps({"partialSuccess": partial}).encode()
