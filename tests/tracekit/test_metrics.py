"""What is measured is added up, leaves with the next flush, and bothers nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.tracekit.sink import Sink
from tracekit import config, flush, metric, pipeline, traced
from tracekit.metrics import MAX_SERIES, METER
from tracekit.pipeline import Pipeline


class Sent(Sink):
    """The metrics a collector was sent."""

    def __init__(self, collector: Any) -> None:
        super().__init__(collector, "/v1/metrics")

    def points(self, name: str) -> list[Any]:
        messages = [ExportMetricsServiceRequest.FromString(body) for body in self.bodies]
        metrics = [
            metric
            for message in messages
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        kinds = [getattr(found, found.WhichOneof("data")) for found in metrics]
        return [point for kind in kinds for point in kind.data_points]


@pytest.fixture
def sent(recorded: Any, collector: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("TRACEKIT_FLUSH_BUDGET_MS", "10000")
    use(recorded)
    yield Sent(collector)
    METER.collect()


def use(recorded: Any) -> None:
    config.forget()
    pipeline.replace(Pipeline(config.get(), recorded.exporter))


class LambdaContext:
    aws_request_id = "req-1"
    function_name = "shop"


@traced(name="handler")
def handler(event: Any, context: Any) -> Any:
    if event == "fail":
        raise ValueError("no")
    return {"statusCode": 500 if event else 200}


HTTP = {
    "version": "2.0",
    "routeKey": "GET /x",
    "rawPath": "/x",
    "headers": {},
    "requestContext": {"http": {"method": "GET", "path": "/x"}},
}


def test_a_counter_adds_up_by_attributes(sent: Sent) -> None:
    for country in ("de", "cn", "de"):
        metric("shop.orders", attributes={"country": country})
    metric("shop.orders", 2.5, attributes={"country": "cn"})
    flush()
    found = {point.attributes[0].value.string_value: point for point in sent.points("shop.orders")}
    assert found["de"].as_int == 2 and found["cn"].as_double == 3.5


def test_each_flush_sends_what_is_new(sent: Sent) -> None:
    metric("shop.orders")
    flush()
    flush()
    metric("shop.orders", 4)
    flush()
    first, second = sent.points("shop.orders")
    assert (first.as_int, second.as_int) == (1, 4)
    assert first.start_time_unix_nano < first.time_unix_nano <= second.start_time_unix_nano
    assert len(sent.bodies) == 2


def test_a_gauge_keeps_the_last_value(sent: Sent) -> None:
    metric("shop.queue", 12, kind="gauge")
    metric("shop.queue", -3, kind="gauge")
    flush()
    assert [point.as_int for point in sent.points("shop.queue")] == [-3]


def test_a_histogram_sorts_into_buckets_of_its_unit(sent: Sent) -> None:
    for seconds in (0.004, 0.005, 0.3, 99.0):
        metric("shop.payment", seconds, kind="histogram", unit="s")
    flush()
    (point,) = sent.points("shop.payment")
    assert point.explicit_bounds[0] == 0.005 and point.explicit_bounds[-1] == 10
    assert (point.count, point.min, point.max, point.sum) == (4, 0.004, 99.0, pytest.approx(99.309))
    assert (point.bucket_counts[0], point.bucket_counts[7], point.bucket_counts[-1]) == (2, 1, 1)


def test_nothing_is_lost_between_threads(sent: Sent) -> None:
    threads = [
        threading.Thread(target=lambda: [metric("shop.orders") for _ in range(2000)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for _ in range(5):
        flush()
    for thread in threads:
        thread.join()
    flush()
    assert sum(point.as_int for point in sent.points("shop.orders")) == 16_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": -1},
        {"value": float("nan")},
        {"value": float("inf"), "kind": "gauge"},
        {"value": "much"},
        {"value": None},
        {"kind": "timer"},
    ],
)
def test_what_makes_no_sense_is_left_out(sent: Sent, wrong: Any) -> None:
    metric("shop.orders", **wrong)
    assert METER.collect() == []


def test_too_many_series_are_added_up_together(sent: Sent) -> None:
    for number in range(MAX_SERIES + 500):
        metric("shop.orders", attributes={"id": number})
    flush()
    points = sent.points("shop.orders")
    (rest,) = (point for point in points if point.attributes[0].key == "otel.metric.overflow")
    assert len(points) == MAX_SERIES + 1 and rest.as_int == 500


def test_an_endpoint_without_metrics_is_left_alone(sent: Sent) -> None:
    sent.status = 404
    for _ in range(5):
        metric("shop.orders")
        flush()
    assert sent.paths == ["/v1/metrics"]
    assert METER.collect() == []


def test_calls_are_measured_as_the_conventions_say(
    sent: Sent, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    use(recorded)
    traced(lambda: None)  # the function's loading ends now
    for event in ("", "", HTTP):
        handler(event, LambdaContext())
    with pytest.raises(ValueError, match="no"):
        handler("fail", LambdaContext())
    totals = {name: sum(point.as_int for point in sent.points(f"faas.{name}")) for name in COUNTERS}
    assert totals == {"invocations": 2, "errors": 2, "coldstarts": 1}
    counts = {name: sum(point.count for point in sent.points(f"faas.{name}")) for name in HISTOGRAMS}
    assert counts == {"invoke_duration": 4, "init_duration": 1, "cpu_usage": 4, "mem_usage": 4}
    errors = {point.attributes[0].value.string_value: point.as_int for point in sent.points("faas.errors")}
    assert errors == {"http": 1, "other": 1}
    assert recorded.exporter.spans == []


def test_a_call_that_outlives_its_deadline_is_a_timeout(
    sent: Sent, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
    use(recorded)
    for left_ms in (60_000, 1):
        context = LambdaContext()
        context.get_remaining_time_in_millis = lambda left_ms=left_ms: left_ms
        traced(lambda event, context: time.sleep(0.01))("", context)
    assert [point.as_int for point in sent.points("faas.timeouts")] == [1]


COUNTERS = ("invocations", "errors", "coldstarts")
HISTOGRAMS = ("invoke_duration", "init_duration", "cpu_usage", "mem_usage")


def test_nothing_is_measured_unasked(sent: Sent) -> None:
    handler("", LambdaContext())
    assert sent.paths == []


def test_none_means_none(sent: Sent, recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    use(recorded)
    metric("shop.orders")
    assert METER.collect() == []
