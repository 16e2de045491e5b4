"""/metrics is what Prometheus reads, and what the documentation says."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from collector.api.metrics import METRICS, render
from collector.api.telemetry import Facts
from collector.forward import ForwardStats
from collector.ingest import IngestStats
from collector.storage.base import SampledOut

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "collector.md").read_text()
INGEST = IngestStats(
    received=9,
    stored=7,
    duplicates=1,
    rejected={'a "bad"\nid\\': 2},
    refused=3,
    queue_bytes=10,
    commits=4,
    commit_p50_s=0.25,
    commit_p99_s=None,
)
FACTS = Facts(
    version="1.2",
    decoder="python",
    uptime_s=1.5,
    ingest=INGEST,
    queue_limit_bytes=100,
    requests={("otlp_http", "traces", "200"): 5},
    taken_bytes={("otlp_http", "traces"): 50},
    taken_items={("otlp_http", "traces"): 7},
    rates={"traces": 0.5},
    files={"a.duckdb": 12},
    disk_free_bytes=1000,
    disk_total_bytes=2000,
    disk_floor_bytes=500,
    rss_bytes=2**20,
    cpu_s=0.5,
    rollup_lag=9,
    sampled_out=SampledOut(traces=5, spans=15),
    forward=ForwardStats(waiting_bytes=1, sent=2, retries=3, dropped={"full": 4}),
)


def lines(facts: Facts = FACTS) -> list[str]:
    return render(facts).decode().splitlines()


def test_a_family_is_its_help_its_type_and_its_samples() -> None:
    assert "\n".join(
        [
            "# HELP tracekit_requests_total requests answered, by protocol, signal and code",
            "# TYPE tracekit_requests_total counter",
            'tracekit_requests_total{protocol="otlp_http",signal="traces",code="200"} 5',
        ]
    ) in "\n".join(lines())


def test_labels_are_escaped_and_stay_on_their_line() -> None:
    assert 'tracekit_rejected_items_total{reason="a \\"bad\\"\\nid\\\\"} 2' in lines()


def test_what_is_not_known_yet_is_left_out() -> None:
    assert 'tracekit_commit_seconds{quantile="0.5"} 0.25' in lines()
    assert not [
        line for line in lines() if "append_seconds" in line or 'commit_seconds{quantile="0.99"' in line
    ]
    assert not [line for line in lines(dataclasses.replace(FACTS, forward=None)) if "forward" in line]


def test_readiness_is_a_number() -> None:
    full = dataclasses.replace(FACTS, disk_free_bytes=499)
    stuck = dataclasses.replace(FACTS, ingest=dataclasses.replace(INGEST, trouble="the disk is full"))
    assert ["tracekit_ready 1" in lines(f) for f in (FACTS, full, stuck)] == [True, False, False]
    assert "499 bytes left" in full.trouble


def test_every_line_is_in_prometheus_format() -> None:
    sample = re.compile(
        r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? -?[0-9.e+-]+'
    )
    for line in lines():
        assert line.startswith(("# HELP tracekit_", "# TYPE tracekit_")) or sample.fullmatch(line), line


def test_names_say_their_kind() -> None:
    assert {m.kind for m in METRICS} == {"counter", "gauge"}
    assert all((m.kind == "counter") == m.name.endswith("_total") for m in METRICS)


def test_every_metric_is_documented() -> None:
    rows = set(re.findall(r"^\| `(tracekit_[a-z_]+)` \| (counter|gauge) \|", DOCS, re.M))
    assert rows == {(m.name, m.kind) for m in METRICS}
