"""Logs and metrics of other people's SDKs, and of our own, arrive as they were meant."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from collector.model_metrics import MetricType, Temporality
from collector.storage.base import Window
from collector.storage.logs import LogsQuery
from collector.storage.metrics import MetricReader, MetricSelector, MetricsQuery, RangeQuery
from tests.collector.batches import SECOND
from tests.collector.running import Running, collector

PROTOCOLS = ("http", "http-gzip", "grpc")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with collector(tmp_path_factory.mktemp("data")) as found:
        yield found


def lately() -> Window:
    now = time.time_ns()
    return Window(now - 600 * SECOND, now + 60 * SECOND)


def log_exporter(running: Running, protocol: str) -> Any:
    if protocol == "grpc":
        return GrpcLogs(running.grpc, insecure=True)
    compression = Compression.Gzip if protocol == "http-gzip" else Compression.NoCompression
    return HttpLogs(f"{running.http}/v1/logs", compression=compression)


def metric_exporter(running: Running, protocol: str) -> Any:
    if protocol == "grpc":
        return GrpcMetrics(running.grpc, insecure=True)
    compression = Compression.Gzip if protocol == "http-gzip" else Compression.NoCompression
    return HttpMetrics(f"{running.http}/v1/metrics", compression=compression)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_logs_of_the_python_sdk_arrive(running: Running, protocol: str) -> None:
    service = f"python-{protocol}"
    provider = LoggerProvider(Resource({"service.name": service, "faas.version": "7"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(log_exporter(running, protocol)))
    logger = provider.get_logger("peer", "1.2.3", attributes={"library": True})
    body = {"größe": [1, 2.5, "x", None], "ok": True}
    attributes = {"whole": 12345678901, "flags": [True, False]}
    logger.emit(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.WARN2,
        severity_text="warning",
        body=body,
        attributes=attributes,
        event_name="peer.said",
    )
    provider.shutdown()
    (found,) = running.logs.search(LogsQuery(lately(), service=service)).records
    assert (found.body, found.event_name, found.scope) == (body, "peer.said", "peer@1.2.3")
    assert (found.severity, found.severity_name, found.severity_text) == (14, "WARN", "warning")
    assert {key: found.attributes[key] for key in attributes} == attributes
    assert found.resource["faas.version"] == "7"
    (scope,) = running.store.origins.scopes([found.scope_id]).values()
    assert scope.attributes_json == '{"library":true}'


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_metrics_of_the_python_sdk_arrive(running: Running, protocol: str) -> None:
    service = f"python-{protocol}"
    reader = InMemoryMetricReader()
    fine = View(instrument_name="fine", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], Resource({"service.name": service}), views=[fine])
    meter = provider.get_meter("peer", "1.2.3")
    meter.create_counter("calls", "1", "How often").add(3, {"route": "/a"})
    meter.create_up_down_counter("open").add(-2)
    meter.create_gauge("heap", "By").set(0.5)
    for name in ("latency", "fine"):
        histogram = meter.create_histogram(name, "s", explicit_bucket_boundaries_advisory=[0.1, 1.0])
        for value in (0.05, 0.5, 0.5, 5.0):
            histogram.record(value)
    sent = metric_exporter(running, protocol).export(reader.get_metrics_data())
    provider.shutdown()
    assert sent is MetricExportResult.SUCCESS
    assert_are_the_peers_metrics(running.metrics, service)


def assert_are_the_peers_metrics(metrics: MetricReader, service: str) -> None:
    window = lately()
    found = {info.name: info for info in metrics.catalogue(MetricsQuery(window, service=service))}
    assert {name: info.type for name, info in found.items()} == {
        "calls": MetricType.SUM,
        "open": MetricType.SUM,
        "heap": MetricType.GAUGE,
        "latency": MetricType.HISTOGRAM,
        "fine": MetricType.EXPONENTIAL_HISTOGRAM,
    }
    assert (found["calls"].unit, found["calls"].description) == ("1", "How often")
    assert (found["calls"].monotonic, found["open"].monotonic) == (True, False)
    assert {info.temporality for info in found.values()} == {
        Temporality.CUMULATIVE,
        Temporality.UNSPECIFIED,
    }

    def total(name: str, statistic: Any, **options: Any) -> dict[str, float]:
        selector = MetricSelector(window, name, found[name].type, service=service)
        result = metrics.range(RangeQuery(selector, statistic, buckets=1, **options))
        return {line.group: line.points[0].value for line in result.lines}

    assert total("calls", "increase", group_by="route") == {"/a": 3}
    assert total("open", "last") == {"": -2}
    assert total("heap", "last") == {"": 0.5}
    for name in ("latency", "fine"):
        assert total(name, "increase") == {"": 4}
        assert total(name, "avg") == {"": pytest.approx(6.05 / 4)}
    assert total("latency", "quantile", quantile=0.25) == {"": pytest.approx(0.1)}
    assert total("fine", "quantile", quantile=0.5)[""] == pytest.approx(0.5, rel=0.05)


def test_logs_and_metrics_of_our_own_sdk_arrive(running: Running, tmp_path: Any) -> None:
    script = tmp_path / "app.py"
    script.write_text(
        "import logging\n"
        "import tracekit\n"
        "@tracekit.traced(kind='server')\n"
        "def handler():\n"
        "    logging.getLogger('app').warning('only %d left', 3)\n"
        "    tracekit.metric('orders', 2)\n"
        "    tracekit.metric('price', 1.5, kind='histogram')\n"
        "handler()\n"
        "tracekit.flush()\n"
    )
    environment = os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": running.http,
        "OTEL_SERVICE_NAME": "own-sdk",
        "OTEL_METRICS_EXPORTER": "otlp",
        "TRACEKIT_LOGS": "true",
    }
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    window = lately()
    (found,) = running.logs.search(LogsQuery(window, service="own-sdk", text="left")).records
    assert (found.body, found.severity_name) == ("only 3 left", "WARN")
    (span,) = running.reader.trace(found.trace_id)
    assert span.span_id == found.span_id
    assert running.logs.of_trace(found.trace_id) == (found,)
    names = {info.name for info in running.metrics.catalogue(MetricsQuery(window, service="own-sdk"))}
    assert {"orders", "price"} <= names
    selector = MetricSelector(window, "orders", MetricType.SUM, service="own-sdk")
    ((line,),) = [running.metrics.range(RangeQuery(selector, "increase", buckets=1)).lines]
    assert [point.value for point in line.points] == [2]
