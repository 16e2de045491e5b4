"""The rewriter of OTLP JSON in C: what it takes it rewrites as Python does; the rest it hands back."""

from __future__ import annotations

import base64
import json
import math
import os
import random
import shutil
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector.decode import choice, json_protobuf, otlp_json
from collector.decode.attributes import MAX_DEPTH, MAX_VALUES
from collector.decode.result import BadItem, TooLarge, Undecodable
from collector.payload import Signal
from tests.collector.decode import messages
from tests.collector.decode.decoders import RECEIVED, otlp_protobuf_c, outcome
from tests.collector.decode.json_spellings import Speller
from tests.collector.decode.mutate import mutated
from tests.collector.decode.test_json_protobuf import as_json
from tests.collector.otlp import json_request, json_span
from tracekit.exporters.otlp_json import to_json

if otlp_protobuf_c is None and not shutil.which(os.environ.get("CC", "cc")):
    pytest.skip("there is no C compiler", allow_module_level=True)
import collector.decode._otlp as _otlp

CORPUS = Path(__file__).parent / "corpus_json"
TRACES, LOGS = TracesData.DESCRIPTOR, LogsData.DESCRIPTOR


def rewritten(body: bytes, signal: Signal = "traces") -> bytes | None:
    return choice.protobuf_of_json(body, signal)


def in_python(body: bytes) -> bytes | None:
    try:
        return json_protobuf.rewritten_spans(body)
    except (BadItem, TooLarge, Undecodable):
        return None


def same(one: bytes, other: bytes | None) -> bool:
    """Whether two requests say the same; Python's may have the key of an attribute before the value."""
    return other is not None and _canonical(one) == _canonical(other)


def _canonical(request: bytes) -> bytes:
    return TracesData.FromString(request).SerializeToString(deterministic=True)


def attribute_json(value: str) -> bytes:
    text = json.dumps(json_request(json_span(attributes=[{"key": "k", "value": 0}])))
    return text.replace('"value": 0', f'"value": {value}').encode()


def span_json(fields: str) -> bytes:
    return f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}'.encode()


# ---------------------------------------------------------------- the same as in Python


def test_what_exporters_write_is_rewritten_byte_for_byte() -> None:
    chance = random.Random(5)
    for _ in range(200):
        wire = messages.request(chance)
        body = json.dumps(as_json(TracesData.FromString(wire)), ensure_ascii=chance.random() < 0.5).encode()
        if not any(word in body for word in (b"NaN", b"Infinity")):
            assert rewritten(body) == in_python(body) is not None, body
        printed = to_json(wire, "spans")  # by protobuf's own printer
        assert rewritten(printed) == in_python(printed) is not None, printed


# As @opentelemetry/otlp-transformer writes it.
JAVASCRIPT = """{"resourceSpans":[{"resource":{"attributes":[
{"key":"service.name","value":{"stringValue":"shop"}},
{"key":"process.pid","value":{"intValue":7}},{"key":"process.command_args","value":{"arrayValue":{"values":[
{"stringValue":"node"}]}}}],"droppedAttributesCount":0},"scopeSpans":[{"scope":{"name":"http","version":"0.2.1"},
"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173",
"name":"GET","kind":3,"startTimeUnixNano":"1544712660300000000","endTimeUnixNano":"1544712660600000000",
"attributes":[{"key":"ratio","value":{"doubleValue":0.25}},{"key":"ok","value":{"boolValue":true}}],
"droppedAttributesCount":0,"events":[{"attributes":[],"name":"e","timeUnixNano":"1544712660400000000",
"droppedAttributesCount":0}],"droppedEventsCount":0,"status":{"code":0},"links":[],"droppedLinksCount":0,
"flags":257}]}]}]}"""


def test_what_javascripts_exporter_sends_is_taken() -> None:
    body = JAVASCRIPT.encode()
    assert rewritten(body) == in_python(body) is not None
    (name,) = json_protobuf.decode_spans(body, RECEIVED).batch.columns["name"]
    assert name == "GET"


