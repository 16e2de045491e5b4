"""OTLP JSON rewritten as OTLP protobuf, so that logs and metrics are read by one decoder with one meaning.

Led by opentelemetry-proto's own descriptors: no field is written down here. Hex ids in either case, enums as
integers or names, 64-bit integers as numbers or strings, lowerCamelCase and snake_case, null as absent,
unknown fields ignored. protobuf's json_format is no help: it base64-decodes hex ids into wrong bytes without
a word, and one bad record fails the request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from collector.decode import otlp_logs, otlp_metrics, wire
from collector.decode.attributes import MAX_DEPTH, clean
from collector.decode.containers import require_sparse_json
from collector.decode.otlp_json import _as_integer, _bytes, _parse, _Unreadable
from collector.decode.result import BadItem, Decoded, Undecodable

# AnyValue, KeyValueList and KeyValue are messages of their own: a level of nesting is up to three of them,
# below the seven from the request to an exemplar's attribute. How deep a value may be the decoder says.
_MAX_MESSAGES = 3 * MAX_DEPTH + 12

_KEY_VALUE = KeyValue.DESCRIPTOR.full_name
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


def decode_logs(body: bytes, received_ns: int) -> Decoded:
    """The records of an ExportLogsServiceRequest in JSON. Raises Undecodable or TooLarge."""
    return _decode(body, received_ns, LogsData.DESCRIPTOR, otlp_logs.decode)


def decode_metrics(body: bytes, received_ns: int) -> Decoded:
    """The data points of an ExportMetricsServiceRequest in JSON. Raises Undecodable or TooLarge."""
    return _decode(body, received_ns, MetricsData.DESCRIPTOR, otlp_metrics.decode)


def _decode(
    body: bytes, received_ns: int, request: Descriptor, decode: Callable[[bytes, int], Decoded]
) -> Decoded:
    require_sparse_json(body)
    rewriter = _Rewriter()
    try:
        decoded = decode(rewriter.message(request, _parse(body), _MAX_MESSAGES), received_ns)
    except BadItem as error:  # above the records: it is about all of them
        raise Undecodable(str(error)) from error
    decoded.rejected.update(rewriter.rejected)
    return decoded


class _Field(NamedTuple):
    """One field of a message: how it is called, and how a JSON value of it becomes protobuf."""

    name: str
    descriptor: FieldDescriptor
    repeated: bool
    inner: Descriptor | None  # of a message


@cache
def _fields(message: Descriptor) -> dict[str, _Field]:
    """By both of the names that JSON senders use."""
    found = {}
    for field in message.fields:
        made = _Field(field.name, field, field.is_repeated, field.message_type)
        found[field.camelcase_name] = found[field.name] = made
    return found


@cache
def _wire_class(message: Descriptor) -> Any:
    return wire.message(message.full_name)


class _Rewriter:
    """Of one request. `rejected` counts the records that were left out, by reason."""

    def __init__(self) -> None:
        self.rejected: Counter[str] = Counter()

    def message(self, descriptor: Descriptor, value: Any, depth: int) -> bytes:
        """The message's bytes, or BadItem."""
        made = _wire_class(descriptor)()
        self._fill(made, descriptor, value, depth)
        found: bytes = made.SerializeToString()
        return found

    def _fill(self, target: Any, descriptor: Descriptor, value: Any, depth: int) -> None:
        if not isinstance(value, dict):
            raise BadItem(f"{_called(descriptor)} is not a JSON object")
        if not depth:
            raise BadItem("a value nests too deep")
        fields = _fields(descriptor)
        for name, content in value.items():
            field = fields.get(name)
            if field is None or content is None:
                continue
            if field.repeated:
                self._fill_repeated(target, field, content, depth)
            elif field.inner is None:
                setattr(target, field.name, _scalar(field.descriptor, content))
            else:
                self._fill_message(target, field, content, depth)

    def _fill_message(self, target: Any, field: _Field, content: Any, depth: int) -> None:
        assert field.inner is not None
        if _is_opaque(target, field.name):
            setattr(target, field.name, self.message(field.inner, content, depth - 1))
            return
        inner = getattr(target, field.name)
        inner.SetInParent()  # an empty list is a value too
        self._fill(inner, field.inner, content, depth - 1)

    def _fill_repeated(self, target: Any, field: _Field, content: Any, depth: int) -> None:
        if not isinstance(content, list):
            raise BadItem(f"{field.descriptor.camelcase_name} is not an array")
        values = getattr(target, field.name)
        if field.inner is None:
            values.extend([_scalar(field.descriptor, item) for item in content])
        elif _is_opaque(target, field.name):
            items = (self._item(field.inner, item, depth - 1) for item in content)
            values.extend(item for item in items if item is not None)
        else:
            for item in content:
                self._fill(values.add(), field.inner, item, depth - 1)

    def _item(self, descriptor: Descriptor, value: Any, depth: int) -> bytes | None:
        """One of many: None for a record that had to be left out."""
        try:
            return self.message(descriptor, value, depth)
        except BadItem as error:
            if descriptor.full_name == _KEY_VALUE:
                return b""  # an attribute without a key is what the decoder drops and counts
            if descriptor.full_name not in _RECORDS:
                raise
            self.rejected[str(error)] += _points(value) if descriptor.name == "Metric" else 1
            return None


def _is_opaque(target: Any, name: str) -> bool:
    return bool(target.DESCRIPTOR.fields_by_name[name].message_type is None)


def _called(descriptor: Descriptor) -> str:
    return _RECORDS.get(descriptor.full_name, descriptor.name)


def _points(metric: Any) -> int:
    """How many data points are lost with a metric whose head cannot be read; at least one."""
    data = metric.values() if isinstance(metric, dict) else ()
    lists = [kind.get("dataPoints", kind.get("data_points")) for kind in data if isinstance(kind, dict)]
    return sum(len(points) for points in lists if isinstance(points, list)) or 1


# ---------------------------------------------------------------- scalars

_NAMES_OF_IDS = ("trace_id", "span_id")
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


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    try:
        if field.type == FieldDescriptor.TYPE_STRING:
            return _text(value)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return bytes.fromhex(value) if field.name in _NAMES_OF_IDS else _bytes(value, 0)
        if field.type == FieldDescriptor.TYPE_DOUBLE:
            return _double(value)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return _boolean(value)
        return _integer(field, value)
    except (_Unreadable, ValueError, TypeError, OverflowError):
        raise BadItem(f"{field.camelcase_name} is not {_KIND_OF[field.type]}") from None


_KIND_OF = {
    FieldDescriptor.TYPE_STRING: "a string",
    FieldDescriptor.TYPE_BYTES: "hexadecimal, or base64 for bytesValue",
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_BOOL: "a boolean",
    **dict.fromkeys(_LARGEST, "an integer of its range"),
}


def _text(value: Any) -> bytes:
    """A number is taken by its digits."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
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


def _integer(field: FieldDescriptor, value: Any) -> int:
    if field.enum_type is not None and isinstance(value, str) and value in field.enum_type.values_by_name:
        return int(field.enum_type.values_by_name[value].number)
    number: int = _as_integer(value)
    highest = _LARGEST[field.type]
    lowest = 0 if field.type in _UNSIGNED else -highest - 1
    if lowest <= number <= highest:
        return number
    if highest > 2**32:  # a moment or a count: the nearest one would be a lie
        raise _Unreadable
    return min(max(number, lowest), highest)
