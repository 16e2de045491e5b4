"""Zipkin v2 JSON rewritten as OTLP, so that it means what OTLP means from there on.

The mapping is the reverse of OpenTelemetry's "OpenTelemetry to Zipkin Transformation". Tags are texts and
stay texts. A server's half of a shared span gets an id of its own, for OTLP knows a span once: it becomes the
child of the client's half.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from hashlib import blake2b
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from collector.decode import otlp_protobuf
from collector.decode.attributes import clean
from collector.decode.containers import require_small_json
from collector.decode.result import BadSpan, Decoded, TooLarge, Undecodable

MAX_SPANS = 200_000

_KINDS = {
    "CLIENT": Span.SPAN_KIND_CLIENT,
    "SERVER": Span.SPAN_KIND_SERVER,
    "PRODUCER": Span.SPAN_KIND_PRODUCER,
    "CONSUMER": Span.SPAN_KIND_CONSUMER,
}
_STATUSES = {"OK": Status.STATUS_CODE_OK, "ERROR": Status.STATUS_CODE_ERROR}
_SCOPE_TAGS = ("otel.scope.name", "otel.scope.version", "otel.library.name", "otel.library.version")
_STATUS_TAGS = ("otel.status_code", "otel.status_description", "error")
_NUMBERS = ("http.status_code", "http.response.status_code")
_U64 = 2**64 - 1


def decode(body: bytes, received_ns: int) -> Decoded:
    """The spans of a Zipkin v2 list. Raises Undecodable or TooLarge."""
    otlp, rejected = to_otlp(body)
    decoded = otlp_protobuf.decode(otlp, received_ns)
    decoded.rejected.update(rejected)
    return decoded


def to_otlp(body: bytes) -> tuple[bytes, Counter[str]]:
    """An ExportTraceServiceRequest, and why spans were left out of it. Raises Undecodable or TooLarge."""
    rejected: Counter[str] = Counter()
    groups: dict[tuple[str, str, str], list[Span]] = defaultdict(list)
    for raw in _spans(body):
        try:
            span = _object(raw, "a span")
            groups[_home(span)].append(_span(span))
        except BadSpan as error:
            rejected[str(error)] += 1
    return _request(groups).SerializeToString(), rejected


def _spans(body: bytes) -> list[Any]:
    require_small_json(body)
    found = _parsed(body)
    if not isinstance(found, list):
        raise Undecodable("the body is not a list of Zipkin v2 spans")
    if len(found) > MAX_SPANS:
        raise TooLarge(f"more than {MAX_SPANS} spans in one request")
    return found


def _parsed(body: bytes) -> Any:
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # The standard library also reads lone surrogates, which some encoders write.
        try:
            return json.loads(body.decode())
        except (ValueError, RecursionError) as error:
            raise Undecodable("the body is not JSON") from error


def _request(groups: dict[tuple[str, str, str], list[Span]]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    services: dict[str, Any] = {}
    for (service, scope, version), spans in groups.items():
        if service not in services:
            services[service] = request.resource_spans.add()
            if service:
                _add(services[service].resource, "service.name", service)
        scope_spans: ScopeSpans = services[service].scope_spans.add(spans=spans)
        scope_spans.scope.name, scope_spans.scope.version = scope, version
    return request


# ---------------------------------------------------------------- one span


def _home(span: dict[str, Any]) -> tuple[str, str, str]:
    """Service, scope and version of scope."""
    tags = _tags(span)
    service = _text(_object(span.get("localEndpoint"), "localEndpoint").get("serviceName"))
    scope = tags.get("otel.scope.name") or tags.get("otel.library.name") or ""
    version = tags.get("otel.scope.version") or tags.get("otel.library.version") or ""
    return service, scope, version


def _span(span: dict[str, Any]) -> Span:
    start_ns = _micros(span, "timestamp") * 1_000
    span_id, parent_id = _id(span, "id", 16), _id(span, "parentId", 16)
    if span.get("shared") is True and span.get("kind") == "SERVER":
        span_id, parent_id = _half_of(span_id), span_id
    found = Span(
        trace_id=_id(span, "traceId", 32),
        span_id=span_id,
        parent_span_id=parent_id,
        name=_text(span.get("name")),
        kind=_KINDS.get(_text(span.get("kind")), Span.SPAN_KIND_INTERNAL),
        start_time_unix_nano=min(start_ns, _U64),
        end_time_unix_nano=min(start_ns + _micros(span, "duration") * 1_000, _U64),
    )
    _add_tags(found, _tags(span))
    _add_remote(found, _object(span.get("remoteEndpoint"), "remoteEndpoint"))
    _add_events(found, span.get("annotations"))
    return found


def _half_of(span_id: bytes) -> bytes:
    return blake2b(span_id, digest_size=8, person=b"zipkin-shared").digest()


def _id(span: dict[str, Any], name: str, digits: int) -> bytes:
    """Hex of up to `digits`, zeros in front left out; empty where there is none."""
    text = span.get(name)
    if text is None or text == "":
        return b""
    try:
        if not isinstance(text, str) or len(text) > digits:
            raise ValueError
        return bytes.fromhex(text.rjust(digits, "0"))
    except ValueError:
        raise BadSpan(f"{name} is not hexadecimal") from None


def _micros(span: dict[str, Any], name: str) -> int:
    """Zipkin's unit of time; 0 where there is none, and for what no clock says."""
    value = span.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadSpan(f"{name} is not a number of microseconds")
    return int(min(max(value, 0), _U64)) if value == value else 0


def _add_tags(found: Span, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        if key in _NUMBERS and value.isascii() and value.isdigit() and len(value) == 3:
            found.attributes.add(key=key).value.int_value = int(value)
        elif key not in _SCOPE_TAGS and key not in _STATUS_TAGS:
            _add(found, key, value)
    code, error = tags.get("otel.status_code", ""), tags.get("error")
    if code in _STATUSES:
        found.status.code = _STATUSES[code]
        found.status.message = tags.get("otel.status_description") or error or ""
    elif error is not None and error.lower() != "false":
        # In Zipkin the tag itself says that the span failed; its value may say how.
        found.status.code = Status.STATUS_CODE_ERROR
        found.status.message = "" if error.lower() == "true" else error


def _add_remote(found: Span, endpoint: dict[str, Any]) -> None:
    service, port = _text(endpoint.get("serviceName")), endpoint.get("port")
    address = _text(endpoint.get("ipv4")) or _text(endpoint.get("ipv6"))
    if service:
        _add(found, "peer.service", service)
    if address:
        _add(found, "network.peer.address", address)
    if isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536:
        found.attributes.add(key="network.peer.port").value.int_value = port


def _add_events(found: Span, annotations: Any) -> None:
    for annotation in annotations if isinstance(annotations, list) else ():
        said = _object(annotation, "an annotation")
        moment_ns = min(_micros(said, "timestamp") * 1_000, _U64)
        found.events.add(time_unix_nano=moment_ns, name=_text(said.get("value")))


def _tags(span: dict[str, Any]) -> dict[str, str]:
    tags = _object(span.get("tags"), "tags")
    return {_text(key): value if isinstance(value, str) else json.dumps(value) for key, value in tags.items()}


def _add(owner: Any, key: str, value: str) -> None:
    owner.attributes.add(key=key).value.string_value = clean(value)


def _object(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadSpan(f"{what} is not an object")
    return value


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else ""
