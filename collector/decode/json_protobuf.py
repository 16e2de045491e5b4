"""OTLP JSON rewritten as OTLP protobuf, so that one decoder reads a signal, with one meaning.

Led by opentelemetry-proto's own descriptors: no field is written down here. Hex ids in either case, enums as
integers or names, 64-bit integers as numbers or strings, lowerCamelCase and snake_case, null as absent,
unknown fields ignored. protobuf's json_format is no help: it base64-decodes hex ids into wrong bytes without
a word, and one bad record fails the request. Its messages are not either: set from Python they take four
times as long as their bytes, and of a large value there would be a copy in each.

Spans have a decoder of their own for JSON, more lenient still (otlp_json.py). What is written as exporters
write it takes the road through protobuf, with the same result in a fraction of the time; and most of that, of
spans and logs, is rewritten in C (native/rewrite.c), which hands back to here what it does not know.
"""

from __future__ import annotations

import binascii
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.common.v1.common_pb2 import ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector.decode import choice, otlp_json, otlp_logs, otlp_metrics
from collector.decode.attributes import MAX_DEPTH, MAX_VALUES, clean
from collector.decode.containers import require_small_json
from collector.decode.otlp_json import _as_integer, _bytes, _parse, _Unreadable
from collector.decode.result import BadItem, Decoded, TooLarge, Undecodable

# AnyValue, KeyValueList and KeyValue are messages of their own: a level of nesting is up to three of them,
# below the seven from the request to an exemplar's attribute. How deep a value may be the decoder says.
_MAX_MESSAGES = 3 * MAX_DEPTH + 12

_KEY_VALUE = KeyValue.DESCRIPTOR.full_name
# What holds the values inside a value.
_NESTING = (ArrayValue.DESCRIPTOR.full_name, KeyValueList.DESCRIPTOR.full_name)
# What may be left out alone: a record that breaks the rules is counted, its neighbours stay.
_RECORDS = {
    message.DESCRIPTOR.full_name: noun
    for message, noun in (
        (LogRecord, "log record"),
        (metrics_pb2.Metric, "metric"),
        (metrics_pb2.NumberDataPoint, "data point"),
        (metrics_pb2.HistogramDataPoint, "data point"),
        (metrics_pb2.ExponentialHistogramDataPoint, "data point"),
        (metrics_pb2.SummaryDataPoint, "data point"),
    )
}


def decode_spans(body: bytes, received_ns: int) -> Decoded:
    """The spans of an ExportTraceServiceRequest in JSON. Raises Undecodable or TooLarge."""
    rewritten = choice.protobuf_of_json(body, "traces")
    try:
        return choice.decode(rewritten_spans(body) if rewritten is None else rewritten, received_ns)
    except (BadItem, TooLarge, Undecodable):
        require_small_json(body)
        return otlp_json.decode(body, received_ns)  # it knows what can be saved, and what to call the rest


def rewritten_spans(body: bytes) -> bytes:
    """An ExportTraceServiceRequest in JSON as protobuf. Raises BadItem for what only the lenient decoder may
    know, and Undecodable or TooLarge."""
    require_small_json(body)
    return _Rewriter(strict=True).message(TracesData.DESCRIPTOR, _parse(body), _MAX_MESSAGES)


def decode_logs(body: bytes, received_ns: int) -> Decoded:
    """The records of an ExportLogsServiceRequest in JSON. Raises Undecodable or TooLarge."""
    rewritten = choice.protobuf_of_json(body, "logs")
    if rewritten is not None:
        return otlp_logs.decode(rewritten, received_ns)
    return _decode(body, received_ns, LogsData.DESCRIPTOR, otlp_logs.decode)


def decode_metrics(body: bytes, received_ns: int) -> Decoded:
    """The data points of an ExportMetricsServiceRequest in JSON. Raises Undecodable or TooLarge."""
    return _decode(body, received_ns, MetricsData.DESCRIPTOR, otlp_metrics.decode)


def _decode(
    body: bytes, received_ns: int, request: Descriptor, decode: Callable[[bytes, int], Decoded]
) -> Decoded:
    require_small_json(body)
    rewriter = _Rewriter()
    try:
        decoded = decode(rewriter.message(request, _parse(body), _MAX_MESSAGES), received_ns)
    except BadItem as error:  # above the records: it is about all of them
        raise Undecodable(str(error)) from error
    decoded.rejected.update(rewriter.rejected)
    return decoded


# ---------------------------------------------------------------- messages


class _Field(NamedTuple):
    """One field of a message: how it is called, and how a JSON value of it becomes protobuf."""

    name: str
    expected: str  # what its value has to be
    tag: bytes
    is_repeated: bool
    is_packed: bool
    is_attributes: bool
    is_nesting: bool
    inner: Descriptor | None  # of a message
    content: Callable[[Any], bytes]  # of one value that is no message
    write: Callable[[Any], bytes]  # tag and content of one


