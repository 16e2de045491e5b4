"""Official OTLP messages nobody chose (hypothesis), and what two of them must agree in to mean the same."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, EntityRef, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.metrics.v1 import metrics_pb2 as m
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.collector.batches import SECOND, T0

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEYS = st.one_of(st.sampled_from(["service.name", "$bytes", "$map", "a.b", "http.route"]), TEXTS.filter(bool))
URLS = st.sampled_from(["", "https://opentelemetry.io/schemas/1.30.0", "é"])
I64 = st.integers(-(2**63), 2**63 - 1)
U64 = st.one_of(st.integers(0, 9), st.integers(0, 2**64 - 1))
U32 = st.one_of(st.just(0), st.integers(0, 2**32 - 1))
DOUBLES = st.floats(allow_subnormal=False)
# Near enough that nothing is clamped.
TIMES = st.integers(T0 - 3600 * SECOND, T0)
TRACE_IDS = st.binary(min_size=16, max_size=16).filter(any)
SPAN_IDS = st.binary(min_size=8, max_size=8).filter(any)


def _values() -> st.SearchStrategy[AnyValue]:
    scalars = st.one_of(
        st.builds(AnyValue, string_value=TEXTS),
        st.builds(AnyValue, bool_value=st.booleans()),
        st.builds(AnyValue, int_value=I64),
        st.builds(AnyValue, double_value=DOUBLES),
        st.builds(AnyValue, bytes_value=st.binary(max_size=5)),
        st.just(AnyValue()),
    )
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(_array),
            st.dictionaries(TEXTS, inner, max_size=3).map(_map),
        ),
        max_leaves=5,
    )


def _array(values: list[AnyValue]) -> AnyValue:
    found = AnyValue()
    found.array_value.SetInParent()
    found.array_value.values.extend(values)
    return found


def _map(values: dict[str, AnyValue]) -> AnyValue:
    found = AnyValue()
    found.kvlist_value.SetInParent()
    found.kvlist_value.values.extend(KeyValue(key=key, value=value) for key, value in values.items())
    return found


VALUES = _values()
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=3).map(
    lambda found: [KeyValue(key=key, value=value) for key, value in found.items()]
)
ENTITIES = st.builds(
    EntityRef,
    schema_url=URLS,
    type=TEXTS,
    id_keys=st.lists(TEXTS, max_size=2),
    description_keys=st.lists(KEYS),
)
RESOURCES = st.builds(
    Resource,
    attributes=ATTRIBUTES,
    dropped_attributes_count=U32,
    entity_refs=st.lists(ENTITIES, max_size=2),
)
SCOPES = st.builds(
    InstrumentationScope, name=TEXTS, version=TEXTS, attributes=ATTRIBUTES, dropped_attributes_count=U32
)


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=3)


# ---------------------------------------------------------------- the three signals

EVENTS = st.builds(
    trace_pb2.Span.Event,
    time_unix_nano=TIMES,
    name=TEXTS,
    attributes=ATTRIBUTES,
    dropped_attributes_count=U32,
)
LINKS = st.builds(
    trace_pb2.Span.Link,
    trace_id=TRACE_IDS,
    span_id=SPAN_IDS,
    trace_state=TEXTS,
    attributes=ATTRIBUTES,
    flags=U32,
    dropped_attributes_count=U32,
)


@st.composite
def _spans(draw: st.DrawFn) -> trace_pb2.Span:
    start, end = sorted((draw(TIMES), draw(TIMES)))
    return trace_pb2.Span(
        trace_id=draw(TRACE_IDS),
        span_id=draw(SPAN_IDS),
        parent_span_id=draw(st.one_of(st.just(b""), SPAN_IDS)),
        trace_state=draw(TEXTS),
        flags=draw(U32),
        name=draw(TEXTS),
        kind=draw(st.integers(0, 5)),  # type: ignore[arg-type]
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        attributes=draw(ATTRIBUTES),
        dropped_attributes_count=draw(U32),
        events=draw(few(EVENTS)),
        dropped_events_count=draw(U32),
        links=draw(few(LINKS)),
        dropped_links_count=draw(U32),
        status=trace_pb2.Status(code=draw(st.integers(0, 2)), message=draw(TEXTS)),  # type: ignore[arg-type]
    )


LOG_RECORDS = st.fixed_dictionaries(
    {
        "time_unix_nano": st.one_of(st.just(0), TIMES, U64),
        "observed_time_unix_nano": st.one_of(st.just(0), TIMES, U64),
        "severity_number": st.integers(0, 24),
        "severity_text": TEXTS,
        "body": VALUES,
        "attributes": ATTRIBUTES,
        "dropped_attributes_count": U32,
        "flags": U32,
        "trace_id": st.one_of(st.just(b""), TRACE_IDS),
        "span_id": st.one_of(st.just(b""), SPAN_IDS),
        "event_name": TEXTS,
    }
).map(lambda fields: LogRecord(**fields))
EXEMPLARS = st.fixed_dictionaries(
    {
        "filtered_attributes": ATTRIBUTES,
        "time_unix_nano": U64,
        "trace_id": st.one_of(st.just(b""), TRACE_IDS),
        "span_id": st.one_of(st.just(b""), SPAN_IDS),
    },
    optional={"as_int": I64},
).map(lambda fields: m.Exemplar(**fields))
_HEAD = {
    "attributes": ATTRIBUTES,
    "start_time_unix_nano": U64,
    "time_unix_nano": st.one_of(st.just(0), TIMES, U64),
    "flags": U32,
}
_NUMBERS = {**_HEAD, "exemplars": few(EXEMPLARS)}
_EXTREMES: dict[Any, Any] = {"sum": DOUBLES, "min": DOUBLES, "max": DOUBLES}


def _number_points() -> st.SearchStrategy[m.NumberDataPoint]:
    return st.one_of(
        st.fixed_dictionaries({**_NUMBERS, "as_int": I64}),
        st.fixed_dictionaries({**_NUMBERS, "as_double": DOUBLES}),
        st.fixed_dictionaries(_NUMBERS),
    ).map(lambda fields: m.NumberDataPoint(**fields))


@st.composite
def _histogram_points(draw: st.DrawFn) -> m.HistogramDataPoint:
    bounds = sorted(set(draw(st.lists(st.floats(allow_nan=False), max_size=4))))
    counts = draw(st.lists(U64, min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    if not bounds and draw(st.booleans()):
        counts = []
    fields = draw(st.fixed_dictionaries({**_NUMBERS, "count": U64}, optional=_EXTREMES))
    return m.HistogramDataPoint(**fields, explicit_bounds=bounds, bucket_counts=counts)


_BUCKETS = st.builds(
    m.ExponentialHistogramDataPoint.Buckets,
    offset=st.integers(-(2**31), 2**31 - 1),
    bucket_counts=st.lists(U64, min_size=1, max_size=4),
)
_EXPONENTIAL = {
    **_NUMBERS,
    "count": U64,
    "scale": st.integers(-20, 20),
    "zero_count": U64,
    "zero_threshold": DOUBLES,
}
_SUMMARIES = {
    **_HEAD,
    "count": U64,
    "sum": DOUBLES,
    "quantile_values": few(st.builds(m.SummaryDataPoint.ValueAtQuantile, quantile=DOUBLES, value=DOUBLES)),
}


def _points(strategy: Any, optional: Any, message: Any) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(strategy, optional=optional).map(lambda fields: message(**fields))


@st.composite
def _metrics(draw: st.DrawFn) -> m.Metric:
    found = m.Metric(name=draw(TEXTS), description=draw(TEXTS), unit=draw(TEXTS), metadata=draw(ATTRIBUTES))
    temporality = draw(st.integers(0, 2))
    some: Callable[[Any], Any] = lambda s: draw(st.lists(s, min_size=1, max_size=3))  # noqa: E731
    match draw(st.integers(1, 5)):
        case 1:
            found.gauge.data_points.extend(some(_number_points()))
        case 2:
            found.sum.aggregation_temporality = temporality  # type: ignore[assignment]
            found.sum.is_monotonic = draw(st.booleans())
            found.sum.data_points.extend(some(_number_points()))
        case 3:
            found.histogram.aggregation_temporality = temporality  # type: ignore[assignment]
            found.histogram.data_points.extend(some(_histogram_points()))
        case 4:
            optional = {**_EXTREMES, "positive": _BUCKETS, "negative": _BUCKETS}
            points = _points(_EXPONENTIAL, optional, m.ExponentialHistogramDataPoint)
            found.exponential_histogram.aggregation_temporality = temporality  # type: ignore[assignment]
            found.exponential_histogram.data_points.extend(some(points))
        case 5:
            found.summary.data_points.extend(some(_points(_SUMMARIES, {}, m.SummaryDataPoint)))
    return found


def _requests(request: Any, outer: str, inner: str, leaves: str, leaf: Any) -> st.SearchStrategy[Any]:
    @st.composite
    def build(draw: st.DrawFn) -> Any:
        found = request()
        for resource in draw(few(RESOURCES)):
            group = getattr(found, outer).add(resource=resource, schema_url=draw(URLS))
            for scope in draw(few(SCOPES)):
                within = getattr(group, inner).add(scope=scope, schema_url=draw(URLS))
                getattr(within, leaves).extend(draw(few(leaf)))
        return found

    return build()


TRACES = _requests(trace_pb2.TracesData, "resource_spans", "scope_spans", "spans", _spans())
LOGS = _requests(LogsData, "resource_logs", "scope_logs", "log_records", LOG_RECORDS)
METRICS = _requests(m.MetricsData, "resource_metrics", "scope_metrics", "metrics", _metrics())


# ---------------------------------------------------------------- equality

# An empty one of these is a value; an empty message elsewhere says as much as none.
_KINDS_OF_VALUE = {"array_value", "kvlist_value"}
_UNORDERED = {"attributes", "filtered_attributes", "metadata"}


def meaning(message: Message) -> Any:
    """What a message says, as a value to compare: absent and empty fields are the same, attributes have no
    order, and of doubles every bit counts."""
    fields = {}
    for field, value in message.ListFields():
        if field.name in _UNORDERED:
            fields[field.name] = sorted(map(repr, map(meaning, value)))
        elif field.type == field.TYPE_MESSAGE:
            fields[field.name] = [*map(meaning, value)] if field.is_repeated else meaning(value)
        else:
            fields[field.name] = [*map(_bits, value)] if field.is_repeated else _bits(value)
    if message.DESCRIPTOR.name == "KeyValueList":  # OTLP: a map, so in no order either
        fields["values"] = sorted(map(repr, fields.get("values", [])))
    return {name: value for name, value in fields.items() if value != {} or name in _KINDS_OF_VALUE}


def _bits(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return "NaN" if value != value else struct.pack(">d", value)


def leaves(request: Any) -> list[str]:
    """Every span, log record or data point of a request with all that stands above it, in no order."""
    found = []
    for group in request.ListFields()[0][1] if request.ListFields() else ():
        head = (meaning(group.resource), group.schema_url)
        for scopes in (value for field, value in group.ListFields() if field.name.startswith("scope_")):
            for scope in scopes:
                within = (*head, meaning(scope.scope), scope.schema_url)
                for records in _records(scope):
                    found += [repr((within, records[0], meaning(record))) for record in records[1]]
    return sorted(found)


def _records(scope: Any) -> list[tuple[Any, Any]]:
    """(what describes them, the records)."""
    if not hasattr(scope, "metrics"):
        return [(None, scope.spans if hasattr(scope, "spans") else scope.log_records)]
    found = []
    for metric in scope.metrics:
        which = metric.WhichOneof("data")
        data = getattr(metric, which)
        head = [repr(meaning(one)) for one in metric.metadata]
        told = (metric.name, metric.unit, metric.description, sorted(head), which)
        temporality = getattr(data, "aggregation_temporality", 0), getattr(data, "is_monotonic", False)
        found.append(((*told, *temporality), data.data_points))
    return found
