"""What a metric is once it is decoded: its description, its series, and one row a data point.

Field names follow OTLP (opentelemetry-proto v1, metrics). A metric is described once (`Metric`), the
attributes of a series stand once (`Series`), and a data point holds numbers and the keys of both: that is
what keeps a million series affordable. Imports only the shared vocabulary of collector.model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from collector import arrow
from collector.model import Attributes, Column, Resource, Scope


class MetricType(IntEnum):
    """Which of OTLP's kinds of data a metric has. The numbers are ours."""

    GAUGE = 1
    SUM = 2
    HISTOGRAM = 3
    EXPONENTIAL_HISTOGRAM = 4
    SUMMARY = 5


class Temporality(IntEnum):
    """OTLP AggregationTemporality; UNSPECIFIED for gauges and summaries."""

    UNSPECIFIED = 0
    DELTA = 1
    CUMULATIVE = 2


# OTLP DataPointFlags: the series ended, there is no value.
NO_RECORDED_VALUE = 1


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as one scope of one resource describes it. `metric_id` hashes all the rest."""

    metric_id: int
    name: str
    type: MetricType
    unit: str
    description: str
    temporality: Temporality
    monotonic: bool
    service: str
    resource_id: int
    scope_id: int
    metadata_json: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """What a data point's attributes are. `series_id` hashes name, type, unit, temporality, monotonicity,
    resource, scope and the attributes, whatever their order; a new description begins no new series."""

    series_id: int
    attributes_json: str


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A measurement that was kept beside its aggregate. Ids are hex, "" where no span was active."""

    time_ns: int
    value: int | float | None
    trace_id: str = ""
    span_id: str = ""
    attributes: Attributes = field(default_factory=dict)


# The shape of a decoded batch. Order matters: engines rely on it. "?" in the type: null where not sent.
POINT_COLUMNS: tuple[Column, ...] = (
    Column("metric_id", "u64", "hash of the metric's description; key of the metrics table"),
    Column("series_id", "u64", "hash of the metric's identity and the attributes; key of metric_series"),
    Column("time_ns", "i64", "time of the point: as sent, else received; clamped as spans are"),
    Column("sent_time_ns", "u64", "OTLP time_unix_nano as sent; 0 if it was not"),
    Column("start_ns", "u64", "OTLP start_time_unix_nano as sent; 0 if it was not"),
    Column("received_ns", "i64", "when the collector received the batch, nanoseconds since the epoch"),
    Column("flags", "u32", "OTLP DataPointFlags: 1 says that the series ended, without a value"),
    Column("value", "f64?", "gauge, sum: the value, integers too (then rounded to 53 bits)"),
    Column("value_int", "i64?", "gauge, sum: the value where it was sent as an integer"),
    Column("count", "u64?", "histograms, summary: how many values were measured"),
    Column("sum", "f64?", "histograms, summary: the sum of the values"),
    Column("min", "f64?", "histograms: the smallest value"),
    Column("max", "f64?", "histograms: the largest value"),
    Column("bounds", "json", "histogram: upper bounds of the buckets but the last, [number]"),
    Column("counts", "json", "histogram: values a bucket, one more than bounds, [number]"),
    Column("scale", "i32?", "exponential histogram: the base of its buckets is 2^(2^-scale)"),
    Column("zero_count", "u64?", "exponential histogram: values that are zero within the threshold"),
    Column("zero_threshold", "f64?", "exponential histogram: the largest absolute value that counts as zero"),
    Column("positive_offset", "i32?", "exponential histogram: index of the first positive bucket"),
    Column("positive", "json", "exponential histogram: values a positive bucket, [number]"),
    Column("negative_offset", "i32?", "exponential histogram: index of the first negative bucket"),
    Column("negative", "json", "exponential histogram: values a negative bucket, [number]"),
    Column("quantiles", "json", "summary: [[quantile, value]]"),
    Column("exemplars", "json", "[{time_ns, value, trace_id, span_id, attributes}]"),
)
POINT_COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in POINT_COLUMNS)


@dataclass(slots=True)
class MetricBatch:
    """Decoded data points of one payload, one list a column (see POINT_COLUMNS), all of equal length.

    `metrics`, `series`, `resources` and `scopes` hold everything the rows refer to. `digest` as in LogBatch.
    """

    columns: dict[str, list[Any]]
    metrics: dict[int, Metric]
    series: dict[int, Series]
    resources: dict[int, Resource]
    scopes: dict[int, Scope] = field(default_factory=dict)
    wire_bytes: int = 0
    digest: bytes = b""

    @classmethod
    def empty(cls) -> MetricBatch:
        return cls({name: [] for name in POINT_COLUMN_NAMES}, {}, {}, {})

    def __len__(self) -> int:
        return len(self.columns["series_id"])

    def arrow(self) -> Any:
        """The points as one Arrow array (collector.arrow) with the columns of POINT_COLUMNS."""
        return arrow.table({c.name: (c.type, self.columns[c.name]) for c in POINT_COLUMNS})

    def time_range(self) -> tuple[int, int]:
        """(earliest, latest) time_ns; of no point (0, 0)."""
        times = self.columns["time_ns"] or [0]
        return min(times), max(times)

    def take(self, rows: Sequence[int]) -> MetricBatch:
        """The batch with only these rows, in this order."""
        picked = {name: [values[i] for i in rows] for name, values in self.columns.items()}
        return MetricBatch(
            picked, self.metrics, self.series, self.resources, self.scopes, self.wire_bytes, self.digest
        )
