"""Stored rows back into OTLP: what was received can be handed on, to another backend or to a file.

What comes back means the same as what was sent. It is written in one way only: rows of one resource and one
scope stand together, of equal keys the last one stays, an attribute without a value and one whose value is
empty are the same, ids that are not valid in logs and exemplars are left out, and so are NUL characters in a
schema URL, a metric without data points, and a record that was rejected. Times of spans are those stored.
"""

from __future__ import annotations

import base64
import functools
import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as LogRecordMessage
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector import jsonvalue
from collector.model import Attributes, Resource, Scope, Span
from collector.model_logs import LogRecord
from collector.model_metrics import Metric, MetricType
from collector.storage.base import OriginReader
from collector.storage.metrics import StoredPoint
from collector.storage.signal_rows import exemplars_from_json

T = TypeVar("T")
_CLAMPED = "tracekit.time_clamped"


# ---------------------------------------------------------------- signals


def traces(spans: Iterable[Span], origins: OriginReader | None = None) -> TracesData:
    """An ExportTraceServiceRequest of these spans, in their order. Where nothing is stored of what sent one,
    as of a span that was read from a file, it is told by what the span carries itself: without schema URLs,
    attributes of scopes and what was dropped of either."""
    found = TracesData()
    told = _Carried(tuple(spans), origins)
    for resource, schema_url, scopes in _grouped(told.spans, told.place, told):
        group = found.resource_spans.add(resource=resource, schema_url=schema_url)
        for scope, scope_url, members in scopes:
            group.scope_spans.add(scope=scope, schema_url=scope_url, spans=map(_span, members))
    return found


def logs(records: Iterable[LogRecord], origins: OriginReader) -> LogsData:
    """An ExportLogsServiceRequest of these records, in their order."""
    found = LogsData()
    for resource, schema_url, scopes in _grouped(records, lambda r: (r.resource_id, r.scope_id), origins):
        group = found.resource_logs.add(resource=resource, schema_url=schema_url)
        for scope, scope_url, members in scopes:
            group.scope_logs.add(scope=scope, schema_url=scope_url, log_records=map(_log_record, members))
    return found


def metrics(points: Iterable[StoredPoint], origins: OriginReader) -> MetricsData:
    """An ExportMetricsServiceRequest of these data points, in their order within a metric."""
    found = MetricsData()
    place: Callable[[StoredPoint], tuple[int, int]] = lambda p: (p.metric.resource_id, p.metric.scope_id)  # noqa: E731
    for resource, schema_url, scopes in _grouped(points, place, origins):
        group = found.resource_metrics.add(resource=resource, schema_url=schema_url)
        for scope, scope_url, members in scopes:
            described = _by(members, lambda point: point.metric)
            messages = (_metric(metric, some) for metric, some in described.items())
            group.scope_metrics.add(scope=scope, schema_url=scope_url, metrics=messages)
    return found


def to_json(message: Message) -> bytes:
    """OTLP's JSON of one of these."""
    return json.dumps(document(message), separators=(",", ":"), ensure_ascii=False).encode()


def document(message: Message) -> dict[str, Any]:
    """The same, not written yet: ids in hex, enums as integers, 64-bit integers as text. What is not set is
    left out."""
    found = {}
    for field, value in message.ListFields():
        name, write = _written(field)
        found[name] = write(value)
    return found


@functools.cache
def _written(field: FieldDescriptor) -> tuple[str, Callable[[Any], Any]]:
    """A field's name, and what makes its value JSON."""
    write = _value_of(field)
    if _is_repeated(field):
        return field.json_name, lambda values: [write(value) for value in values]
    return field.json_name, write


def _is_repeated(field: Any) -> bool:
    """Protobuf 5 has one way to say it, 7 the other."""
    known = getattr(field, "is_repeated", None)
    return bool(field.label == field.LABEL_REPEATED if known is None else known)