@cache
def _fields(message: Descriptor, strict: bool) -> dict[str, _Field]:
    """By both of the names that JSON senders use; strictly by the one of the specification."""
    found = {}
    for field in message.fields:
        made = _field(field, strict)
        found[field.camelcase_name] = made
        if not strict:
            found[field.name] = made
    return found


def _field(field: FieldDescriptor, strict: bool) -> _Field:
    wire_type = _WIRE_TYPES.get(field.type, _DELIMITED)
    is_packed = field.is_repeated and wire_type != _DELIMITED
    tag = _varint(field.number << 3 | (_DELIMITED if is_packed else wire_type))
    inner, content = field.message_type, _writer(field, strict)
    return _Field(
        field.camelcase_name,
        _EXPECTED.get(field.type, ""),
        tag,
        field.is_repeated,
        is_packed,
        bool(field.is_repeated and inner and inner.full_name == _KEY_VALUE),
        bool(field.containing_type and field.containing_type.full_name in _NESTING),
        inner,
        content,
        _delimiting(tag, content) if wire_type == _DELIMITED else lambda value: tag + content(value),
    )


def _delimiting(tag: bytes, content: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        found = content(value)
        return b"".join((tag, _length(found), found))

    return write


class _Rewriter:
    """Of one request. `rejected` counts the records that were left out, by reason.

    `strict`: nothing is left out or brought into its range, and no name or kind of value is taken that only
    the lenient know. BadItem for all of that.
    """

    def __init__(self, strict: bool = False) -> None:
        self.rejected: Counter[str] = Counter()
        self._strict = strict
        self._values = 0

    def message(self, descriptor: Descriptor, value: Any, depth: int) -> bytes:
        """The message's bytes, or BadItem."""
        if not isinstance(value, dict):
            raise BadItem(f"{_called(descriptor)} is not a JSON object")
        if not depth:
            raise BadItem("a value nests too deep")
        fields = _fields(descriptor, self._strict)
        parts: list[bytes] = []
        name = ""
        try:
            for name, content in value.items():
                field = fields.get(name)
                if content is None:
                    continue
                if field is None:
                    self._ignore(name)
                elif field.is_repeated:
                    self._repeated(parts, field, content, depth)
                elif field.inner is None:
                    parts.append(field.write(content))
                else:
                    inner = self.message(field.inner, content, depth - 1)
                    parts += (field.tag, _length(inner), inner)
        except BadItem:
            raise
        except (_Unreadable, ValueError, TypeError, OverflowError):
            raise BadItem(f"{fields[name].name} is not {fields[name].expected}") from None
        return b"".join(parts)

    def _ignore(self, name: str) -> None:
        if self._strict and "_" in name:
            raise BadItem(f"{name} may be the other name of a field")

    def _repeated(self, parts: list[bytes], field: _Field, content: Any, depth: int) -> None:
        if not isinstance(content, list):
            raise BadItem(f"{field.name} is not an array")
        if field.is_nesting and self._strict:
            self._values += len(content)
            if self._values > MAX_VALUES:
                raise BadItem("too many values in attributes")
        if field.is_packed:
            packed = b"".join(map(field.content, content))
            parts += (field.tag, _length(packed), packed)
        elif field.inner is None:
            parts += map(field.write, content)
        elif field.is_attributes and depth > 2:
            self._attributes(parts, field, content, depth)
        else:
            self._messages(parts, field, content, depth)

    def _attributes(self, parts: list[bytes], field: _Field, content: list[Any], depth: int) -> None:
        """Nine in ten are a short text, and most of them repeat."""
        tag, known = field.tag, _TEXTS
        for item in content:
            if type(item) is dict and len(item) == 2:
                key, value = item.get("key"), item.get("value")
                if type(key) is str and type(value) is dict and len(value) == 1:
                    text = value.get("stringValue")
                    if type(text) is str and len(text) < _SHORT:
                        parts += (tag, known.get((key, text)) or _text_attribute(key, text))
                        continue
            self._messages(parts, field, (item,), depth)

    def _messages(self, parts: list[bytes], field: _Field, content: Sequence[Any], depth: int) -> None:
        assert field.inner is not None
        for item in content:
            one = self._item(field.inner, item, depth - 1)
            if one is not None:
                parts += (field.tag, _length(one), one)

    def _item(self, descriptor: Descriptor, value: Any, depth: int) -> bytes | None:
        """One of many: None for a record that had to be left out."""
        try:
            return self.message(descriptor, value, depth)
        except BadItem as error:
            if self._strict:
                raise
            if descriptor.full_name == _KEY_VALUE:
                return b""  # an attribute without a key is what the decoder drops and counts
            if descriptor.full_name not in _RECORDS:
                raise
            self.rejected[str(error)] += _points(value) if descriptor.name == "Metric" else 1
            return None


def _text_attribute(key: str, text: str) -> bytes:
    """A KeyValue with its length before it; remembered if it is short."""
    inner = _delimited(1, clean(text).encode())
    made = _delimited(1, clean(key).encode()) + _delimited(2, inner)
    found = _length(made) + made
    if len(found) <= _REMEMBERED:
        if len(_TEXTS) >= _MOST_TEXTS:
            _TEXTS.clear()
        _TEXTS[key, text] = found
    return found


_TEXTS: dict[tuple[str, str], bytes] = {}


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _DELIMITED) + _length(content) + content


