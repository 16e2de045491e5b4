"""kill -9 on the way of logs and metrics: what was acknowledged is there once, however often it is sent."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from collector.storage.base import Window
from collector.storage.logs import LogReader, LogsQuery
from collector.storage.metrics import MetricReader, PointsQuery
from tests.collector.batches import SECOND, T0
from tests.collector.running import collector
from tests.collector.signals import gauge, record
from tests.collector.test_kill import serving

PAYLOADS = 30
WINDOW = Window(T0, T0 + 3600 * SECOND)


def bodies() -> list[tuple[str, bytes]]:
    """Payloads of both signals in turn, three items each, numbered."""
    found = []
    for n in range(PAYLOADS):
        numbers = range(3 * n, 3 * n + 3)
        logs, metrics = LogsData(), MetricsData()
        scope = logs.resource_logs.add().scope_logs.add()
        scope.log_records.extend(record(at, str(at)) for at in numbers)
        points = [(at, {"as_int": at}) for at in numbers]
        metrics.resource_metrics.add().scope_metrics.add().metrics.append(gauge("g", *points))
        found += [("logs", logs.SerializeToString()), ("metrics", metrics.SerializeToString())]
    return found


def acknowledged(url: str, signal: str, body: bytes) -> bool:
    headers = {"content-type": "application/x-protobuf"}
    request = urllib.request.Request(url.replace("traces", signal), body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["after the sync", "after an insert"])
def test_nothing_acknowledged_is_lost_and_a_retry_after_the_restart_counts_once(
    tmp_path: Path, moment: str
) -> None:
    sent = bodies()
    with serving(tmp_path, moment, 13) as (process, url):
        answers = [acknowledged(url, *payload) for payload in sent]
        process.kill()
        process.wait(20)
    assert any(answers)
    with collector(tmp_path) as running:
        there = dict(zip(("logs", "metrics"), stored(running.logs, running.metrics)))
    for n, ((signal, _), answer) in enumerate(zip(sent, answers)):
        counts = {there[signal][item] for item in range(n // 2 * 3, n // 2 * 3 + 3)}
        assert counts == {1} if answer else counts in ({0}, {1}), "all of a payload, or none"
    with serving(tmp_path) as (process, url):
        assert all(acknowledged(url, *payload) for payload in sent)
        process.kill()
        process.wait(20)
    with collector(tmp_path) as running:
        logs, points = stored(running.logs, running.metrics)
    once = Counter(range(3 * PAYLOADS))
    assert logs == once and points == once


def stored(logs: LogReader, metrics: MetricReader) -> tuple[Counter[int], Counter[int]]:
    """How often each numbered item is there."""
    records = logs.search(LogsQuery(WINDOW, limit=10_000)).records
    points = metrics.points(PointsQuery(WINDOW, limit=10_000)).points
    return Counter(int(r.body) for r in records), Counter(p.row["value_int"] for p in points)
