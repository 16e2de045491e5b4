"""How fast OTLP becomes a span batch, against plain loops over opentelemetry-proto.

All run in turns on the same bytes and the medians are compared, so that a busy machine slows all. Each round
has ids never seen before; resources, scopes and most attributes repeat, as in real traffic.

    python benchmarks/decode.py [ROUNDS]
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector import interpreter
from collector.decode import choice, json_protobuf, otlp_json, otlp_protobuf, otlp_protobuf_c, promote
from collector.decode.attributes import AttributeSet, array_json, attribute_set, entry
from collector.decode.builder import BatchBuilder, SpanFields, event_json, known_resource, known_scope
from collector.decode.result import Decoded

SPANS = 512
START_NS = 1_700_000_000_000_000_000


def payload(seed: int) -> bytes:
    """512 spans of 12 services with 11 attributes each, one in ten with an event."""
    chance = random.Random(seed)
    request = ExportTraceServiceRequest()
    for service in range(12):
        resource_spans = request.resource_spans.add()
        for key, value in (("service.name", f"service-{service}"), ("faas.instance", f"i-{service}")):
            _attribute(resource_spans.resource, key, value)
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = "bench"
        for _ in range(SPANS // 12 + (service < SPANS % 12)):
            _fill(scope_spans.spans.add(), chance)
    return request.SerializeToString()


def _fill(span: Any, chance: random.Random) -> None:
    span.trace_id, span.span_id = chance.randbytes(16), chance.randbytes(8)
    span.parent_span_id = chance.randbytes(8)
    span.name, span.kind = f"GET /items/{chance.randrange(20)}", 2
    span.start_time_unix_nano = START_NS + chance.randrange(10**9)
    span.end_time_unix_nano = span.start_time_unix_nano + chance.randrange(10**8)
    _attribute(span, "faas.invocation_id", chance.randbytes(16).hex())
    _attribute(span, "db.system.name", "sqlite")
    _attribute(span, "db.query.text", f"SELECT * FROM items WHERE shelf = {chance.randrange(50)}")
    for key in range(8):
        _attribute(span, f"app.key{key}", f"value {chance.randrange(30)}")
    if chance.random() < 0.1:
        event = span.events.add(name="exception", time_unix_nano=span.start_time_unix_nano)
        _attribute(event, "exception.type", "ValueError")


def _attribute(owner: Any, key: str, value: str) -> None:
    attribute = owner.attributes.add()
    attribute.key, attribute.value.string_value = key, value


def bare(body: bytes, received_ns: int) -> list[dict[str, Any]]:
    """The loop one writes first: dictionaries and JSON text; no columns derived, nothing checked."""
    request = ExportTraceServiceRequest.FromString(body)
    rows = []
    for resource_spans in request.resource_spans:
        service = _plain(resource_spans.resource.attributes).get("service.name")
        for scope_spans in resource_spans.scope_spans:
            rows += [_row(span, service, scope_spans.scope.name, received_ns) for span in scope_spans.spans]
    return rows


def _row(span: Any, service: Any, scope: str, received_ns: int) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "start_ns": span.start_time_unix_nano,
        "duration_ns": span.end_time_unix_nano - span.start_time_unix_nano,
        "kind": span.kind,
        "status": span.status.code,
        "name": span.name,
        "service": service,
        "scope": scope,
        "received_ns": received_ns,
        "attributes": json.dumps(_plain(span.attributes)),
        "events": json.dumps([{"name": e.name, "attributes": _plain(e.attributes)} for e in span.events]),
    }


def _plain(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


def plain(body: bytes, received_ns: int) -> Decoded:
    """The same loop doing the same work as ours: every column, nothing remembered."""
    builder = BatchBuilder(received_ns, len(body))
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        known = known_resource(_read(resource_spans.resource.attributes), "")
        for scope_spans in resource_spans.scope_spans:
            scope = known_scope(scope_spans.scope.name, scope_spans.scope.version, _read([]), "", 0)
            for span in scope_spans.spans:
                promote.columns_of.cache_clear()
                builder.add(known, scope, _fields(span))
    return builder.finish()


def _read(attributes: Any) -> AttributeSet:
    return attribute_set([entry(key, value) for key, value in _plain(attributes).items()])


def _fields(span: Any) -> SpanFields:
    events = [(e, _read(e.attributes)) for e in span.events]
    types = [attributes.wanted.get("exception.type", "") for _, attributes in events]
    return SpanFields(
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.kind,
        span.status.code,
        span.status.message,
        span.name,
        span.trace_state,
        span.flags,
        _read(span.attributes),
        array_json(event_json(e.time_unix_nano, e.name, attributes, 0) for e, attributes in events),
        "",
        types[-1] if types else "",
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    )


def as_json(body: bytes) -> bytes:
    """The same request in OTLP JSON."""
    request = ExportTraceServiceRequest.FromString(body)
    groups = []
    for resource_spans in request.resource_spans:
        spans = [_json_span(span) for span in resource_spans.scope_spans[0].spans]
        resource = {"attributes": _json_attributes(resource_spans.resource.attributes)}
        groups.append({"resource": resource, "scopeSpans": [{"scope": {"name": "bench"}, "spans": spans}]})
    return json.dumps({"resourceSpans": groups}).encode()


def _json_span(span: Any) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        "attributes": _json_attributes(span.attributes),
    }


def _json_attributes(attributes: Any) -> list[dict[str, Any]]:
    return [{"key": a.key, "value": {"stringValue": a.value.string_value}} for a in attributes]


def rewritten_in_python(body: bytes, received_ns: int) -> Decoded:
    """What is left of the road of JSON where nothing can be rewritten in C."""
    return choice.decode(json_protobuf.rewritten_spans(body), received_ns)


def cpu_seconds(work: Callable[[bytes, int], Any], body: bytes) -> float:
    began = time.thread_time()
    work(body, START_NS)
    return time.thread_time() - began


def main(rounds: int) -> None:
    with interpreter.shared_fairly():  # for all contestants
        compare(rounds)


def compare(rounds: int) -> None:
    contestants = {
        "plain loop": plain,
        "bare loop": bare,
        "ours, protobuf": otlp_protobuf.decode,
        "ours, in C": otlp_protobuf_c.decode,
        "ours, JSON": json_protobuf.decode_spans,
        "ours but in Python, JSON": rewritten_in_python,
        "all of it leniently, JSON": otlp_json.decode,
    }
    sample = payload(0)
    assert plain(sample, START_NS).batch == otlp_protobuf.decode(sample, START_NS).batch
    assert choice.protobuf_of_json(as_json(sample), "traces") is not None
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for seed in range(rounds):
        body = payload(seed)
        for name, work in contestants.items():
            taken[name].append(cpu_seconds(work, as_json(body) if name.endswith("JSON") else body))
    median = {name: statistics.median(times) for name, times in taken.items()}
    for name, seconds in median.items():
        ratio = median["plain loop"] / seconds
        bare_ratio = median["bare loop"] / seconds
        rate = f"{SPANS / seconds:10,.0f} spans per CPU-second"
        print(f"{name:25} {rate}  {ratio:5.2f} x the plain loop  {bare_ratio:5.2f} x the bare loop")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
