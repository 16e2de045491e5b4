"""Requests made at random, of all that OTLP's spans can hold: far quicker than a strategy draws them."""

from __future__ import annotations

import random
import struct
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.decode.promote import PROMOTED_KEYS
from tests.collector.batches import T0

_KEYS = (
    *sorted(PROMOTED_KEYS),
    "$bytes",
    "$double",
    "$map",
    "",
    "a",
    "größe",
    'quote"',
    "tracekit.unfinished",
)
_TEXTS = (
    "", "a", "true", "200", "receive", "mysql", "spark", "größe", "line\nbreak\ttab", 'say "so"\\',
    "\x00\x1f\x7f",
    "https://user:pw@h:8443/p?q#f", "http://[::1]:80/x", "http://[", "//host/p", "/a?b", "/a://b", "😀" * 3,
    "SELECT * FROM t WHERE a = 'x''y' AND b IN (1, 2, 3) -- c", "INSERT INTO t VALUES (1, -2), (3, 4e5)",
    'select "a" /* b */ from `c` where d = $tag$e$tag$ and f::int > .5 or @g = :h', "é = 'x'", "x" * 300,
    "VALUES (", "a in (?,", "-1 - -1", "U&'x' N'y' 0x1F %s %(n)s $1 ?",
    "select 'it\\'s' || \"b\"\"c\" <= ->> -> != x",
)  # fmt: skip
_TIMES = (0, 1, 2**63, 2**64 - 1, T0, T0 + 5, T0 + 10**9)


def request(chance: random.Random) -> bytes:
    """One ExportTraceServiceRequest, as bytes."""
    message = ExportTraceServiceRequest()
    for _ in range(chance.randint(0, 2)):
        resource_spans = message.resource_spans.add()
        resource_spans.schema_url = chance.choice(("", "u", "a\0b"))
        _attributes(resource_spans.resource, chance)
        for _ in range(chance.randint(0, 2)):
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.scope.name = chance.choice(_TEXTS)
            _attributes(scope_spans.scope, chance)
            for _ in range(chance.randint(0, 3)):
                _span(scope_spans.spans.add(), chance)
    return message.SerializeToString()


def double(chance: random.Random) -> float:
    """Of every magnitude, and of few digits as people write them."""
    (anything,) = struct.unpack("d", chance.randbytes(8))
    return chance.choice(
        (anything, round(chance.uniform(-1e4, 1e4), chance.randrange(6)), 2.0 ** chance.randint(-1074, 1023))
    )


def _span(span: Any, chance: random.Random) -> None:
    span.trace_id = _id(chance, 16)
    span.span_id = _id(chance, 8)
    span.parent_span_id = chance.choice((b"", _id(chance, 8)))
    span.name = chance.choice(_TEXTS)
    span.kind = chance.randrange(8)
    span.start_time_unix_nano = chance.choice(_TIMES)
    span.end_time_unix_nano = chance.choice(_TIMES)
    span.trace_state = chance.choice(("", "a=b"))
    span.flags = chance.choice((0, 257, 2**32 - 1))
    span.dropped_attributes_count = chance.choice((0, 1, 2**32 - 1))
    span.dropped_events_count = chance.choice((0, 2))
    if chance.random() < 0.5:
        span.status.code = chance.randrange(4)
        span.status.message = chance.choice(_TEXTS)
    _attributes(span, chance)
    for _ in range(chance.choice((0, 0, 1, 3))):
        event = span.events.add(
            time_unix_nano=chance.choice(_TIMES), name=chance.choice(("exception", *_TEXTS))
        )
        event.dropped_attributes_count = chance.choice((0, 7))
        _attributes(event, chance)
    for _ in range(chance.choice((0, 0, 1, 3))):
        link = span.links.add(trace_id=_id(chance, 16), span_id=_id(chance, 8), flags=chance.choice((0, 1)))
        link.trace_state = chance.choice(("", "ü"))
        _attributes(link, chance)


def _id(chance: random.Random, length: int) -> bytes:
    odd = (bytes(length), b"\xff" * length, b"", b"abc")
    return chance.choice(odd) if chance.random() < 0.1 else chance.randbytes(length)


def _attributes(owner: Any, chance: random.Random) -> None:
    for _ in range(chance.choice((0, 1, 3, 12))):
        attribute = owner.attributes.add(key=chance.choice(_KEYS))
        _value(attribute.value, chance, 3)


def _value(value: Any, chance: random.Random, depth: int) -> None:
    kind = chance.randrange(9 if depth else 7)
    if kind <= 2:
        value.string_value = chance.choice(_TEXTS)
    elif kind == 3:
        value.bool_value = chance.random() < 0.5
    elif kind == 4:
        value.int_value = chance.choice((0, -1, 200, 2**63 - 1, -(2**63), chance.randrange(10**6)))
    elif kind == 5:
        value.double_value = double(chance)
    elif kind == 6 and chance.random() < 0.5:
        value.bytes_value = chance.randbytes(chance.randrange(5))
    elif kind == 7:
        value.array_value.SetInParent()
        for _ in range(chance.randrange(4)):
            _value(value.array_value.values.add(), chance, depth - 1)
    elif kind == 8:
        value.kvlist_value.SetInParent()
        for _ in range(chance.randrange(4)):
            _value(value.kvlist_value.values.add(key=chance.choice(_KEYS)).value, chance, depth - 1)
