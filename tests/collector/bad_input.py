"""The catalogue of input that must not hurt (bytes and values): what is sent, and what has to come of it.

Broken conversations (headers, chunks, slow or absent bytes, TLS on the plain port) need a raw socket and
are in receivers/test_otlp_http.py; damaged compression of every kind is in receivers/test_inflate.py.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import zstandard
from google.protobuf import json_format

from collector.payload import Signal
from tests.collector.batches import SECOND, T0
from tests.collector.otlp import json_request, json_span, request, span
from tests.collector.receivers.transports import REQUESTS

# kept: taken whole; partial: some items left out and counted; bad: 400; large: 413; unknown: 415.
Fate = Literal["kept", "partial", "bad", "large", "unknown"]
HTTP = {"kept": 200, "partial": 200, "bad": 400, "large": 413, "unknown": 415}
GRPC = {"kept": "OK", "partial": "OK", "bad": "INVALID_ARGUMENT", "large": "RESOURCE_EXHAUSTED"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Bodies are made when asked for: some are large. Protobuf goes over HTTP and gRPC, unless headers say
    something that only HTTP can."""

    name: str
    protobuf: Callable[[], bytes] | None = None
    json: Callable[[], bytes] | None = None
    fate: Fate = "kept"
    json_fate: Fate | None = None
    headers: dict[str, str] = field(default_factory=dict)
    signal: Signal = "traces"


