"""Metrics of every type over the hour before NOW_NS, as OTLP decodes them."""

from __future__ import annotations

from opentelemetry.proto.metrics.v1 import metrics_pb2 as m

from collector.decode import otlp_metrics
from collector.model_metrics import MetricBatch
from collector.storage.memory import MemoryStorage
from tests.collector.signals import attributes
from tests.dashboards.traffic import MINUTE, NOW_NS, Size, filled

DELTA, CUMULATIVE = 1, 2
START_NS = NOW_NS - 60 * MINUTE
EXEMPLAR_TRACE = bytes(range(16))


def measured(size: Size, groups: int = 3) -> MemoryStorage:
    """The shop's spans, and unless `size` is none its metrics, `groups` series each."""
    storage = filled(size)
    if size != "none":
        storage.writer.write([batch(groups, 60 if size == "much" else 3)])
    return storage


def batch(groups: int, minutes: int) -> MetricBatch:
    """Points a minute: a gauge, a counter (by 60 a minute in each series), histograms, a summary."""
    request = m.MetricsData()
    sender = request.resource_metrics.add()
    sender.resource.attributes.extend(attributes({"service.name": "checkout"}))
    found = sender.scope_metrics.add().metrics
    gauge = found.add(name="pool.connections", unit="{connection}", description="Connections in use")
    counter = found.add(name="orders", unit="{order}", description="Orders taken")
    counter.sum.aggregation_temporality, counter.sum.is_monotonic = CUMULATIVE, True
    waited = found.add(name="http.client.wait", unit="ms", description="How long the shop waited")
    waited.histogram.aggregation_temporality = DELTA
    sizes = found.add(name="payload", unit="By")
    sizes.exponential_histogram.aggregation_temporality = DELTA
    summary = found.add(name="gc.pause", unit="s")
    for minute in range(60 - minutes, 60):
        at = {"time_unix_nano": START_NS + minute * MINUTE, "start_time_unix_nano": START_NS - MINUTE}
        for group in range(groups):
            who = {"attributes": attributes({"route": f"/r{group}"})}
            gauge.gauge.data_points.add(**at, **who, as_int=group + minute % 5)
            counter.sum.data_points.add(**at, **who, as_int=60 * (minute + 1))
            point = waited.histogram.data_points.add(
                **at, **who, count=4, sum=100.0, explicit_bounds=[10, 50, 200], bucket_counts=[1, 2, 1, 0]
            )
            point.exemplars.add(
                time_unix_nano=START_NS + minute * MINUTE, as_double=42.0, trace_id=EXEMPLAR_TRACE
            )
            exponential = sizes.exponential_histogram.data_points.add(**at, **who, count=3, sum=30.0, scale=0)
            exponential.positive.offset = 2
            exponential.positive.bucket_counts.extend([1, 2])
            paused = summary.summary.data_points.add(**at, **who, count=2, sum=0.004)
            for quantile, value in ((0.5, 0.001), (0.99, 0.009)):
                paused.quantile_values.add(quantile=quantile, value=value)
    decoded = otlp_metrics.decode(request.SerializeToString(), NOW_NS)
    assert isinstance(decoded.batch, MetricBatch) and not decoded.rejected
    return decoded.batch
