"""opentelemetry's metrics API measures into tracekit while the user sets no MeterProvider."""

from __future__ import annotations

from typing import Any

import pytest

OURS = "from tracekit import flush, metric\nfrom tracekit.metrics import METER\n"
THEIRS = "from opentelemetry import metrics\n"
INSTRUMENTS = """
from opentelemetry.metrics import Observation
meter = metrics.get_meter("lib", "1.2")
counter = meter.create_counter("orders", "{order}")
level = meter.create_up_down_counter("connections")
took = meter.create_histogram("took", "s", explicit_bucket_boundaries_advisory=[1.0, 2.0])
gauge = meter.create_gauge("temperature")
total = iter([10, 25, 5])
meter.create_observable_counter("bytes", [lambda options: [Observation(next(total), {"to": "disk"})]])
def load():
    yield
    while True:
        yield [Observation(0.5)]
meter.create_observable_gauge("load", [load()])
size = iter([7, 4, 4])
meter.create_observable_up_down_counter("size", [lambda options: [Observation(next(size))]])
"""
MEASURE = """
counter.add(2, {"country": "de"}); counter.add(3, {"country": "de"})
level.add(5); level.add(-2)
took.record(1.5)
gauge.set(21.5)
def collected():
    found = {one.name: one for one in METER.collect()}
    assert {one.scope for one in found.values()} <= {("lib", "1.2")}
    return {name: [(point.attributes, point.value) for point in one.points] for name, one in found.items()}
"""
EXPECTED = """
found = collected()
assert found["orders"] == [({"country": "de"}, 5)]
assert found["connections"] == [({}, 3)] and found["took"] == [({}, 1.5)]
assert found["temperature"] == [({}, 21.5)] and found["load"] == [({}, 0.5)]
assert found["bytes"] == [({"to": "disk"}, 10)] and found["size"] == [({}, 7)]
level.add(1)
found = collected()
assert "orders" not in found and found["connections"] == [({}, 4)]
assert found["bytes"] == [({"to": "disk"}, 15)] and found["size"] == [({}, 4)]
assert collected()["bytes"] == [({"to": "disk"}, 5)], "a smaller total is that of a new beginning"
import os
os._exit(0)  # the last flush would ask the callbacks again
"""


def run(python: Any, code: str, **env: str) -> str:
    result = python(code, **{"OTEL_TRACES_EXPORTER": "memory", **env})
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return str(result.stdout).strip()


@pytest.mark.parametrize(
    "set_up",
    [OURS + THEIRS + INSTRUMENTS, THEIRS + OURS + INSTRUMENTS, THEIRS + INSTRUMENTS + OURS],
    ids=["ours first", "theirs first", "instruments first"],
)
def test_every_kind_of_instrument_measures_whatever_is_imported_first(python: Any, set_up: str) -> None:
    run(python, set_up + MEASURE + EXPECTED)


def test_it_needs_only_the_api(python: Any) -> None:
    hide = "import sys\nsys.modules['opentelemetry.sdk'] = None\n"
    run(python, hide + OURS + THEIRS + INSTRUMENTS + MEASURE + EXPECTED)


def test_they_arrive_with_the_next_flush(python: Any, collector: Any) -> None:
    code = (
        OURS + THEIRS + "metrics.get_meter('lib', '1.2').create_counter('orders').add(4)\nassert flush(5000)"
    )
    run(python, code, OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    [scope] = ExportMetricsServiceRequest.FromString(collector.requests[0]).resource_metrics[0].scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("lib", "1.2")
    assert scope.metrics[0].sum.data_points[0].as_int == 4


@pytest.mark.parametrize("order", ["set before", "set after"])
def test_a_provider_of_the_users_takes_over(python: Any, order: str) -> None:
    provider = """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
"""
    early, late = (provider, "") if order == "set before" else ("", provider)
    code = OURS + THEIRS + early + INSTRUMENTS + late + MEASURE + "assert METER.collect() == []\n"
    code += "[scope] = reader.get_metrics_data().resource_metrics[0].scope_metrics\nprint(len(scope.metrics))"
    assert run(python, code) == "7"


def test_none_refuses(python: Any) -> None:
    code = OURS + THEIRS + INSTRUMENTS + MEASURE + "assert METER.collect() == []"
    run(python, code, OTEL_METRICS_EXPORTER="none")