def test_other_spellings_and_damage_are_rewritten_alike_or_handed_back() -> None:
    chance = random.Random(os.environ.get("TRACEKIT_TEST_SEED", "6"))
    rounds = int(os.environ.get("TRACEKIT_TEST_MESSAGES", "250"))
    taken = 0
    for _ in range(rounds):
        request = as_json(TracesData.FromString(messages.request(chance)))
        whole = Speller(chance, chance.choice((0.001, 0.01, 0.1))).spelled(request).encode()
        for body in (whole, mutated(whole, chance), mutated(whole, chance)):
            found = rewritten(body)
            if found is not None:
                taken += 1
                assert same(found, in_python(body)), body
    assert taken > rounds / 2, "too little was ordinary to say anything"


def test_other_spellings_decode_as_the_lenient_decoder_says() -> None:
    chance = random.Random(7)
    for _ in range(80):
        request = as_json(TracesData.FromString(messages.request(chance)))
        body = Speller(chance, 0.05).spelled(request).encode()
        assert outcome(json_protobuf.decode_spans, body) == outcome(otlp_json.decode, body), body


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_a_fuzzer_found_is_rewritten_alike_or_handed_back(path: Path) -> None:
    body = path.read_bytes()
    found = rewritten(body)
    assert found is None or same(found, in_python(body))
    assert outcome(json_protobuf.decode_spans, body) == outcome(otlp_json.decode, body)


def test_doubles_are_read_to_the_last_bit() -> None:
    chance = random.Random(8)
    doubles = [messages.double(chance) for _ in range(4_000)]
    doubles += [
        digits * 10.0**power for power in range(-40, 40) for digits in (1, 7, 1.5, 123456789012345678)
    ]
    spellings = [f"{number!r}" for number in doubles if math.isfinite(number)]
    spellings += [
        f"{chance.randrange(10 ** chance.randint(1, 30))}e{chance.randint(-250, 240)}" for _ in range(4_000)
    ]
    spellings += [f"{chance.randrange(2**54)}.{chance.randrange(10**9):09}" for _ in range(2_000)]
    spellings += [
        "9007199254740993",
        "9007199254740992.99999999999",
        "0",
        "0.0",
        "1E5",
        "1e+5",
        "18446744073709551616",
    ]
    taken = 0
    for spelling in spellings:
        found = rewritten(attribute_json(f'{{"doubleValue":{spelling}}}'))
        if found is not None:
            taken += 1
            assert found.endswith(b"\x21" + struct.pack("<d", float(spelling))), spelling
    assert taken > len(spellings) * 0.8


@pytest.mark.parametrize(("request_type", "signal"), [(TracesData, "traces"), (LogsData, "logs")])
def test_every_field_of_the_messages_is_known(request_type: type[Message], signal: Signal) -> None:
    full = request_type()
    _fill(full, 20)
    found = rewritten(json.dumps(as_json(full)).encode(), signal)
    assert found is not None
    assert request_type.FromString(found) == full


def _fill(message: Any, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.name.endswith("strindex") or (not depth and field.message_type):
            continue
        if field.containing_oneof and field.name != ("string_value" if depth % 2 else "array_value"):
            continue
        if field.message_type:
            inner = getattr(message, field.name)
            one = inner.add() if field.is_repeated else inner
            one.SetInParent()
            _fill(one, depth - 1)
        elif field.is_repeated:
            getattr(message, field.name).append("text")
        else:
            setattr(message, field.name, _VALUES[field.type])


_VALUES = {
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_BYTES: b"\xab\xcd",
    FieldDescriptor.TYPE_ENUM: 2,
    FieldDescriptor.TYPE_UINT32: 2**32 - 1,
    FieldDescriptor.TYPE_FIXED32: 2**32 - 1,
    FieldDescriptor.TYPE_FIXED64: 2**64 - 1,
}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ('{"stringValue":"\\u00e4\\n\\ud83d\\ude00\\/"}', {"string_value": "ä\n😀/"}),
        ('{"intValue":"-9223372036854775808"}', {"int_value": -(2**63)}),
        ('{"intValue":9223372036854775807}', {"int_value": 2**63 - 1}),
        ('{"boolValue":false}', {"bool_value": False}),
        ('{"bytesValue":"_-8="}', {"bytes_value": b"\xff\xef"}),
        ('{"bytesValue":"AP8"}', {"bytes_value": b"\x00\xff"}),
        ('{"bytesValue":""}', {"bytes_value": b""}),
        ('{"doubleValue":"Infinity"}', {"double_value": math.inf}),
        ('{"doubleValue":"-Infinity"}', {"double_value": -math.inf}),
        ('{"doubleValue":-0.0}', {"double_value": -0.0}),
        ('{"stringValue":null,"intValue":1}', {"int_value": 1}),
        (' { "stringValue" : "a" , "intValue" : 1 } ', {"int_value": 1}),
        ("{}", {}),
        ("null", {}),
    ],
)
def test_values_keep_their_types(value: str, field: dict[str, Any]) -> None:
    found = rewritten(attribute_json(value))
    assert found is not None
    (attribute,) = TracesData.FromString(found).resource_spans[0].scope_spans[0].spans[0].attributes
    assert {f.name: content for f, content in attribute.value.ListFields()} == field
    assert same(found, in_python(attribute_json(value)))


