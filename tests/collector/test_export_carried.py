"""Spans that are not stored, written as OTLP JSON, come back from our own decoder as they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from google.protobuf.json_format import ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector import export
from collector.decode.otlp_json import decode
from collector.model import Event, Kind, Link, Span, SpanBatch, Status
from collector.storage.rows import spans_of

TRACE = "0af7651916cd43dd8448eb211c80319c"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts | st.binary(max_size=8)
values = st.recursive(
    plain | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts.filter(bool), inner, max_size=3),
    max_leaves=6,
)
attributes = st.dictionaries(texts.filter(bool), values, max_size=4)
counts = st.integers(0, 2**32 - 1)
ids = st.integers(1, 2**64 - 1).map(lambda n: f"{n:016x}")
NOW_NS = 1_750_000_000 * 10**9
moments = st.integers(NOW_NS - 10**17, NOW_NS - 2**40)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    links = st.builds(
        Link, trace_id=st.just(TRACE), span_id=ids, attributes=attributes, trace_state=texts, flags=counts,
        dropped_attributes_count=counts,
    )  # fmt: skip
    events = st.builds(
        Event, time_ns=moments, name=texts, attributes=attributes, dropped_attributes_count=counts
    )
    return Span(
        trace_id=TRACE,
        span_id=draw(ids),
        parent_span_id=draw(st.just("") | ids),
        start_ns=draw(moments),
        duration_ns=draw(st.integers(0, 2**40)),
        kind=draw(st.sampled_from(Kind)),
        status=draw(st.sampled_from(Status)),
        status_message=draw(texts),
        service="",
        name=draw(texts),
        scope=draw(st.sampled_from(["", "lib", "lib@1.2", "@scoped/lib", "@scoped/lib@0.1"])),
        resource_id=draw(st.integers(1, 3)),
        attributes=draw(attributes),
        resource={},
        events=tuple(draw(st.lists(events, max_size=2))),
        links=tuple(draw(st.lists(links, max_size=2))),
        trace_state=draw(texts),
        flags=draw(counts),
        dropped_attributes_count=draw(counts),
        dropped_events_count=draw(counts),
        dropped_links_count=draw(counts),
    )


RESOURCES: dict[int, dict[str, Any]] = {
    1: {},
    2: {"service.name": "a"},
    3: {"service.name": "b", "n": [1, None]},
}
# What a decoder works out itself, or what only the store knows.
DERIVED = {"service", "resource_id", "scope_id", "received_ns", "error_type"}


def sent(span: Span) -> dict[str, Any]:
    return {name: getattr(span, name) for name in Span.__slots__ if name not in DERIVED}


def read(body: bytes) -> list[Span]:
    decoded = decode(body, NOW_NS)
    assert not decoded.rejected and isinstance(decoded.batch, SpanBatch)
    return list(spans_of(decoded.batch))


@settings(max_examples=40, deadline=None)
@given(st.lists(spans(), max_size=5, unique_by=lambda span: span.span_id))
def test_what_was_written_is_read_again(drawn: list[Span]) -> None:
    given_spans = [replace(span, resource=RESOURCES[span.resource_id]) for span in drawn]
    back = {span.span_id: sent(span) for span in read(export.to_json(export.traces(given_spans)))}
    assert back == {span.span_id: sent(span) for span in given_spans}


def test_the_official_messages_take_it() -> None:
    """But for ids, which protobuf's own JSON mapping writes in base64 and OTLP in hex."""
    span = Span(
        TRACE, "00f067aa0ba902b7", "", 5, 7, Kind.SERVER, Status.ERROR, "no", "shop", "GET", "lib@1", 1,
        {"a": [1, b"x", {"k": float("inf")}]}, {"service.name": "shop"}, events=(Event(6, "e"),),
    )  # fmt: skip
    request = ParseDict(export.document(export.traces([span])), ExportTraceServiceRequest())
    (group,) = request.resource_spans
    (scope,) = group.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("lib", "1")
    (message,) = scope.spans
    assert (message.start_time_unix_nano, message.end_time_unix_nano, message.kind) == (5, 12, 2)
    assert (message.status.code, message.events[0].time_unix_nano) == (2, 6)
    assert message.attributes[0].value.array_value.values[2].kvlist_value.values[0].value.double_value > 1e308


def test_nothing_is_written_of_no_spans() -> None:
    assert export.document(export.traces([])) == {}
