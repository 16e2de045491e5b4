"""Metrics to OTLP protobuf bytes, with the same primitives as spans.

The bytes equal those of opentelemetry's own encoder for the same metrics (a test compares). Field numbers
are from opentelemetry-proto's metrics.proto. Counters and histograms are deltas: an instance that is frozen
or killed has no total worth keeping. What goes up and down is sent as its level.
"""

from __future__ import annotations

from _struct import pack

from tracekit.otlp import SCOPE, _attributes, _field, _text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

COUNTER, GAUGE, HISTOGRAM, UP_DOWN = "counter", "gauge", "histogram", "updowncounter"
_DELTA, _CUMULATIVE = b"\x10\x01", b"\x10\x02"
_MONOTONIC = b"\x18\x01"


class Point:
    """One series between two moments (Unix nanoseconds). `value` is the sum, or a gauge's last value."""

    __slots__ = ("attributes", "bounds", "buckets", "end", "max", "min", "start", "value")

    def __init__(self, attributes: dict[str, Any], start: int, bounds: tuple[float, ...] = ()) -> None:
        self.attributes = attributes
        self.start = start
        self.end = start
        self.value: int | float = 0
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1) if bounds else []
        self.min = self.max = 0.0


class Metric:
    """What is measured, with its series. `scope` is the name and version of the instrumentation that
    measures; None is tracekit itself."""

    __slots__ = ("kind", "name", "points", "scope", "unit")

    def __init__(
        self, name: str, kind: str, unit: str, points: list[Point], scope: tuple[str, str] | None = None
    ) -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.points = points
        self.scope = scope


def encode(metrics: list[Metric], resource: Mapping[str, Any], dropped: int = 0) -> bytes:
    """An ExportMetricsServiceRequest with one resource. `dropped` is not told: what was lost is a number of
    metrics, which says nothing about what they counted."""
    groups: dict[tuple[str, str], list[bytes]] = {}
    for metric in metrics:
        groups.setdefault(metric.scope or SCOPE, []).append(_field(b"\x12", encode_metric(metric)))
    parts = [_field(b"\x0a", _attributes(b"\x0a", resource))]
    for (name, version), encoded in groups.items():
        head = _field(b"\x0a", _text(b"\x0a", name) + _text(b"\x12", version))
        parts.append(_field(b"\x12", head + b"".join(encoded)))
    return _field(b"\x0a", b"".join(parts))


def encode_metric(metric: Metric) -> bytes:
    """One Metric message."""
    head = _text(b"\x0a", metric.name) + _text(b"\x1a", metric.unit)
    if metric.kind == HISTOGRAM:
        points = b"".join([_field(b"\x0a", _histogram(point)) for point in metric.points])
        return head + _field(b"\x4a", points + _DELTA)
    points = b"".join([_field(b"\x0a", _number(point, metric.kind == GAUGE)) for point in metric.points])
    if metric.kind == GAUGE:
        return head + _field(b"\x2a", points)
    if metric.kind == UP_DOWN:
        return head + _field(b"\x3a", points + _CUMULATIVE)
    return head + _field(b"\x3a", points + _DELTA + _MONOTONIC)


def _number(point: Point, is_gauge: bool) -> bytes:
    times = b"" if is_gauge else b"\x11" + pack("<Q", point.start)
    times += b"\x19" + pack("<Q", point.end)
    if type(point.value) is int and -(1 << 63) <= point.value < 1 << 63:
        value = b"\x31" + pack("<q", point.value)
    else:
        value = b"\x21" + pack("<d", point.value)
    # In the order of their numbers: as_double (4), as_int (6), attributes (7).
    return times + value + _attributes(b"\x3a", point.attributes)


def _histogram(point: Point) -> bytes:
    count = sum(point.buckets)
    parts = [
        b"\x11" + pack("<Q", point.start),
        b"\x19" + pack("<Q", point.end),
        b"\x21" + pack("<Q", count) if count else b"",
        b"\x29" + pack("<d", point.value),
        _field(b"\x32", pack(f"<{len(point.buckets)}Q", *point.buckets)),
        _field(b"\x3a", pack(f"<{len(point.bounds)}d", *point.bounds)),
        _attributes(b"\x4a", point.attributes),
        b"\x59" + pack("<d", point.min),
        b"\x61" + pack("<d", point.max),
    ]
    return b"".join(parts)