# ---------------------------------------------------------------- handed back

HANDED_BACK = {
    "nothing": b"",
    "no object": b"[]",
    "null": b"null",
    "cut short": b'{"resourceSpans":[',
    "more behind it": b"{} {}",
    "a comma too many": b'{"resourceSpans":[],}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a zero byte": b"{}\0",
    "a single quote": b"{'resourceSpans':[]}",
    "a name in snake case": b'{"resource_spans":[]}',
    "an unknown name in snake case": b'{"x_y":1}',
    "a name with an escape": rb'{"resourceSp\u0061ns":[]}',
    "a name twice": b'{"resourceSpans":null,"resourceSpans":[]}',
    "no array": b'{"resourceSpans":{}}',
    "null among spans": span_json('"name":"x"').replace(b"[{", b"[null,{"),
    "an odd number of hex digits": span_json('"traceId":"abc"'),
    "base64 for an id": span_json('"traceId":"CdsWgxKGNqmkBRVmrvZ4OQ=="'),
    "a number for a text": span_json('"name":5'),
    "the name of an enum": span_json('"kind":"SPAN_KIND_SERVER"'),
    "an integer with a fraction": span_json('"kind":1.0'),
    "an integer with an exponent": span_json('"startTimeUnixNano":1e18'),
    "a leading zero": span_json('"kind":01'),
    "a leading zero in quotes": span_json('"startTimeUnixNano":"01"'),
    "a plus": span_json('"startTimeUnixNano":"+1"'),
    "minus zero": span_json('"kind":-0'),
    "a time before 1970": span_json('"startTimeUnixNano":-1'),
    "a time of 65 bits": span_json(f'"startTimeUnixNano":"{2**64}"'),
    "a count of 33 bits": span_json(f'"droppedLinksCount":{2**32}'),
    "an enum of 33 bits": span_json(f'"kind":{2**31}'),
    "a lone surrogate": span_json(r'"name":"\ud800"'),
    "surrogates in the wrong order": span_json(r'"name":"\ude00\ud83d"'),
    "two first halves of a surrogate pair": span_json(r'"name":"\ud83d\ud83d"'),
    "half an escape": span_json(r'"name":"\u00e"'),
    "an unknown escape": span_json(r'"name":"\x41"'),
    "a line break in a text": span_json('"name":"a\nb"'),
    "bytes that are no UTF-8": span_json('"name":"?"').replace(b"?", b"\xed\xa0\x80"),
    "bytes that are no UTF-8 where nobody looks": span_json('"x":"?"').replace(b"?", b"\xff"),
    "a lone surrogate where nobody looks": span_json(r'"x":["\ud800"]'),
    "NaN where nobody looks": span_json('"x":NaN'),
    "a long number where nobody looks": span_json('"x":' + "9" * 5_000),
    "depth where nobody looks": span_json('"x":' + "[" * 65 + "]" * 65),
    "NaN": attribute_json('{"doubleValue":NaN}'),
    "a number in quotes": attribute_json('{"doubleValue":"1.5"}'),
    "another word for NaN": attribute_json('{"doubleValue":"nan"}'),
    "more than a double holds": attribute_json('{"doubleValue":1e400}'),
    "a point without digits": attribute_json('{"doubleValue":1.}'),
    "a fraction alone": attribute_json('{"doubleValue":.5}'),
    "65 bits": attribute_json(f'{{"intValue":{2**63}}}'),
    "base64 of a wrong length": attribute_json('{"bytesValue":"A"}'),
    "base64 with too much padding": attribute_json('{"bytesValue":"AP8=="}'),
    "base64 that leaves bits over": attribute_json('{"bytesValue":"AP9"}'),
    "an unknown kind of value": attribute_json('{"newValue":1}'),
    "a value that is no object": attribute_json('"text"'),
    "too many arrays": b'{"x":[' + b"[]," * 200_000 + b"[]]}",
}  # fmt: skip


