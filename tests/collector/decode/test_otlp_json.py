"""OTLP JSON is read to the letter, and leniently beyond it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector import jsonvalue
from collector.decode import otlp_json
from collector.decode.result import TooLarge, Undecodable
from tests.collector.batches import MS, T0
from tests.collector.otlp import SPAN, TRACE, json_request, json_span

RECEIVED = T0 + 60_000 * MS


def decoded(*spans: Any) -> Any:
    return otlp_json.decode(json.dumps(json_request(*spans)).encode(), RECEIVED)


def column(name: str, **fields: Any) -> Any:
    """The column of one span with these fields."""
    (value,) = decoded(json_span(**fields)).batch.columns[name]
    return value


def attribute(value: Any) -> Any:
    return jsonvalue.loads(column("attributes", attributes=[{"key": "k", "value": value}]))["k"]


def test_ids_are_hex_in_any_case() -> None:
    assert column("trace_id", traceId=TRACE.hex().upper()) == TRACE.hex()
    assert column("span_id", spanId="ABCDEF0123456789") == 0xABCDEF0123456789


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"traceId": "0" * 32}, "trace id is all zeros"),
        ({"traceId": "ab" * 3}, "trace id is not 16 bytes long"),
        ({"traceId": "a" * 31}, "traceId is not hexadecimal"),
        ({"traceId": "CdsWgxKGNqmkBRVmrvZ4OQ=="}, "traceId is not hexadecimal"),
        ({"traceId": 5}, "traceId is not hexadecimal"),
        ({"spanId": "0" * 16}, "span id is all zeros"),
        ({"spanId": "00" * 9}, "span id is not 8 bytes long"),
        ({"spanId": None}, "span id is not 8 bytes long"),
        ({"parentSpanId": "01"}, "parent span id is not 8 bytes long"),
        ({"name": {}}, "name is not a string"),
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano is not an integer"),
        ({"startTimeUnixNano": 1.5}, "startTimeUnixNano is not an integer"),
        ({"attributes": {}}, "attributes is not an array"),
        ({"kind": "SPAN_KIND_SIDEWAYS"}, "kind is not an integer"),
    ],
)
def test_a_broken_span_is_left_out_and_its_neighbours_stay(fields: dict[str, Any], reason: str) -> None:
    found = decoded(json_span(**fields), json_span(spanId="11" * 8), "no span")
    assert found.batch.columns["span_id"] == [0x1111111111111111]
    assert found.rejected == {reason: 1, "span is not a JSON object": 1}


def test_fields_may_be_camel_or_snake_case_and_unknown_ones_are_ignored() -> None:
    snake = {"trace_id": TRACE.hex(), "span_id": SPAN.hex(), "parent_span_id": "22" * 8, "trace_state": "a=b"}
    times = {"start_time_unix_nano": T0, "end_time_unix_nano": T0 + MS, "new_in_otlp_9": {"x": [1]}}
    body = {"resource_spans": [{"scope_spans": [{"spans": [snake | times]}]}], "future": 1}
    columns = otlp_json.decode(json.dumps(body).encode(), RECEIVED).batch.columns
    assert (columns["parent_span_id"], columns["trace_state"]) == ([0x2222222222222222], ["a=b"])
    assert (columns["start_ns"], columns["duration_ns"], columns["service"]) == (
        [T0],
        [MS],
        ["unknown_service"],
    )


@pytest.mark.parametrize("value", [T0, str(T0), float(T0)])
def test_a_64_bit_integer_is_a_number_or_a_string(value: Any) -> None:
    assert column("start_ns", startTimeUnixNano=value) == T0


@pytest.mark.parametrize(
    ("kind", "number"), [(3, 3), ("SPAN_KIND_CLIENT", 3), ("CLIENT", 3), (99, 0), (-1, 0), (None, 0)]
)
def test_an_enum_is_an_integer_or_its_name(kind: Any, number: int) -> None:
    assert column("kind", kind=kind) == number


def test_status_is_read_with_its_message() -> None:
    status = {"code": "STATUS_CODE_ERROR", "message": "no"}
    assert (column("status", status=status), column("status_message", status=status)) == (2, "no")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"stringValue": "x"}, "x"),
        ({"string_value": "x"}, "x"),
        ({"boolValue": False}, False),
        ({"intValue": "-9223372036854775808"}, -(2**63)),
        ({"intValue": 5}, 5),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"bytesValue": "AP8="}, b"\x00\xff"),
        ({"bytesValue": "AP8"}, b"\x00\xff"),
        ({"arrayValue": {"values": [{"intValue": 1}, {}, {"stringValue": "a"}]}}, [1, None, "a"]),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}, {"a": 1}),
        ({"stringValue": "a", "intValue": "2"}, 2),
        ({"newValue": 1}, None),
        ({}, None),
        (None, None),
    ],
)
def test_values_keep_their_types(value: Any, read: Any) -> None:
    found = attribute(value)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    "value",
    [
        {"intValue": 2**63},
        {"intValue": "9" * 5000},
        {"intValue": True},
        {"stringValue": 5},
        {"boolValue": "true"},
        {"doubleValue": "much"},
        {"bytesValue": "%%%"},
        {"arrayValue": [1]},
        {"arrayValue": {"values": [3]}},
        "bare",
    ],
)
def test_an_unreadable_value_is_dropped_and_counted(value: Any) -> None:
    good = {"key": "good", "value": {"boolValue": True}}
    fields = {"attributes": [{"key": "bad", "value": value}, good], "droppedAttributesCount": 2}
    assert column("attributes", **fields) == '{"good":true}'
    assert column("dropped_attributes_count", **fields) == 3


def test_nesting_is_bounded() -> None:
    value: Any = {"intValue": 1}
    for _ in range(60):
        value = {"arrayValue": {"values": [value]}}
    assert column("dropped_attributes_count", attributes=[{"key": "deep", "value": value}]) == 1


def test_what_json_forbids_but_senders_write_is_still_read() -> None:
    text = json.dumps(json_request(json_span(name="\ud800x", attributes=[{"key": "n", "value": {}}])))
    body = b"\xef\xbb\xbf" + text.replace("{}}]", '{"doubleValue": NaN}}]').encode()
    columns = otlp_json.decode(body, RECEIVED).batch.columns
    assert (columns["name"], columns["attributes"]) == (["\ufffdx"], ['{"n":{"$double":"NaN"}}'])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"resourceSpans": 3}',
        b'{"resourceSpans": [3]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":{}}]}]}',
        b"[" * 100_000,
        b'{"x": ' + b"9" * 5000 + b"}x",
    ],
)
def test_what_is_no_request_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        otlp_json.decode(body, RECEIVED)


@pytest.mark.parametrize("body", [b"{}", b'{"resourceSpans": []}', b'{"resourceSpans": null}'])
def test_an_empty_request_is_fine(body: bytes) -> None:
    assert len(otlp_json.decode(body, RECEIVED).batch) == 0


def test_too_many_objects_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(TooLarge):
        otlp_json.decode(b'{"x":[' + b"{}," * 4_000_001 + b"0]}", RECEIVED)
