"""Our bytes are opentelemetry's bytes."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracekit import otlp
from tracekit.readable import readable_spans
from tracekit.span import CLIENT, INTERNAL, SERVER, Span, SpanContext, Trace

RESOURCE = {"service.name": "shop", "faas.max_memory": 1 << 29, "flag": True}

scalars = (
    st.text(max_size=300)
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=40)
)
attributes = st.dictionaries(
    st.text(min_size=1, max_size=20), scalars | st.lists(scalars, max_size=5), max_size=8
)
identity = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.just(True),
    st.just(""),
    st.booleans(),
)


def equal(spans: list[Span], dropped: int = 0) -> None:
    ours = otlp.encode(spans, RESOURCE, dropped)
    official = encode_spans(readable_spans(spans, RESOURCE, dropped))
    assert ExportTraceServiceRequest.FromString(ours) == official
    assert ours == official.SerializeToString()


def full_span() -> Span:
    trace = Trace(int("ab" * 16, 16), "vendor=1,other=2")
    parent = SpanContext(trace.tid, 7, remote=True)
    span = Span(
        "GET /items", SERVER, parent, trace, 1_700_000_000_000_000_001, {"a": 1, "b": [1, 2], "c": "ü"}
    )
    span.end = span.start + 5
    span.add_event("tick", {"n": 1.5}, time=span.start + 1)
    span.add_link(SpanContext(1, 2), {"why": "batch"})
    span.set_status("error", "broken")
    return span


def test_a_span_with_everything_is_encoded_as_opentelemetry_does() -> None:
    equal([full_span()])


def test_spans_of_a_tree_are_encoded_as_opentelemetry_does() -> None:
    root = full_span()
    child = Span("child", INTERNAL, root, root.trace, root.start + 1)
    child.end = root.end
    grandchild = Span("", CLIENT, child, root.trace, root.start + 2)
    grandchild.end = root.end
    grandchild.set_status("ok")
    equal([root, child, grandchild])


def test_lost_spans_are_reported_as_a_scope_attribute() -> None:
    equal([full_span()], dropped=300)


@settings(deadline=None)
@given(attributes, attributes, identity, identity | st.none(), st.text(max_size=60))
def test_any_attributes_are_encoded_as_opentelemetry_does(
    own: dict[str, Any], more: dict[str, Any], link: SpanContext, parent: SpanContext | None, name: str
) -> None:
    span = Span(name, CLIENT, parent, Trace(parent.tid if parent else 5), 10)
    span.end = 20
    span.set_attributes(own)
    span.add_event("event", more, time=15)
    span.add_link(link, more)
    equal([span])


def test_not_a_number_keeps_its_meaning() -> None:
    span = Span("s", INTERNAL, None, Trace(1), 1, {"nan": math.nan, "inf": -math.inf})
    message = ExportTraceServiceRequest.FromString(otlp.encode([span], {}))
    first, second = message.resource_spans[0].scope_spans[0].spans[0].attributes
    assert math.isnan(first.value.double_value) and second.value.double_value == -math.inf


def test_lone_surrogates_do_not_break_the_request() -> None:
    span = Span("bad \ud800", INTERNAL, None, Trace(1), 1, {"k\udfff": "v\ud800"})
    message = ExportTraceServiceRequest.FromString(otlp.encode([span], {}))
    assert message.resource_spans[0].scope_spans[0].spans[0].name == "bad ?"


def test_nested_values_are_kept() -> None:
    span = Span("s", INTERNAL, None, Trace(1), 1, {"map": {"a": [1, {"b": "c"}]}})
    message = ExportTraceServiceRequest.FromString(otlp.encode([span], {}))
    value = message.resource_spans[0].scope_spans[0].spans[0].attributes[0].value
    inner = value.kvlist_value.values[0].value.array_value.values
    assert inner[0].int_value == 1 and inner[1].kvlist_value.values[0].value.string_value == "c"
