"""What a decoded batch is said to weigh is about what it does weigh: senders are refused by it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from collector.decode import otlp_logs, otlp_metrics, otlp_protobuf
from collector.decode.result import Decoded
from collector.ingest.weight import weight
from collector.model import SpanBatch
from tests.collector.batches import T0
from tests.collector.otlp import request, span

ROWS = 2_000


def describe(owner: Any, number: int) -> None:
    for key in range(4):
        owner.attributes.add(key=f"key{key}").value.string_value = f"value {number * 7 % 503}"


def spans(number: int) -> bytes:
    made = [span(n, trace_id=(number * ROWS + n).to_bytes(16, "big")) for n in range(1, ROWS + 1)]
    for n, one in enumerate(made):
        describe(one, n)
    return request(*made).SerializeToString()


def logs(number: int) -> bytes:
    found = ExportLogsServiceRequest()
    records = found.resource_logs.add().scope_logs.add().log_records
    for n in range(ROWS):
        record = records.add(time_unix_nano=T0 + n)
        record.body.string_value = f"what happened in step {number * ROWS + n} of all of them"
        describe(record, n)
    return found.SerializeToString()


def points(number: int) -> bytes:
    found = ExportMetricsServiceRequest()
    metric = found.resource_metrics.add().scope_metrics.add().metrics.add(name=f"metric {number}")
    for n in range(ROWS):
        point = metric.gauge.data_points.add(time_unix_nano=T0 + n, as_double=n / 3)
        describe(point, n)
    return found.SerializeToString()


@pytest.mark.parametrize(
    ("make", "decode"),
    [(spans, otlp_protobuf.decode), (logs, otlp_logs.decode), (points, otlp_metrics.decode)],
)
def test_what_waits_is_counted_as_what_it_is(
    make: Callable[[int], bytes], decode: Callable[[bytes, int], Decoded]
) -> None:
    bodies = [make(number) for number in range(4)]
    decode(bodies[0], T0)  # what is remembered from payload to payload is nobody's weight
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        found = [decode(body, T0) for body in bodies[1:]]
        gc.collect()
        real = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    said = sum(weight(one.batch) for one in found)
    assert sum(len(one.batch) for one in found) == 3 * ROWS
    assert 0.7 * real < said < 2.5 * real, (said / 3 / ROWS, real / 3 / ROWS)


def test_nothing_weighs_nothing() -> None:
    assert weight(SpanBatch.empty()) == 0