@pytest.mark.parametrize("name", HANDED_BACK)
def test_what_is_unusual_is_left_to_python(name: str) -> None:
    assert rewritten(HANDED_BACK[name]) is None


def test_nesting_and_numbers_of_values_have_the_bounds_of_python() -> None:
    for depth in range(MAX_DEPTH, 3 * MAX_DEPTH):
        # An array is two messages in each other, a map three.
        for inner, end in (("", ""), ('{"kvlistValue":{"values":[{"key":"k","value":', "}]}}")):
            arrays = '{"arrayValue":{"values":[' * depth + inner + "{}" + end + "]}}" * depth
            assert rewritten(attribute_json(arrays)) == in_python(attribute_json(arrays)), depth
    for count, is_taken in ((MAX_VALUES, True), (MAX_VALUES + 1, False)):
        body = attribute_json('{"arrayValue":{"values":[' + ",".join(['{"boolValue":true}'] * count) + "]}}")
        found = rewritten(body)
        assert (found is not None) == is_taken
        assert found == in_python(body)


def test_only_the_decoder_in_c_brings_it_along() -> None:
    try:
        choice.use("python")
        assert rewritten(b"{}") is None
        choice.use("c")
        assert rewritten(b"{}") == b""
    finally:
        choice.use("auto")


def test_what_it_is_asked_for_has_to_be_a_signal_and_bytes() -> None:
    with pytest.raises(LookupError):
        _otlp.protobuf_of_json(b"{}", "profiles", 1)
    with pytest.raises(TypeError):
        _otlp.protobuf_of_json("{}", "traces", 1)  # type: ignore[arg-type]
    assert _otlp.protobuf_of_json(b"{}", "traces", 0) is None, "one more object than there may be"


def test_long_texts_and_bytes_are_moved_behind_their_lengths() -> None:
    for length in (0, 1, 126, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152):
        for text in ("a" * length, "é" * (length // 2), "\n" * (length // 6)):
            body = json.dumps(json_request(json_span(name=text))).encode()
            assert rewritten(body) == in_python(body)
        value = f'{{"bytesValue":"{base64.b64encode(bytes(length)).decode()}"}}'
        assert rewritten(attribute_json(value)) == in_python(attribute_json(value))


def test_several_threads_rewrite_at_once() -> None:
    bodies = [
        json.dumps(as_json(TracesData.FromString(messages.request(random.Random(seed))))).encode()
        for seed in range(100)
    ]
    expected = [rewritten(body) for body in bodies]
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append([rewritten(body) for body in bodies])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_log_records_are_rewritten_as_python_rewrites_them() -> None:
    records = [
        {"timeUnixNano": "5", "severityNumber": 9, "body": {"stringValue": "said"}, "traceId": "ab" * 16},
        {
            "observedTimeUnixNano": 7,
            "attributes": [{"key": "k", "value": {"intValue": "3"}}],
            "eventName": "e",
        },
    ]
    body = json.dumps(
        {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "s"}, "logRecords": records}]}]}
    ).encode()
    rewriter = json_protobuf._Rewriter()
    assert rewritten(body, "logs") == rewriter.message(LOGS, json.loads(body), 100)


def _names(message: Descriptor) -> set[str]:
    return {field.name for field in message.fields}


def test_a_choice_among_values_knows_all_but_what_it_leaves_to_python() -> None:
    value = TRACES.file.pool.FindMessageTypeByName("opentelemetry.proto.common.v1.AnyValue")
    for name in _names(value) - {"array_value", "kvlist_value"}:
        body = attribute_json(json.dumps({value.fields_by_name[name].camelcase_name: "1"}))
        found = rewritten(body)
        assert found is None or same(found, in_python(body))