def _called(descriptor: Descriptor) -> str:
    return _RECORDS.get(descriptor.full_name, descriptor.name)


def _points(metric: Any) -> int:
    """How many data points are lost with a metric whose head cannot be read; at least one."""
    data = metric.values() if isinstance(metric, dict) else ()
    lists = [kind.get("dataPoints", kind.get("data_points")) for kind in data if isinstance(kind, dict)]
    return sum(len(points) for points in lists if isinstance(points, list)) or 1


# ---------------------------------------------------------------- scalars

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_SHORT = 2**16  # characters of a text that may be copied now and then
_REMEMBERED, _MOST_TEXTS = 256, 32_768  # bytes of an attribute that is a text, and how many are kept
_NAMES_OF_IDS = ("trace_id", "span_id", "parent_span_id")
_LARGEST = {
    FieldDescriptor.TYPE_INT32: 2**31 - 1,
    FieldDescriptor.TYPE_SINT32: 2**31 - 1,
    FieldDescriptor.TYPE_ENUM: 2**31 - 1,
    FieldDescriptor.TYPE_UINT32: 2**32 - 1,
    FieldDescriptor.TYPE_FIXED32: 2**32 - 1,
    FieldDescriptor.TYPE_INT64: 2**63 - 1,
    FieldDescriptor.TYPE_SFIXED64: 2**63 - 1,
    FieldDescriptor.TYPE_UINT64: 2**64 - 1,
    FieldDescriptor.TYPE_FIXED64: 2**64 - 1,
}
_UNSIGNED = (
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
)
_WIRE_TYPES = {
    **dict.fromkeys(_LARGEST, _VARINT),
    FieldDescriptor.TYPE_BOOL: _VARINT,
    FieldDescriptor.TYPE_DOUBLE: _FIXED64,
    FieldDescriptor.TYPE_FIXED64: _FIXED64,
    FieldDescriptor.TYPE_SFIXED64: _FIXED64,
    FieldDescriptor.TYPE_FIXED32: _FIXED32,
}
_EXPECTED = {
    FieldDescriptor.TYPE_STRING: "a string",
    FieldDescriptor.TYPE_BYTES: "hexadecimal, or base64 for bytesValue",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_BOOL: "a boolean",
    **dict.fromkeys(_LARGEST, "an integer of its range"),
}
_PACK = {
    FieldDescriptor.TYPE_FIXED64: struct.Struct("<Q").pack,
    FieldDescriptor.TYPE_SFIXED64: struct.Struct("<q").pack,
    FieldDescriptor.TYPE_FIXED32: struct.Struct("<I").pack,
}
_DOUBLE = struct.Struct("<d").pack


def _varint(number: int) -> bytes:
    number %= 2**64  # protobuf writes negative ones in two's complement
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


_LENGTHS = [_varint(length) for length in range(2_048)]


def _length(content: bytes) -> bytes:
    length = len(content)
    return _LENGTHS[length] if length < 2_048 else _varint(length)


def _writer(field: FieldDescriptor, strict: bool) -> Callable[[Any], bytes]:
    """What makes the content of one value of the field; _Unreadable, or the like, for what is none."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return _strict_text if strict else _text
    if field.type == FieldDescriptor.TYPE_BYTES:
        if field.name in _NAMES_OF_IDS:
            return binascii.unhexlify if strict else bytes.fromhex
        return lambda value: _bytes(value, 0)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return lambda value: _DOUBLE(_double(value))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda value: b"\1" if _boolean(value) else b"\0"
    return _integer_writer(field, strict) if field.type in _LARGEST else _no_value


def _no_value(value: Any) -> bytes:
    raise _Unreadable


def _text(value: Any) -> bytes:
    """A number is taken by its digits."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    return _strict_text(value)


def _strict_text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _Unreadable
    return clean(value).encode()


def _double(value: Any) -> float:
    """Also "NaN", "Infinity" and "-Infinity", as protobuf's JSON mapping writes them."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _Unreadable
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unreadable
    return value


def _integer_writer(field: FieldDescriptor, strict: bool) -> Callable[[Any], bytes]:
    highest = _LARGEST[field.type]
    lowest = 0 if field.type in _UNSIGNED else -highest - 1
    names = {value.name: value.number for value in field.enum_type.values} if field.enum_type else {}
    pack = _PACK.get(field.type) or (_zigzag if field.type == FieldDescriptor.TYPE_SINT32 else _varint)

    def write(value: Any) -> bytes:
        number = names[value] if isinstance(value, str) and value in names else _as_integer(value)
        if not lowest <= number <= highest:
            # A moment or a count: the nearest one would be a lie.
            if strict or highest > 2**32:
                raise _Unreadable
            number = min(max(number, lowest), highest)
        return pack(number)

    return write


def _zigzag(number: int) -> bytes:
    return _varint(number << 1 ^ number >> 31)
