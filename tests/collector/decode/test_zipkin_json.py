"""Zipkin's spans become the spans that OTLP would have sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.decode import zipkin_json
from collector.decode.result import TooLarge, Undecodable
from tests.collector.batches import T0

T0_US = T0 // 1000


def zipkin(**fields: Any) -> dict[str, Any]:
    ids = {"traceId": "00000000000000ab0000000000000001", "id": "00000000000000cd"}
    times = {"timestamp": T0_US, "duration": 1500}
    return ids | times | {"name": "get /", "localEndpoint": {"serviceName": "shop"}} | fields


def otlp(*spans: Any) -> ExportTraceServiceRequest:
    body, rejected = zipkin_json.to_otlp(json.dumps(spans).encode())
    assert not rejected
    return ExportTraceServiceRequest.FromString(body)


def one(**fields: Any) -> Span:
    return otlp(zipkin(**fields)).resource_spans[0].scope_spans[0].spans[0]


def attributes(owner: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in owner.attributes}


def test_a_span_keeps_its_ids_times_name_and_service() -> None:
    request = otlp(zipkin(parentId="0a"))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert attributes(request.resource_spans[0].resource) == {"service.name": "shop"}
    assert span.trace_id.hex() == "00000000000000ab0000000000000001"
    assert span.span_id.hex() == "00000000000000cd"
    assert span.parent_span_id.hex() == "000000000000000a"
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (T0, T0 + 1_500_000)
    assert (span.name, span.kind) == ("get /", Span.SPAN_KIND_INTERNAL)


def test_short_trace_ids_are_filled_up_with_zeros() -> None:
    assert one(traceId="ab").trace_id == bytes(15) + b"\xab"


@pytest.mark.parametrize("kind", ["CLIENT", "SERVER", "PRODUCER", "CONSUMER"])
def test_kinds_have_the_same_names(kind: str) -> None:
    assert Span.SpanKind.Name(one(kind=kind).kind) == f"SPAN_KIND_{kind}"


@pytest.mark.parametrize(
    ("tags", "code", "message"),
    [
        ({}, Status.STATUS_CODE_UNSET, ""),
        ({"error": "no route"}, Status.STATUS_CODE_ERROR, "no route"),
        ({"error": "true"}, Status.STATUS_CODE_ERROR, ""),
        ({"error": ""}, Status.STATUS_CODE_ERROR, ""),
        ({"error": "false"}, Status.STATUS_CODE_UNSET, ""),
        ({"otel.status_code": "OK"}, Status.STATUS_CODE_OK, ""),
        ({"otel.status_code": "ERROR", "error": "bad"}, Status.STATUS_CODE_ERROR, "bad"),
    ],
)
def test_errors_are_told_by_tags(tags: dict[str, str], code: int, message: str) -> None:
    span = one(tags=tags)
    assert (span.status.code, span.status.message, attributes(span)) == (code, message, {})


def test_tags_are_attributes_the_scope_is_the_scope_and_the_far_end_is_the_peer() -> None:
    far = {"serviceName": "db", "ipv4": "10.0.0.1", "port": 5432}
    scope = {"otel.scope.name": "lib", "otel.scope.version": "2"}
    tags = {"http.method": "GET", "http.status_code": "200"} | scope
    scoped = otlp(zipkin(tags=tags, remoteEndpoint=far)).resource_spans[0].scope_spans[0]
    assert (scoped.scope.name, scoped.scope.version) == ("lib", "2")
    assert attributes(scoped.spans[0]) == {
        "http.method": "GET",
        "http.status_code": 200,
        "peer.service": "db",
        "network.peer.address": "10.0.0.1",
        "network.peer.port": 5432,
    }


def test_annotations_are_events() -> None:
    event = one(annotations=[{"timestamp": T0_US + 7, "value": "cache miss"}]).events[0]
    assert (event.name, event.time_unix_nano) == ("cache miss", T0 + 7_000)


def test_the_servers_half_of_a_shared_span_is_the_child_of_the_clients() -> None:
    client, server = one(kind="CLIENT", parentId="01"), one(kind="SERVER", parentId="01", shared=True)
    assert server.parent_span_id == client.span_id
    assert server.span_id not in (client.span_id, b"", bytes(8))
    assert server == one(kind="SERVER", parentId="01", shared=True), "a resend is the same span"


def test_services_and_scopes_are_groups() -> None:
    bank = {"localEndpoint": {"serviceName": "bank"}}
    found = otlp(zipkin(), zipkin(**bank), zipkin(), zipkin(tags={"otel.scope.name": "x"}))
    assert [[len(s.spans) for s in r.scope_spans] for r in found.resource_spans] == [[2, 1], [1]]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (1, "a span is not an object"),
        (zipkin(traceId="xyz"), "traceId is not hexadecimal"),
        (zipkin(id=5), "id is not hexadecimal"),
        (zipkin(id="0" * 17), "id is not hexadecimal"),
        (zipkin(timestamp="soon"), "timestamp is not a number of microseconds"),
        (zipkin(tags=[1]), "tags is not an object"),
        (zipkin(traceId=""), "trace id has a wrong length"),
        (zipkin(id="0"), "span id is all zeros"),
    ],
)
def test_a_bad_span_is_left_out_alone(bad: Any, reason: str) -> None:
    decoded = zipkin_json.decode(json.dumps([bad, zipkin()]).encode(), T0)
    assert len(decoded.batch) == 1
    (found,) = decoded.rejected
    assert found.split(" ")[:2] == reason.split(" ")[:2]


ODD = [
    {"timestamp": 2**70},
    {"timestamp": -1},
    {"timestamp": 1e300},
    {"duration": 2**64},
    {"name": None},
    {"name": "\ud800"},
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_values_are_contained(odd: dict[str, Any]) -> None:
    assert len(zipkin_json.decode(json.dumps([zipkin(**odd)]).encode(), T0).batch) == 1


def test_what_is_no_list_of_spans_is_refused() -> None:
    for body in (b"", b"{}", b"[", b"\xff", b"[" * 100_000):
        with pytest.raises(Undecodable):
            zipkin_json.decode(body, T0)
    with pytest.raises(TooLarge):
        zipkin_json.decode(b"[" + b"{}," * 1_000_000 + b"{}]", T0)