def varint(number: int) -> bytes:
    found = b""
    while number >= 0x80:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def part(number: int, body: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def spans_bytes(*spans: bytes) -> bytes:
    """A request of spans that no official message would write."""
    return part(1, part(2, b"".join(part(2, one) for one in spans)))


GOOD = request(span(1)).SerializeToString()
GOOD_JSON = json.dumps(json_request(json_span())).encode()
GOOD_SPAN = span(2).SerializeToString()


def _nested(depth: int) -> bytes:
    value = b"\x0a\x01x"
    for _ in range(depth):
        value = part(5, part(1, value))  # array_value { values }
    return spans_bytes(GOOD_SPAN + part(9, part(1, b"deep") + part(2, value)))


def _nested_json(depth: int) -> bytes:
    value = '{"arrayValue":{"values":[' * depth + '{"stringValue":"x"}' + "]}}" * depth
    text = json.dumps(json_request(json_span(attributes=[{"key": "deep", "value": "VALUE"}])))
    return text.replace('"VALUE"', value).encode()  # json.dumps would not go so deep


def _bomb(pack: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    return lambda: pack(b"\0" * 200_000_000)


def _zstd_window() -> bytes:
    """A frame that asks for 2 GiB of history."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00"


def _charset(name: str, fate: Fate) -> tuple[Entry, Entry]:
    """It means something of JSON alone, but some say it of protobuf, too."""
    wire = {"content-type": f"application/x-protobuf; charset={name}"}
    text = {"content-type": f"application/json;charset={name}"}
    return (
        Entry(f"charset {name}", lambda: GOOD, fate=fate, headers=wire),
        Entry(f"charset {name}", json=lambda: GOOD_JSON, fate=fate, headers=text),
    )


GZIP, ZSTD = {"content-encoding": "gzip"}, {"content-encoding": "zstd"}
_ZIPPED = gzip.compress(GOOD)

BYTES = [
    Entry("empty", lambda: b"", lambda: b"", json_fate="bad"),
    Entry("garbage", lambda: random.Random(1).randbytes(5_000), lambda: b"\xf0\x01{]", "bad"),
    Entry("truncated", lambda: GOOD[:-3], lambda: GOOD_JSON[:-3], "bad"),
    Entry("11-byte varint", lambda: b"\x0a" + b"\xff" * 10 + b"\x01", fate="bad"),
    Entry("length of 2 GiB", lambda: b"\x0a" + varint(2**31), fate="bad"),
    Entry("open group", lambda: b"\x53" + GOOD, fate="bad"),
    Entry("invalid UTF-8 in a name", lambda: spans_bytes(GOOD_SPAN + part(5, b"\xff\xfe"))),
    Entry("invalid UTF-8 in JSON", json=lambda: GOOD_JSON.replace(b'"s"', b'"\xff\xfe"'), json_fate="bad"),
    Entry(
        "NUL in a name",
        lambda: request(span(1, name="a\0b")).SerializeToString(),
        lambda: json.dumps(json_request(json_span(name="a\0b"))).encode(),
    ),
    Entry("values 48 deep", lambda: _nested(48), lambda: _nested_json(48)),
    Entry("values 20,000 deep", lambda: _nested(20_000), lambda: _nested_json(20_000), json_fate="bad"),
    Entry("10M empty spans", lambda: part(1, part(2, b"\x12\x00" * 10_000_000)), fate="large"),
    Entry(
        "3M empty spans",
        json=lambda: json.dumps(json_request(*[{}] * 3_000_000)).encode(),
        json_fate="large",
    ),
    Entry(
        "5M empty attributes",
        lambda: spans_bytes(GOOD_SPAN + b"\x4a\x00" * 5_000_000),
        lambda: json.dumps(json_request(json_span(attributes=[{}] * 5_000_000))).encode(),
        "large",
    ),
    Entry("gzip bomb", _bomb(gzip.compress), _bomb(gzip.compress), "large", headers=GZIP),
    Entry(
        "zstd bomb",
        _bomb(zstandard.compress),
        _bomb(zstandard.compress),
        "large",
        headers=ZSTD,
    ),
    Entry("zstd window of 2 GiB", _zstd_window, _zstd_window, "large", headers=ZSTD),
    Entry("gzip header on a plain body", lambda: GOOD, lambda: GOOD_JSON, "bad", headers=GZIP),
    Entry(
        "truncated gzip",
        lambda: _ZIPPED[:-5],
        lambda: gzip.compress(GOOD_JSON)[:-5],
        "bad",
        headers=GZIP,
    ),
    Entry(
        "double Content-Encoding",
        lambda: gzip.compress(_ZIPPED),
        lambda: gzip.compress(gzip.compress(GOOD_JSON)),
        "unknown",
        headers={"content-encoding": "gzip, gzip"},
    ),
    Entry(
        "multi-member gzip",
        lambda: gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:]),
        lambda: gzip.compress(GOOD_JSON[:9]) + gzip.compress(GOOD_JSON[9:]),
        headers=GZIP,
    ),
    Entry(
        "zlib labelled gzip",
        lambda: zlib.compress(GOOD),
        lambda: zlib.compress(GOOD_JSON),
        "bad",
        headers=GZIP,
    ),
    Entry("JSON labelled protobuf and the reverse", lambda: GOOD_JSON, lambda: GOOD, "bad"),
    *_charset("utf-8", "kept"),
    *_charset("latin-1", "unknown"),
]


def _span(protobuf: dict[str, Any] | None, as_json: dict[str, Any] | None, name: str, **more: Any) -> Entry:
    """A span with these fields, beside a good one in the same request."""
    wire = (
        None
        if protobuf is None
        else request(span(**({"span_id": 1} | protobuf)), span(2)).SerializeToString()
    )
    text = None
    if as_json is not None:
        text = json.dumps(json_request(json_span(**as_json), json_span(spanId="22" * 8))).encode()
    return Entry(name, wire and (lambda: wire), text and (lambda: text), **more)


# Nothing that compresses a hundredfold: it would be refused for that.
_TEN_MB = random.Random(1).randbytes(5_000_000).hex()


def _attributed(name: str, value: dict[str, Any], json_value: dict[str, Any] | None = None) -> Entry:
    attributes = [{"key": "k", "value": value}]
    as_json = {"attributes": [{"key": "k", "value": json_value}]} if json_value is not None else None
    return _span({"attributes": attributes}, as_json, name)


def _times(start: int, end: int) -> dict[str, Any]:
    return {"start_time_unix_nano": start, "end_time_unix_nano": end}


def _json_times(start: Any, end: Any) -> dict[str, Any]:
    return {"startTimeUnixNano": start, "endTimeUnixNano": end}


_SOON = T0 + 10 * 365 * 86_400 * SECOND
_SELF = (1).to_bytes(8, "big")


def _raw_json(replaced: str, by: str) -> Callable[[], bytes]:
    """What json.dumps would not write."""
    text = json.dumps(json_request(json_span(attributes=[{"key": "k", "value": {"intValue": "0"}}])))
    assert replaced in text
    return lambda: text.replace(replaced, by).encode("utf-8", "surrogatepass")


def _cycle() -> bytes:
    ids = [n.to_bytes(8, "big") for n in (1, 2, 3)]
    return request(*(span(n + 1, parent_span_id=ids[n - 1]) for n in range(3))).SerializeToString()


def _json_cycle() -> bytes:
    ids = [f"{n:016x}" for n in (1, 2, 3)]
    spans = (json_span(spanId=ids[n], parentSpanId=ids[n - 1]) for n in range(3))
    return json.dumps(json_request(*spans)).encode()


def _two_oneofs() -> bytes:
    return spans_bytes(GOOD_SPAN + part(9, part(1, b"k") + part(2, part(1, b"text") + b"\x18\x05")))


def _many_attributes(count: int) -> list[dict[str, Any]]:
    return [{"key": f"k{n}", "value": {"string_value": "v"}} for n in range(count)]


def _many(name: str, attributes: list[dict[str, Any]]) -> Entry:
    as_json = [{"key": one["key"], "value": {"stringValue": "v"}} for one in attributes]
    return _span({"attributes": attributes}, {"attributes": as_json}, name)


VALUES = [
    _span({"trace_id": b"abc"}, {"traceId": "616263"}, "id of 3 bytes", fate="partial"),
    _span({"trace_id": b"\0" * 16}, {"traceId": "0" * 32}, "zero trace id", fate="partial"),
    _span({"span_id": 0}, {"spanId": "0" * 16}, "zero span id", fate="partial"),
    _span(None, {"traceId": "abc"}, "odd number of hex digits", fate="partial"),
    _span(None, {"start_time_unix_nano": "1"}, "snake_case keys"),
    _span(None, {"kind": "SPAN_KIND_SERVER"}, "enum by name"),
    _span({"kind": 99}, {"kind": 99}, "enum 99"),
    _span(_times(0, 0), _json_times("0", "0"), "time 0"),
    _span(_times(2**63, 2**63), _json_times(str(2**63), str(2**63)), "time 2^63"),
    _span(_times(2**64 - 1, 2**64 - 1), _json_times(str(2**64), str(2**64)), "time 2^64"),
    _span(None, _json_times("-5", -5), "negative time"),
    _span(None, _json_times(1.7e18, 1.7e18), "time as a float"),
    _span(_times(T0, T0 - 5), _json_times(str(T0), str(T0 - 5)), "end before start"),
    _span(_times(_SOON, _SOON), _json_times(str(_SOON), str(_SOON)), "ten years ahead"),
    _attributed("NaN", {"double_value": float("nan")}, {"doubleValue": "NaN"}),
    _attributed("infinity", {"double_value": float("inf")}, {"doubleValue": "-Infinity"}),
    Entry("bare NaN", json=_raw_json('{"intValue": "0"}', '{"doubleValue": NaN}')),
    _many("the same key twice", _many_attributes(2) + _many_attributes(2)),
    Entry("duplicate JSON key", json=_raw_json('"name": "s"', '"name": "s", "name": "t"')),
    Entry("byte order mark", json=lambda: b"\xef\xbb\xbf" + GOOD_JSON),
    Entry("lone surrogate", json=_raw_json('"s"', '"\\ud800"')),
    Entry("two oneofs", _two_oneofs, _raw_json('"intValue": "0"', '"intValue": "0", "stringValue": "x"')),
    Entry("5,000-digit integer in quotes", json=_raw_json('"0"', f'"{"9" * 5000}"')),
    Entry("5,000-digit integer", json=_raw_json('"0"', "9" * 5000), fate="bad"),
    _attributed("10 MB attribute", {"string_value": _TEN_MB}, {"stringValue": _TEN_MB}),
    _many("10,000 attributes", _many_attributes(10_000)),
    _span({"parent_span_id": _SELF}, {"parentSpanId": bytes(range(1, 9)).hex()}, "its own parent"),
    Entry("a cycle of parents", _cycle, _json_cycle),
    _span({"span_id": 2, "name": "other"}, {"spanId": "22" * 8, "name": "other"}, "same span, other content"),
]


# ---------------------------------------------------------------- metrics and logs


def _logs(*records: dict[str, Any]) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}).encode()


def _both(
    name: str, signal: Signal, body: bytes, fate: Fate = "kept", json_fate: Fate | None = None
) -> Entry:
    """The same in both encodings, from OTLP's JSON without ids (which json_format reads as base64)."""
    wire = json_format.Parse(body, REQUESTS[signal]()).SerializeToString()
    return Entry(name, lambda: wire, lambda: body, fate, json_fate, signal=signal)


def _record(**fields: Any) -> dict[str, Any]:
    return {"timeUnixNano": str(T0), "body": {"stringValue": "said"}} | fields


def _metrics(kind: str, *points: dict[str, Any]) -> bytes:
    temporality = {"aggregationTemporality": 2} if kind == "histogram" else {}
    metric = {"name": "m", kind: temporality | {"dataPoints": list(points)}}
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()


def _point(**fields: Any) -> dict[str, Any]:
    return {"timeUnixNano": str(T0), "startTimeUnixNano": str(T0)} | fields


def _histogram(**fields: Any) -> dict[str, Any]:
    sound = {"count": "3", "sum": 3.0, "bucketCounts": ["1", "2"], "explicitBounds": [1.0]}
    return _point(**(sound | fields))


def _records_bytes(records: bytes) -> bytes:
    """Log records or metrics that no official message would write."""
    return part(1, part(2, records))


# A number of 1 then.
_AT_T0 = b"\x19" + T0.to_bytes(8, "little") + b"\x31" + (1).to_bytes(8, "little")


def _attribute(value: str) -> bytes:
    return part(7, part(1, b"k") + part(2, part(1, value.encode())))


def _series(count: int, again: int = 1) -> bytes:
    """As many series of one gauge, each with so many points."""
    points = (part(1, _attribute(str(n)) + _AT_T0) for n in range(count))
    return _records_bytes(part(2, part(1, b"m") + part(5, b"".join(points) * again)))


def _json_series(count: int) -> bytes:
    point = '{"attributes":[{"key":"k","value":{"stringValue":"%d"}}],"timeUnixNano":"%d","asInt":"1"}'
    points = ",".join(point % (number, T0) for number in range(count))
    metric = '{"name":"m","gauge":{"dataPoints":[' + points + "]}}"
    return ('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[' + metric + "]}]}]}").encode()


GARBAGE = random.Random(1).randbytes(5_000)
OTHER_SIGNALS = [
    Entry("garbage as logs", lambda: GARBAGE, lambda: GARBAGE, "bad", signal="logs"),
    Entry("garbage as metrics", lambda: GARBAGE, lambda: GARBAGE, "bad", signal="metrics"),
    Entry("10M empty records", lambda: _records_bytes(b"\x12\x00" * 10_000_000), fate="large", signal="logs"),
    Entry("10M metrics", lambda: _records_bytes(b"\x12\x00" * 10_000_000), fate="large", signal="metrics"),
    Entry(
        "10M empty points",
        lambda: _records_bytes(part(2, part(1, b"m") + part(5, b"\x0a\x00" * 10_000_000))),
        fate="large",
        signal="metrics",
    ),
    Entry("3M empty records", json=lambda: _logs(*[{}] * 3_000_000), json_fate="large", signal="logs"),
    Entry("300,000 points", lambda: _series(1_000, again=300), fate="large", signal="metrics"),
    Entry("1M series", lambda: _series(1_000_000), fate="large", signal="metrics"),
    Entry(
        "200,000 series",
        lambda: _series(200_000),
        lambda: _json_series(200_000),
        fate="partial",
        json_fate="large",
        signal="metrics",
    ),
    Entry("49,000 series", lambda: _series(49_000), lambda: _json_series(49_000), signal="metrics"),
    Entry(
        "record of a short trace id",
        lambda: _records_bytes(part(2, part(9, b"abc"))),
        lambda: _logs(_record(traceId="616263")),
        signal="logs",
    ),
    _both("severity 99", "logs", _logs(_record(severityNumber=99))),
    Entry("log time 2^64", json=lambda: _logs(_record(timeUnixNano=str(2**64))), fate="bad", signal="logs"),
    _both("log time 2^64-1", "logs", _logs(_record(timeUnixNano=str(2**64 - 1)))),
    _both("log time 0", "logs", _logs(_record(timeUnixNano="0"))),
    _both("NUL in a body", "logs", _logs(_record(body={"stringValue": "a\0b"}))),
    Entry(
        "invalid UTF-8 in a body", lambda: _records_bytes(part(2, part(5, part(1, b"\xff")))), signal="logs"
    ),
    Entry("invalid UTF-8 in a metric", lambda: _records_bytes(part(2, part(1, b"\xff"))), signal="metrics"),
    Entry(
        "10 MB body",
        lambda: _records_bytes(part(2, part(5, part(1, _TEN_MB.encode())))),
        lambda: _logs(_record(body={"stringValue": _TEN_MB})),
        signal="logs",
    ),
    Entry(
        "10 MB attribute of a series",
        lambda: _records_bytes(part(2, part(1, b"m") + part(5, part(1, _attribute(_TEN_MB) + _AT_T0)))),
        lambda: _metrics(
            "gauge", _point(asInt="1", attributes=[{"key": "k", "value": {"stringValue": _TEN_MB}}])
        ),
        signal="metrics",
    ),
    Entry(
        "lone surrogate in a body", json=lambda: _logs(_record(body={"stringValue": "\ud800"})), signal="logs"
    ),
    _both(
        "bounds and counts that do not match",
        "metrics",
        _metrics("histogram", _histogram(bucketCounts=["1"]), _histogram()),
        "partial",
    ),
    _both(
        "bounds that do not increase",
        "metrics",
        _metrics("histogram", _histogram(explicitBounds=[2.0, 1.0], bucketCounts=[1, 1, 1]), _histogram()),
        "partial",
    ),
    _both(
        "NaN and infinite numbers",
        "metrics",
        _metrics("gauge", _point(asDouble="NaN"), _point(asDouble="-Infinity")),
    ),
    Entry(
        "5,000-digit number",
        json=lambda: _metrics("gauge", _point(asInt="9" * 5000), _point(asInt="1")),
        fate="partial",
        signal="metrics",
    ),
]