def _value_of(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.type == field.TYPE_BYTES:
        return bytes.hex if field.name in _IDS else lambda value: base64.b64encode(value).decode()
    if field.cpp_type == field.CPPTYPE_MESSAGE:
        return document
    if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
        return str
    if field.cpp_type == field.CPPTYPE_DOUBLE:
        return _double
    return lambda value: value


_IDS = frozenset(("trace_id", "span_id", "parent_span_id"))


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


# ---------------------------------------------------------------- groups


def _grouped(
    rows: Iterable[T], place: Callable[[T], tuple[int, int]], origins: OriginReader
) -> Iterable[tuple[ResourceMessage, str, list[tuple[InstrumentationScope, str, list[T]]]]]:
    """By resource, then by scope; each with its schema URL."""
    by_place = _by(rows, place)
    resources = origins.resources({resource_id for resource_id, _ in by_place})
    scopes = origins.scopes({scope_id for _, scope_id in by_place} - {0})
    for resource_id, places in _by(by_place, lambda both: both[0]).items():
        resource = resources.get(resource_id) or Resource(resource_id, "", "")
        inner = []
        for both in places:
            scope = scopes.get(both[1]) or Scope(both[1])
            inner.append((_scope(scope), scope.schema_url, by_place[both]))
        yield _resource(resource), resource.schema_url, inner


class _Carried:
    """Resources and scopes of spans: those that are stored, else what the spans say."""

    def __init__(self, spans: tuple[Span, ...], origins: OriginReader | None) -> None:
        self.spans = spans
        self._origins = origins
        labels = dict.fromkeys(span.scope for span in spans if span.scope and not span.scope_id)
        self._numbers = {label: -number for number, label in enumerate(labels, 1)}
        self._resource_of = {span.resource_id: span.resource for span in spans}
        self._scope_of = {self.place(span)[1]: span.scope for span in spans}

    def place(self, span: Span) -> tuple[int, int]:
        return span.resource_id, span.scope_id or self._numbers.get(span.scope, 0)

    def resources(self, ids: Collection[int]) -> dict[int, Resource]:
        stored = self._origins.resources(ids) if self._origins else {}
        said = {id: self._resource_of[id] for id in ids if id not in stored}
        return stored | {id: Resource(id, "", jsonvalue.dumps(dict(one))) for id, one in said.items()}

    def scopes(self, ids: Collection[int]) -> dict[int, Scope]:
        stored = self._origins.scopes([id for id in ids if id > 0]) if self._origins else {}
        return stored | {id: _named(id, self._scope_of[id]) for id in ids if id not in stored}


def _named(id: int, label: str) -> Scope:
    """From "name" or "name@version". A name may begin with @, as those of JavaScript packages do."""
    name, _, version = label.rpartition("@")
    return Scope(id, name, version) if name else Scope(id, label)


def _by(rows: Iterable[T], key: Callable[[T], Hashable]) -> dict[Any, list[T]]:
    found: dict[Any, list[T]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def _resource(resource: Resource) -> ResourceMessage:
    return ResourceMessage(
        attributes=_key_values(jsonvalue.loads(resource.attributes_json)),
        dropped_attributes_count=resource.dropped_attributes_count,
        entity_refs=jsonvalue.loads(resource.entity_refs) or (),
    )


def _scope(scope: Scope) -> InstrumentationScope:
    return InstrumentationScope(
        name=scope.name,
        version=scope.version,
        attributes=_key_values(jsonvalue.loads(scope.attributes_json)),
        dropped_attributes_count=scope.dropped_attributes_count,
    )


# ---------------------------------------------------------------- values


def _key_values(attributes: Attributes | None) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=None if value is None else _any_value(value))
        for key, value in (attributes or {}).items()
    ]


def _any_value(value: Any) -> AnyValue:
    found = AnyValue()
    match value:
        case bool():
            found.bool_value = value
        case int():
            found.int_value = value
        case float():
            found.double_value = value
        case str():
            found.string_value = value
        case bytes():
            found.bytes_value = value
        case list():
            found.array_value.SetInParent()
            found.array_value.values.extend(map(_any_value, value))
        case dict():
            found.kvlist_value.SetInParent()
            found.kvlist_value.values.extend(_key_values(value))
    return found


def _id(text: str) -> bytes:
    return bytes.fromhex(text)


# ---------------------------------------------------------------- spans


def _span(span: Span) -> SpanMessage:
    kept = {key: value for key, value in span.attributes.items() if key != _CLAMPED}
    message = SpanMessage(
        trace_id=_id(span.trace_id),
        span_id=_id(span.span_id),
        parent_span_id=_id(span.parent_span_id),
        trace_state=span.trace_state,
        flags=span.flags,
        name=span.name,
        kind=int(span.kind),  # type: ignore[arg-type]
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=_key_values(kept if _CLAMPED in span.attributes else span.attributes),
        dropped_attributes_count=span.dropped_attributes_count,
        dropped_events_count=span.dropped_events_count,
        dropped_links_count=span.dropped_links_count,
    )
    if span.status or span.status_message:
        message.status.code = int(span.status)  # type: ignore[assignment]
        message.status.message = span.status_message
    for event in span.events:
        message.events.add(
            time_unix_nano=event.time_ns,
            name=event.name,
            attributes=_key_values(event.attributes),
            dropped_attributes_count=event.dropped_attributes_count,
        )
    for link in span.links:
        message.links.add(
            trace_id=_id(link.trace_id),
            span_id=_id(link.span_id),
            trace_state=link.trace_state,
            flags=link.flags,
            attributes=_key_values(link.attributes),
            dropped_attributes_count=link.dropped_attributes_count,
        )
    return message


