"""OTLP protobuf: what is broken spoils itself alone, and both decoders agree."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector import jsonvalue
from collector.decode import otlp_json, otlp_protobuf
from collector.decode.result import TooLarge, Undecodable
from collector.model import Scope
from tests.collector.batches import MS, T0
from tests.collector.otlp import TRACE, request, span

RECEIVED = T0 + 60_000 * MS
DAY = 86_400 * 10**9


def decoded(*spans: Span) -> Any:
    return otlp_protobuf.decode(request(*spans).SerializeToString(), RECEIVED)


def column(name: str, one: Span) -> Any:
    (value,) = decoded(one).batch.columns[name]
    return value


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def test_a_span_is_read_whole() -> None:
    one = span(
        5, kind=3, name="größe", trace_state="a=b", flags=257, parent_span_id=b"\0" * 7 + b"\x09",
        attributes=[text("b", "2"), text("a", "1"), text("b", "3")],
        events=[
            Span.Event(time_unix_nano=T0, name="exception", attributes=[text("exception.type", "KeyError")])
        ],
        links=[Span.Link(trace_id=TRACE, span_id=b"\1" * 8, attributes=[text("x", "y")])],
        dropped_attributes_count=1, dropped_events_count=2, dropped_links_count=3,
    )  # fmt: skip
    one.status.code, one.status.message = 2, "no"
    columns = {name: values[0] for name, values in decoded(one).batch.columns.items()}
    assert columns["attributes"] == '{"b":"3","a":"1"}'  # of equal keys the last
    assert jsonvalue.loads(columns["events"]) == [
        {"time_ns": T0, "name": "exception", "attributes": {"exception.type": "KeyError"}}
    ]
    assert jsonvalue.loads(columns["links"]) == [
        {"trace_id": TRACE.hex(), "span_id": "01" * 8, "attributes": {"x": "y"}}
    ]
    expected = {
        "trace_id": TRACE.hex(), "span_id": 5, "parent_span_id": 9, "start_ns": T0, "duration_ns": 5 * MS,
        "kind": 3, "status": 2, "status_message": "no", "service": "shop", "name": "größe",
        "trace_state": "a=b", "flags": 257, "dropped_attributes_count": 1, "dropped_events_count": 2,
        "dropped_links_count": 3, "error_type": "KeyError", "received_ns": RECEIVED,
    }  # fmt: skip
    assert {name: columns[name] for name in expected} == expected


@pytest.mark.parametrize(
    "body",
    [
        b"garbage",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a\x7f",
        b"\x0b",
        b"\x0a\x02\x12\x7f",
    ],
)
def test_what_is_no_request_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        otlp_protobuf.decode(body, RECEIVED)


def test_an_empty_request_is_fine() -> None:
    assert len(otlp_protobuf.decode(b"", RECEIVED).batch) == 0


def test_invalid_utf8_in_one_name_harms_nothing_else() -> None:
    body = request(span(1, name="XXXX"), span(2)).SerializeToString().replace(b"XXXX", b"a\xff\xfeb")
    assert otlp_protobuf.decode(body, RECEIVED).batch.columns["name"] == ["a\ufffd\ufffdb", "s"]


def test_a_broken_span_is_left_out_and_its_neighbours_stay() -> None:
    found = decoded(span(1, trace_id=b"\0" * 16), span(2, trace_id=b"abc"), span(0), span(4))
    assert found.batch.columns["span_id"] == [4]
    assert found.rejected == {
        "trace id is all zeros": 1,
        "trace id is not 16 bytes long": 1,
        "span id is all zeros": 1,
    }


@pytest.mark.parametrize("depth", [40, 2_000])
def test_a_value_nested_too_deep_is_dropped_alone(depth: int) -> None:
    value = b"\x18\x01"  # int_value: 1
    for _ in range(depth):
        value = _field(5, _field(1, value))  # array_value of one value
    deep = _field(1, b"deep") + _field(2, value)
    one = span(1, attributes=[text("a", "1")]).SerializeToString() + _field(9, deep)
    columns = otlp_protobuf.decode(_request_of(one), RECEIVED).batch.columns
    assert (columns["attributes"], columns["dropped_attributes_count"]) == (['{"a":"1"}'], [1])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (T0, T0 + MS, (T0, MS, False)),
        (T0, T0 - 1, (T0, 0, True)),
        (T0, 0, (T0, 0, True)),
        (0, T0, (T0, 0, True)),
        (0, 0, (RECEIVED, 0, True)),
        (5, 6, (946_684_800 * 10**9, 0, True)),
        (2**64 - 1, 2**64 - 1, (RECEIVED + DAY, 0, True)),
        (RECEIVED + 3650 * DAY, RECEIVED + 3651 * DAY, (RECEIVED + DAY, 0, True)),
        (T0, 2**63, (T0, RECEIVED + DAY - T0, True)),
    ],
)
def test_impossible_times_are_clamped_and_flagged(
    start: int, end: int, expected: tuple[int, int, bool]
) -> None:
    one = span(1, start_time_unix_nano=start, end_time_unix_nano=end)
    flagged = (jsonvalue.loads(column("attributes", one)) or {}).get("tracekit.time_clamped", False)
    assert (column("start_ns", one), column("duration_ns", one), flagged) == expected


def test_a_link_to_nowhere_is_dropped_and_counted() -> None:
    one = span(1, links=[Span.Link(trace_id=b"x", span_id=b"\1" * 8), Span.Link(trace_id=TRACE)])
    assert (column("links", one), column("dropped_links_count", one)) == ("", 2)


def test_an_attribute_without_a_key_is_dropped_and_counted() -> None:
    one = span(1, attributes=[text("", "x"), text("", "y"), text("k", "v")])
    assert (column("attributes", one), column("dropped_attributes_count", one)) == ('{"k":"v"}', 2)


@pytest.mark.parametrize("key", [1, 59, 120, 127, 128, 200])
def test_attributes_of_any_length_are_read(key: int) -> None:
    wanted = {"k" * key + str(length): "é" * length for length in (0, 1, 30, 61, 63, 64, 100)}
    one = span(1, attributes=[text(*pair) for pair in wanted.items()])
    assert jsonvalue.loads(column("attributes", one)) == wanted


def test_an_attribute_with_more_than_a_key_and_a_text_is_read_as_protobuf_says() -> None:
    whole = text("k", "v").SerializeToString()
    later = whole + KeyValue(value=AnyValue(string_value="w")).SerializeToString()  # the last one wins
    for raw, wanted in ((whole, "v"), (later, "w"), (whole + b"\x1d\0\0\0\0", "v")):
        one = span(1)
        one.MergeFromString(b"\x4a" + bytes([len(raw)]) + raw)
        assert jsonvalue.loads(column("attributes", one)) == {"k": wanted}


def test_more_attributes_than_the_bound_are_dropped_and_counted() -> None:
    one = span(1, attributes=[text(f"k{i}", "v") for i in range(10_003)])
    assert column("dropped_attributes_count", one) == 3
    assert len(jsonvalue.loads(column("attributes", one))) == 10_000


def test_a_bomb_of_empty_spans_is_refused_while_it_is_small() -> None:
    with pytest.raises(TooLarge):
        otlp_protobuf.decode(_field(1, _field(2, b"\x12\x00" * 200_001)), RECEIVED)


def test_a_bomb_of_empty_attributes_is_refused() -> None:
    with pytest.raises(TooLarge):
        otlp_protobuf.decode(_request_of(span(1).SerializeToString() + b"\x4a\x00" * 2_000_001), RECEIVED)


def test_equal_resources_have_one_id_whatever_their_order() -> None:
    one, other = request(span(1)), request(span(2))
    one.resource_spans[0].resource.attributes.append(text("a", "1"))
    other.resource_spans[0].resource.attributes.insert(0, text("a", "1"))
    ids = [
        otlp_protobuf.decode(r.SerializeToString(), RECEIVED).batch.columns["resource_id"][0]
        for r in (one, other)
    ]
    assert ids[0] == ids[1] != column("resource_id", span(1))


def test_everything_a_resource_and_a_scope_say_is_kept_in_both_encodings() -> None:
    one = request(span(1))
    resource_spans = one.resource_spans[0]
    resource_spans.schema_url = "https://example.com/resource"
    resource_spans.resource.dropped_attributes_count = 4
    resource_spans.resource.entity_refs.add(type="service", schema_url="u", id_keys=["service.name"])
    scope_spans = resource_spans.scope_spans[0]
    scope_spans.schema_url = "https://example.com/scope"
    scope_spans.scope.name, scope_spans.scope.version = "library", "1.2"
    scope_spans.scope.attributes.append(text("a", "1"))
    scope_spans.scope.dropped_attributes_count = 3
    for batch in both(one):
        (resource,), (scope,) = batch.resources.values(), batch.scopes.values()
        assert batch.columns["scope_id"] == [scope.scope_id]
        assert batch.columns["scope"] == ["library@1.2"]
        assert scope == Scope(scope.scope_id, "library", "1.2", '{"a":"1"}', "https://example.com/scope", 3)
        assert (resource.schema_url, resource.dropped_attributes_count) == ("https://example.com/resource", 4)
        assert jsonvalue.loads(resource.entity_refs) == [
            {"type": "service", "schema_url": "u", "id_keys": ["service.name"], "description_keys": []}
        ]


def test_a_scope_that_says_nothing_is_none_and_any_word_makes_another() -> None:
    said = [
        {"name": "a"}, {"version": "a"}, {"name": "a", "version": "a"}, {"dropped_attributes_count": 1},
        {"attributes": [text("a", "1")]},
    ]  # fmt: skip
    ids = set()
    for fields in ({}, *said):
        one = request(span(1))
        one.resource_spans[0].scope_spans[0].scope.CopyFrom(InstrumentationScope(**fields))
        ids |= {batch.columns["scope_id"][0] for batch in both(one)}
    assert len(ids) == 1 + len(said)
    assert 0 in ids


def both(one: Any) -> tuple[Any, Any]:
    """The same request read from protobuf and from JSON."""
    body = json.dumps(as_otlp_json(one)).encode()
    plain = otlp_protobuf.decode(one.SerializeToString(), RECEIVED).batch
    return plain, otlp_json.decode(body, RECEIVED).batch


def _request_of(raw_span: bytes) -> bytes:
    return _field(1, _field(2, _field(2, raw_span)))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


# ---------------------------------------------------------------- both encodings

TEXT = st.text(max_size=8)
KEYS = st.one_of(
    st.sampled_from(["db.system", "db.statement", "faas.coldstart", "$bytes", "http.route"]), TEXT
)
SCALARS = st.one_of(
    st.builds(lambda v: AnyValue(string_value=v), TEXT),
    st.builds(lambda v: AnyValue(bool_value=v), st.booleans()),
    st.builds(lambda v: AnyValue(int_value=v), st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda v: AnyValue(double_value=v), st.floats()),
    st.builds(lambda v: AnyValue(bytes_value=v), st.binary(max_size=4)),
    st.just(AnyValue()),
)


def _array(values: list[AnyValue]) -> AnyValue:
    found = AnyValue()
    found.array_value.values.extend(values)
    return found


def _map(pairs: list[KeyValue]) -> AnyValue:
    found = AnyValue()
    found.kvlist_value.values.extend(pairs)
    return found


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(_array),
        st.lists(st.builds(lambda k, v: KeyValue(key=k, value=v), TEXT, inner), max_size=3).map(_map),
    ),
    max_leaves=5,
)
ATTRIBUTES = st.lists(st.builds(lambda k, v: KeyValue(key=k, value=v), KEYS, VALUES), max_size=4)
IDS = st.sampled_from([b"", b"\0" * 8, b"\1" * 8, b"\2" * 16, b"\0" * 16, b"\xff" * 8])
TIMES = st.one_of(st.integers(0, 2**64 - 1), st.integers(T0, T0 + 10**9))
SPANS = st.builds(
    Span,
    trace_id=st.one_of(st.just(TRACE), IDS),
    span_id=st.one_of(st.just(b"\1" * 8), IDS),
    parent_span_id=IDS,
    name=TEXT,
    kind=st.integers(0, 5),
    flags=st.integers(0, 2**32 - 1),
    trace_state=TEXT,
    start_time_unix_nano=TIMES,
    end_time_unix_nano=TIMES,
    attributes=ATTRIBUTES,
    events=st.lists(
        st.builds(
            Span.Event,
            name=st.sampled_from(["exception", "x", ""]),
            time_unix_nano=TIMES,
            attributes=ATTRIBUTES,
            dropped_attributes_count=st.integers(0, 2),
        ),
        max_size=2,
    ),
    links=st.lists(
        st.builds(
            Span.Link,
            trace_id=IDS,
            span_id=IDS,
            trace_state=TEXT,
            flags=st.integers(0, 9),
            attributes=ATTRIBUTES,
        ),
        max_size=2,
    ),
)


def _is_id(key: str, value: Any) -> bool:
    return key in ("traceId", "spanId", "parentSpanId") and isinstance(value, str)


def as_otlp_json(message: Any) -> Any:
    """MessageToDict as protobuf's mapping has it, with ids put back to hex as OTLP wants them."""

    def fix(value: Any) -> Any:
        if isinstance(value, list):
            return [fix(item) for item in value]
        if not isinstance(value, dict):
            return value
        ids = ("traceId", "spanId", "parentSpanId")
        return {
            k: base64.b64decode(v).hex() if k in ids and isinstance(v, str) else fix(v)
            for k, v in value.items()
        }

    return fix(MessageToDict(message))


@settings(max_examples=150, deadline=None)
@given(st.lists(SPANS, max_size=3))
def test_protobuf_and_json_give_the_same_batch(spans: list[Span]) -> None:
    message = request(*spans)
    one = otlp_protobuf.decode(message.SerializeToString(), RECEIVED)
    other = otlp_json.decode(json.dumps(as_otlp_json(message)).encode(), RECEIVED)
    assert one.batch.columns == other.batch.columns
    assert one.batch.resources == other.batch.resources
    assert one.batch.scopes == other.batch.scopes
    assert one.rejected == other.rejected


@settings(max_examples=150, deadline=None)
@given(ATTRIBUTES)
def test_attributes_read_back_as_jsonvalue_would_write_them(attributes: list[KeyValue]) -> None:
    written = column("attributes", span(1, attributes=attributes))
    value = jsonvalue.loads(written)
    assert written == (jsonvalue.dumps(value) if value else "")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_read_but_never_crash(data: st.DataObject) -> None:
    body = bytearray(
        request(span(1, attributes=[text("a", "b")], links=[Span.Link(trace_id=TRACE)])).SerializeToString()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        otlp_protobuf.decode(bytes(body), RECEIVED)
    except (Undecodable, TooLarge):
        pass
