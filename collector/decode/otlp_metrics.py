"""OTLP metrics in protobuf to metric batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from collector import jsonvalue
from collector.decode import groups, wire
from collector.decode.attributes import AttributeSet, array_json, object_json
from collector.decode.builder import KnownResource, KnownScope
from collector.decode.fields import require_sparse
from collector.decode.inplace import Bytes, read
from collector.decode.parts import attributes, text
from collector.decode.result import BadItem, Decoded, Undecodable
from collector.decode.tally import FIELDS, GROUPS, MAX_RECORDS, Tally
from collector.decode.times import sane_time
from collector.model import Resource, Scope
from collector.model_metrics import (
    POINT_COLUMN_NAMES,
    Metric,
    MetricBatch,
    MetricType,
    Series,
    Temporality,
)

MAX_BUCKETS = 10_000  # of one point, and as many exemplars and quantiles; with more it is rejected
# Of one request: each takes some 500 bytes on its way into the store. Points of any more are rejected.
MAX_SERIES = 50_000
# Beyond it a bucket is narrower than doubles can tell apart, or wider than all of them.
MAX_SCALE = 60
_PIECE = 2**16  # characters
_ROWS_AT_ONCE = 4_096
_LEVELS = (GROUPS, GROUPS, GROUPS, FIELDS, (MAX_RECORDS, "data points in one request"), FIELDS)
_MESSAGES = groups.Levels(
    wire.MetricsData, "resource_metrics", wire.ResourceMetrics, "scope_metrics", wire.ScopeMetrics, "metrics"
)


def decode(body: bytes, received_ns: int) -> Decoded:
    """The data points of an ExportMetricsServiceRequest. Raises Undecodable or TooLarge."""
    require_sparse(body, _LEVELS)
    builder = _Builder(body, received_ns)
    found = groups.walk(_MESSAGES, body, builder.tally)
    del body  # where nobody else has it, it goes as soon as it is read
    try:
        for sent_by, within, metrics in found:
            builder.tally.expect_groups(len(metrics))
            while metrics:
                _read(builder, sent_by, within, metrics.pop())
    except DecodeError as error:
        raise Undecodable("the body is not an OTLP ExportMetricsServiceRequest in protobuf") from error
    return builder.finish()


def _read(builder: _Builder, sent_by: KnownResource, within: KnownScope, raw: Bytes) -> None:
    try:
        points, described, kind = _metric(builder.tally, sent_by, within, raw)
    except DecodeError:
        builder.tally.reject("metric is not readable protobuf")
        return
    while points:
        try:
            builder.add(sent_by, within, described, kind, read(kind.point, points.pop()))
        except BadItem as error:
            builder.tally.reject(str(error))
        except DecodeError:
            builder.tally.reject("data point is not readable protobuf")


def _metric(
    tally: Tally, sent_by: KnownResource, within: KnownScope, raw: Bytes
) -> tuple[list[Bytes], _Described, _Kind]:
    """Its data points, the first one last. One that is described only, and measured nothing, has none."""
    message = read(wire.Metric, raw)
    which = message.WhichOneof("data") or "gauge"
    kind = _KINDS[which]
    data = read(kind.data, getattr(message, which))
    points = groups.last_first(data.data_points)
    tally.expect_records(len(points))
    return points, _described(tally, sent_by, within, message, kind.type, data), kind


class _Described(NamedTuple):
    metric: Metric
    identity: bytes  # what all of its series have in common


def _described(
    tally: Tally, sent_by: KnownResource, within: KnownScope, message: Any, kind: MetricType, data: Any
) -> _Described:
    temporality = _temporality(getattr(data, "aggregation_temporality", 0))
    monotonic = bool(getattr(data, "is_monotonic", False))
    name, unit, description = text(message.name), text(message.unit), text(message.description)
    metadata = attributes(tally, message.metadata)
    resource_id, scope_id = sent_by.resource.resource_id, within.scope.scope_id
    same = [name, int(kind), unit, int(temporality), monotonic, resource_id, scope_id]
    identity = json.dumps(same).encode()
    told = json.dumps([description, metadata.json])
    made = Metric(
        _hash(identity, told),
        name,
        kind,
        unit,
        description,
        temporality,
        monotonic,
        sent_by.columns.service,
        resource_id,
        scope_id,
        metadata.json,
    )
    return _Described(made, identity)


def _temporality(number: int) -> Temporality:
    return Temporality(number) if 0 <= number <= 2 else Temporality.UNSPECIFIED


def _hash(start: bytes, text: str) -> int:
    """Of `start NUL text`, which may be long: encoded in pieces."""
    digest = blake2b(start + b"\0", digest_size=8)
    for at in range(0, len(text), _PIECE):
        digest.update(text[at : at + _PIECE].encode())
    return int.from_bytes(digest.digest(), "big") or 1


class _Builder:
    """Collects the data points of one request."""

    def __init__(self, body: bytes, received_ns: int) -> None:
        self.tally = Tally("data point")
        self._received_ns = received_ns
        self._wire_bytes = len(body)
        self._digest = blake2b(body, digest_size=16, person=b"metrics").digest()
        self._rows: list[tuple[Any, ...]] = []  # the last few, which are not in columns yet
        self._turned = 0
        # Those that say anything: a gauge has no use for half of them.
        self._columns: dict[str, list[Any]] = {}
        self._metrics: dict[int, Metric] = {}
        self._series: dict[int, Series] = {}
        self._resources: dict[int, Resource] = {}
        self._scopes: dict[int, Scope] = {}

    def add(
        self, sent_by: KnownResource, within: KnownScope, described: _Described, kind: _Kind, message: Any
    ) -> None:
        """Append one data point, or raise BadItem."""
        values = kind.read(self.tally, message)
        series = self._series_of(described, attributes(self.tally, message.attributes))
        metric = described.metric
        self._metrics[metric.metric_id] = metric
        self._resources[metric.resource_id] = sent_by.resource
        if metric.scope_id:
            self._scopes[metric.scope_id] = within.scope
        sent = message.time_unix_nano
        self._rows.append(
            (
                metric.metric_id,
                series,
                sane_time(sent, self._received_ns),
                sent,
                message.start_time_unix_nano,
                self._received_ns,
                message.flags,
                *_in_order(values),
            )
        )
        if len(self._rows) == _ROWS_AT_ONCE:
            self._turn()

    def _turn(self) -> None:
        """Rows into columns, a few thousand at once: all at the end they would be in memory twice."""
        for name, values in zip(POINT_COLUMN_NAMES, zip(*self._rows)):
            blank = _BLANKS.get(name)
            if name in self._columns or values.count(blank) < len(values):
                self._columns.setdefault(name, [blank] * self._turned).extend(values)
        self._turned += len(self._rows)
        self._rows.clear()

    def _series_of(self, described: _Described, found: AttributeSet) -> int:
        if found.dropped:  # two series would run into one
            raise BadItem("an attribute of a data point is not readable")
        said = canonical = found.json
        keys = sorted(found.fragments)
        if keys != list(found.fragments):
            canonical = object_json({key: found.fragments[key] for key in keys})
        series_id = _hash(described.identity, canonical)
        if series_id not in self._series:
            if len(self._series) >= MAX_SERIES:
                raise BadItem(f"more than {MAX_SERIES} series in one request")
            self._series[series_id] = Series(series_id, said)
        return self._series[series_id].series_id

    def finish(self) -> Decoded:
        self._turn()
        if not self._turned:
            return Decoded(MetricBatch.empty(), self.tally.rejected)
        blanks = {blank: [blank] * self._turned for blank in (None, "")}
        columns = {name: self._columns.get(name) or blanks[_BLANKS.get(name)] for name in POINT_COLUMN_NAMES}
        known = self._metrics, self._series, self._resources, self._scopes
        batch = MetricBatch(columns, *known, self._wire_bytes, self._digest)
        return Decoded(batch, self.tally.rejected)


# ---------------------------------------------------------------- data points


@dataclass(frozen=True, slots=True)
class _Values:
    """What a point measured, in the order of POINT_COLUMNS from `value` on."""

    value: float | None = None
    value_int: int | None = None
    count: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    bounds: str = ""
    counts: str = ""
    scale: int | None = None
    zero_count: int | None = None
    zero_threshold: float | None = None
    positive_offset: int | None = None
    positive: str = ""
    negative_offset: int | None = None
    negative: str = ""
    quantiles: str = ""
    exemplars: str = ""


_in_order = attrgetter(*(field.name for field in fields(_Values)))
# What a column says of a point that does not say it; None where each point says something.
_BLANKS: dict[str, Any] = {field.name: field.default for field in fields(_Values)}


def _number(tally: Tally, message: Any) -> _Values:
    exemplars = _exemplars(tally, message.exemplars)
    match message.WhichOneof("value"):
        case "as_double":
            return _Values(value=message.as_double, exemplars=exemplars)
        case "as_int":
            return _Values(value=float(message.as_int), value_int=message.as_int, exemplars=exemplars)
    return _Values(exemplars=exemplars)


def _histogram(tally: Tally, message: Any) -> _Values:
    counts, bounds = message.bucket_counts, message.explicit_bounds
    _require_few(tally, len(counts) + len(bounds))
    if len(counts) != len(bounds) + 1 and (counts or bounds):
        raise BadItem("a histogram does not have one bucket count more than it has bounds")
    if any(not low < high for low, high in pairwise(bounds)) or any(b != b for b in bounds):
        raise BadItem("the bounds of a histogram do not increase")
    return _Values(
        count=message.count,
        sum=_given(message, "sum"),
        min=_given(message, "min"),
        max=_given(message, "max"),
        bounds=_list_json(bounds),
        counts=_list_json(counts),
        exemplars=_exemplars(tally, message.exemplars),
    )


def _exponential(tally: Tally, message: Any) -> _Values:
    if abs(message.scale) > MAX_SCALE:
        raise BadItem("the scale of an exponential histogram is beyond what doubles can tell apart")
    positive = _buckets(tally, message.positive)
    negative = _buckets(tally, message.negative)
    return _Values(
        count=message.count,
        sum=_given(message, "sum"),
        min=_given(message, "min"),
        max=_given(message, "max"),
        scale=message.scale,
        zero_count=message.zero_count,
        zero_threshold=message.zero_threshold,
        positive_offset=positive.offset,
        positive=_list_json(positive.bucket_counts),
        negative_offset=negative.offset,
        negative=_list_json(negative.bucket_counts),
        exemplars=_exemplars(tally, message.exemplars),
    )


def _buckets(tally: Tally, raw: bytes) -> Any:
    buckets = wire.Buckets.FromString(raw)
    _require_few(tally, len(buckets.bucket_counts))
    return buckets


def _summary(tally: Tally, message: Any) -> _Values:
    _require_few(tally, len(message.quantile_values))
    read = [wire.ValueAtQuantile.FromString(raw) for raw in message.quantile_values]
    quantiles = [[found.quantile, found.value] for found in read]
    return _Values(
        count=message.count, sum=message.sum, quantiles=jsonvalue.dumps(quantiles) if quantiles else ""
    )


def _exemplars(tally: Tally, raws: Sequence[bytes]) -> str:
    if not raws:
        return ""
    _require_few(tally, len(raws))
    return array_json([_exemplar(tally, wire.Exemplar.FromString(raw)) for raw in raws])


def _exemplar(tally: Tally, message: Any) -> str:
    """Ids that are not valid are left out, as in a log record."""
    parts = [f'"time_ns":{message.time_unix_nano}']
    which = message.WhichOneof("value")
    if which:
        parts.append(f'"value":{jsonvalue.dumps(getattr(message, which))}')
    if len(message.trace_id) == 16 and any(message.trace_id):
        parts.append(f'"trace_id":"{message.trace_id.hex()}"')
    if len(message.span_id) == 8 and any(message.span_id):
        parts.append(f'"span_id":"{message.span_id.hex()}"')
    found = attributes(tally, message.filtered_attributes)
    if found.dropped:
        raise BadItem("an attribute of an exemplar is not readable")
    if found.fragments:
        parts.append(f'"attributes":{found.json}')
    return "{" + ",".join(parts) + "}"


def _require_few(tally: Tally, count: int) -> None:
    tally.count_items(count)
    if count > MAX_BUCKETS:
        raise BadItem(f"a data point has more than {MAX_BUCKETS} buckets, exemplars or quantiles")


def _given(message: Any, field: str) -> float | None:
    return getattr(message, field) if message.HasField(field) else None


def _list_json(numbers: Sequence[float]) -> str:
    """A JSON array, "" for an empty one; Infinity as DuckDB and Python read it."""
    return json.dumps(list(numbers), separators=(",", ":")) if numbers else ""


class _Kind(NamedTuple):
    type: MetricType
    data: Any
    point: Any
    read: Callable[[Tally, Any], _Values]


_KINDS = {
    "gauge": _Kind(MetricType.GAUGE, wire.Gauge, wire.NumberDataPoint, _number),
    "sum": _Kind(MetricType.SUM, wire.Sum, wire.NumberDataPoint, _number),
    "histogram": _Kind(MetricType.HISTOGRAM, wire.Histogram, wire.HistogramDataPoint, _histogram),
    "exponential_histogram": _Kind(
        MetricType.EXPONENTIAL_HISTOGRAM,
        wire.ExponentialHistogram,
        wire.ExponentialHistogramDataPoint,
        _exponential,
    ),
    "summary": _Kind(MetricType.SUMMARY, wire.Summary, wire.SummaryDataPoint, _summary),
}