# ---------------------------------------------------------------- logs


def _log_record(record: LogRecord) -> LogRecordMessage:
    return LogRecordMessage(
        time_unix_nano=record.sent_time_ns,
        observed_time_unix_nano=record.observed_ns,
        severity_number=record.severity,  # type: ignore[arg-type]
        severity_text=record.severity_text,
        body=None if record.body is None else _any_value(record.body),
        attributes=_key_values(record.attributes),
        dropped_attributes_count=record.dropped_attributes_count,
        flags=record.flags,
        trace_id=_id(record.trace_id),
        span_id=_id(record.span_id),
        event_name=record.event_name,
    )


# ---------------------------------------------------------------- metrics


def _metric(metric: Metric, points: list[StoredPoint]) -> metrics_pb2.Metric:
    message = metrics_pb2.Metric(
        name=metric.name,
        unit=metric.unit,
        description=metric.description,
        metadata=_key_values(jsonvalue.loads(metric.metadata_json)),
    )
    field, write = _DATA[metric.type]
    data: Any = getattr(message, field)
    if metric.temporality:
        data.aggregation_temporality = int(metric.temporality)
    if metric.monotonic:
        data.is_monotonic = True
    for point in points:
        made = data.data_points.add(
            attributes=_key_values(point.attributes),
            start_time_unix_nano=point.row["start_ns"],
            time_unix_nano=point.row["sent_time_ns"],
            flags=point.row["flags"],
        )
        write(made, point.row)
    return message


def _write_number(point: Any, row: Mapping[str, Any]) -> None:
    if row["value_int"] is not None:
        point.as_int = row["value_int"]
    elif row["value"] is not None:
        point.as_double = row["value"]
    _write_exemplars(point, row)


def _write_histogram(point: Any, row: Mapping[str, Any]) -> None:
    point.count = row["count"]
    _write_given(point, row, "sum", "min", "max")
    point.explicit_bounds.extend(jsonvalue.loads(row["bounds"]) or ())
    point.bucket_counts.extend(jsonvalue.loads(row["counts"]) or ())
    _write_exemplars(point, row)


def _write_exponential(point: Any, row: Mapping[str, Any]) -> None:
    for field in ("count", "scale", "zero_count", "zero_threshold"):
        setattr(point, field, row[field])
    _write_given(point, row, "sum", "min", "max")
    for side in ("positive", "negative"):
        counts = jsonvalue.loads(row[side]) or ()
        if counts or row[f"{side}_offset"]:
            buckets = getattr(point, side)
            buckets.offset = row[f"{side}_offset"]
            buckets.bucket_counts.extend(counts)
    _write_exemplars(point, row)


def _write_summary(point: Any, row: Mapping[str, Any]) -> None:
    point.count, point.sum = row["count"], row["sum"]
    for quantile, value in jsonvalue.loads(row["quantiles"]) or ():
        point.quantile_values.add(quantile=quantile, value=value)


def _write_given(point: Any, row: Mapping[str, Any], *fields: str) -> None:
    """What may be absent."""
    for field in fields:
        if row[field] is not None:
            setattr(point, field, row[field])


def _write_exemplars(point: Any, row: Mapping[str, Any]) -> None:
    for exemplar in exemplars_from_json(row["exemplars"]):
        made = point.exemplars.add(
            time_unix_nano=exemplar.time_ns,
            trace_id=_id(exemplar.trace_id),
            span_id=_id(exemplar.span_id),
            filtered_attributes=_key_values(exemplar.attributes),
        )
        if isinstance(exemplar.value, int):
            made.as_int = exemplar.value
        elif exemplar.value is not None:
            made.as_double = exemplar.value


_DATA: dict[MetricType, tuple[str, Callable[[Any, Mapping[str, Any]], None]]] = {
    MetricType.GAUGE: ("gauge", _write_number),
    MetricType.SUM: ("sum", _write_number),
    MetricType.HISTOGRAM: ("histogram", _write_histogram),
    MetricType.EXPONENTIAL_HISTOGRAM: ("exponential_histogram", _write_exponential),
    MetricType.SUMMARY: ("summary", _write_summary),
}
