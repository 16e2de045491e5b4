"""Our bytes of metrics are opentelemetry's bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tracekit import __version__, otlp_metrics
from tracekit.otlp_metrics import COUNTER, GAUGE, HISTOGRAM, Metric, Point

RESOURCE = {"service.name": "shop", "faas.max_memory": 1 << 29, "flag": True}
DELTA = sdk.AggregationTemporality.DELTA

scalars = st.text(max_size=50) | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
attributes = st.dictionaries(
    st.text(min_size=1, max_size=20), scalars | st.lists(scalars, max_size=4), max_size=5
)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def point(own: dict[str, Any], value: float) -> Point:
    made = Point(own, 1_700_000_000_000_000_001)
    made.end, made.value = made.start + 5, value
    return made


def histogram(own: dict[str, Any], buckets: list[int], total: float) -> Point:
    made = Point(own, 1_700_000_000_000_000_001, tuple(float(n) for n in range(len(buckets) - 1)))
    made.end, made.value, made.buckets = made.start + 5, total, buckets
    made.min, made.max = -1.5, total
    return made


def official(metric: Metric) -> sdk.Metric:
    data: Any
    if metric.kind == HISTOGRAM:
        points = [
            sdk.HistogramDataPoint(
                p.attributes, p.start, p.end, sum(p.buckets), p.value, p.buckets, p.bounds, p.min, p.max
            )
            for p in metric.points
        ]
        data = sdk.Histogram(points, DELTA)
    else:
        start = (lambda p: None) if metric.kind == GAUGE else (lambda p: p.start)
        numbers = [sdk.NumberDataPoint(p.attributes, start(p), p.end, p.value) for p in metric.points]
        data = sdk.Gauge(numbers) if metric.kind == GAUGE else sdk.Sum(numbers, DELTA, True)
    return sdk.Metric(metric.name, None, metric.unit, data)


def equal(metrics: list[Metric]) -> None:
    scope = sdk.ScopeMetrics(
        InstrumentationScope("tracekit", __version__), [official(m) for m in metrics], ""
    )
    theirs = encode_metrics(sdk.MetricsData([sdk.ResourceMetrics(Resource(RESOURCE), [scope], "")]))
    assert otlp_metrics.encode(metrics, RESOURCE) == theirs.SerializeToString()


def test_the_three_kinds_are_encoded_as_opentelemetry_does() -> None:
    equal(
        [
            Metric("shop.orders", COUNTER, "{order}", [point({"country": "de"}, 3), point({}, 0)]),
            Metric("shop.queue", GAUGE, "", [point({"a": [1, 2]}, -2.5)]),
            Metric("shop.payment", HISTOGRAM, "s", [histogram({}, [0, 2, 0, 300], 12.25)]),
        ]
    )


@settings(deadline=None)
@given(attributes, numbers, st.sampled_from([COUNTER, GAUGE]), st.text(max_size=20))
def test_any_number_is_encoded_as_opentelemetry_does(
    own: dict[str, Any], value: float, kind: str, unit: str
) -> None:
    equal([Metric("m", kind, unit, [point(own, value)])])


@settings(deadline=None)
@given(
    attributes,
    st.lists(st.integers(0, 2**40), min_size=2, max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_histogram_is_encoded_as_opentelemetry_does(
    own: dict[str, Any], buckets: list[int], total: float
) -> None:
    equal([Metric("m", HISTOGRAM, "s", [histogram(own, buckets, total)])])
