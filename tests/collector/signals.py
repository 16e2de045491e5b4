"""Log and metric batches by hand: official messages through the real decoders, received at T0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.metrics.v1 import metrics_pb2 as m

from collector.decode import otlp_logs, otlp_metrics
from collector.model_logs import LogBatch
from collector.model_metrics import MetricBatch
from tests.collector.batches import SECOND, T0

DELTA, CUMULATIVE = 1, 2


def attributes(values: dict[str, Any]) -> list[KeyValue]:
    found = []
    for key, value in values.items():
        entry = KeyValue(key=key)
        kinds = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
        setattr(entry.value, kinds[type(value)], value)
        found.append(entry)
    return found


def record(at: float, body: str | dict[str, Any] = "", severity: int = 9, **fields: Any) -> LogRecord:
    """A log record `at` seconds after T0, its body text or a map."""
    made = LogRecord(
        time_unix_nano=T0 + round(at * SECOND),
        severity_number=severity,  # type: ignore[arg-type]
        attributes=attributes(fields.pop("attributes", {})),
        **fields,
    )
    if isinstance(body, dict):
        made.body.kvlist_value.values.extend(attributes(body))
    elif body:
        made.body.string_value = body
    return made


def logs(*records: LogRecord, service: str = "shop", scope: str = "lib", received_ns: int = T0) -> LogBatch:
    request = LogsData()
    group = request.resource_logs.add()
    group.resource.attributes.extend(attributes({"service.name": service, "host.name": f"{service}-1"}))
    group.scope_logs.add(log_records=records).scope.name = scope
    decoded = otlp_logs.decode(request.SerializeToString(), received_ns)
    assert not decoded.rejected and isinstance(decoded.batch, LogBatch)
    return decoded.batch


def _stamped(points: Sequence[tuple[float, dict[str, Any]]], start: float) -> list[dict[str, Any]]:
    return [
        {
            "time_unix_nano": T0 + round(at * SECOND),
            "start_time_unix_nano": T0 + round(start * SECOND),
            **fields,
            "attributes": attributes(fields.get("attributes", {})),
        }
        for at, fields in points
    ]


def metric(name: str, kind: str, *points: tuple[float, dict[str, Any]], **fields: Any) -> m.Metric:
    """`points` are (seconds after T0, fields); `start` is theirs, in seconds after T0."""
    head = {key: fields.pop(key) for key in ("unit", "description") if key in fields}
    stamped = _stamped(points, fields.pop("start", 0.0))
    found = m.Metric(name=name, **head)
    data = getattr(found, kind)
    for field, value in fields.items():
        setattr(data, field, value)
    for one in stamped:
        data.data_points.add(**one)
    return found


def gauge(name: str, *points: tuple[float, dict[str, Any]], **fields: Any) -> m.Metric:
    return metric(name, "gauge", *points, **fields)


def counter(name: str, *points: tuple[float, dict[str, Any]], temporality: int, **fields: Any) -> m.Metric:
    fields |= {"aggregation_temporality": temporality, "is_monotonic": fields.pop("monotonic", True)}
    return metric(name, "sum", *points, **fields)


def histogram(name: str, *points: tuple[float, dict[str, Any]], temporality: int, **fields: Any) -> m.Metric:
    return metric(name, "histogram", *points, aggregation_temporality=temporality, **fields)


def exponential(
    name: str, *points: tuple[float, dict[str, Any]], temporality: int, **fields: Any
) -> m.Metric:
    return metric(name, "exponential_histogram", *points, aggregation_temporality=temporality, **fields)


def summary(name: str, *points: tuple[float, dict[str, Any]]) -> m.Metric:
    return metric(name, "summary", *points)


def metrics(*found: m.Metric, service: str = "shop", received_ns: int = T0) -> MetricBatch:
    request = m.MetricsData()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(attributes({"service.name": service}))
    group.scope_metrics.add(metrics=found)
    decoded = otlp_metrics.decode(request.SerializeToString(), received_ns)
    assert not decoded.rejected and isinstance(decoded.batch, MetricBatch)
    return decoded.batch
