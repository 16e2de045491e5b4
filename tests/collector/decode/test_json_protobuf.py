"""What is rewritten as protobuf says the same, and where it might not the lenient decoder is asked."""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector.decode import choice, json_protobuf, otlp_json, otlp_logs, otlp_metrics
from tests.collector import otlp_messages
from tests.collector.decode import messages
from tests.collector.decode.decoders import RECEIVED, outcome

_LONG = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64)
ODD: tuple[Any, ...] = (
    None, True, -5, 0, 1.5, 7.0, 2**31, 2**63, 2**64, 1e400, "", "x", "7", "0a", "\ud800", "ü",
    "SPAN_KIND_SERVER",
    [], {}, [None], [{}], ["x"], {"key": "k"}, {"stringValue": 5}, {"intValue": "8"}, {"values": [{}]},
    {"stringValue": "a", "intValue": 1}, {"arrayValue": {}}, {"kvlistValue": {"values": None}},
    {"bytesValue": "_-8"}, {"doubleValue": "NaN"}, {"string_value": "s"}, {"unknown": 1}, {"un_known": 1},
)  # fmt: skip


def as_json(message: Message) -> dict[str, Any]:
    """As exporters write it."""
    return {
        field.camelcase_name: [_plain(field, item) for item in value]
        if field.is_repeated
        else _plain(field, value)
        for field, value in message.ListFields()
    }


def _plain(field: FieldDescriptor, value: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return as_json(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value.hex() if field.name.endswith("_id") else base64.b64encode(value).decode()
    return str(value) if field.type in _LONG else value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the tree with every key in it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def damage(request: dict[str, Any], chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        owner, key = chance.choice(list(_places(request)))
        if isinstance(owner, dict) and chance.random() < 0.2:
            owner[chance.choice(["name", "start_time_unix_nano", "unknown", "value"])] = owner.pop(key)
        else:
            owner[key] = copy.deepcopy(chance.choice(ODD))


def test_spans_are_what_the_lenient_decoder_says() -> None:
    chance = random.Random(3)
    for _ in range(400):
        request = as_json(TracesData.FromString(messages.request(chance)))
        for _ in range(3):
            body = json.dumps(request).encode()
            assert outcome(json_protobuf.decode_spans, body) == outcome(otlp_json.decode, body), body
            if not any(True for _ in _places(request)):
                break
            damage(request, chance)


def test_spans_as_exporters_write_them_do_not_need_the_lenient_decoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp_json, "decode", None)
    chance = random.Random(4)
    for _ in range(50):
        wire = messages.request(chance)
        body = json.dumps(as_json(TracesData.FromString(wire))).encode()
        assert outcome(json_protobuf.decode_spans, body) == outcome(choice.decode, wire)


@settings(max_examples=50, deadline=None)
@given(otlp_messages.LOGS)
def test_log_records_are_the_same_in_json(request: Any) -> None:
    wire, text = request.SerializeToString(), json.dumps(as_json(request)).encode()
    one, other = otlp_logs.decode(wire, RECEIVED), json_protobuf.decode_logs(text, RECEIVED)
    assert said(one) == said(other)


@settings(max_examples=50, deadline=None)
@given(otlp_messages.METRICS)
def test_data_points_are_the_same_in_json(request: Any) -> None:
    wire, text = request.SerializeToString(), json.dumps(as_json(request)).encode()
    one, other = otlp_metrics.decode(wire, RECEIVED), json_protobuf.decode_metrics(text, RECEIVED)
    assert said(one) == said(other)


def said(decoded: Any) -> str:
    """All but what is numbered or hashed from the bytes themselves. (NaN is no equal of itself.)"""
    columns = {name: values for name, values in decoded.batch.columns.items() if name != "log_id"}
    return repr((columns, decoded.batch.resources, decoded.batch.scopes, decoded.rejected))
