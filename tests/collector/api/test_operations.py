"""Health and numbers over HTTP, from a real server: probes on the OTLP port, the rest on the dashboards."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.api.operations import ALL, PROBES, operations
from collector.api.telemetry import Telemetry, file_sizes
from collector.ingest import IngestStats
from collector.receivers.counts import Counts
from collector.storage.base import RetryLater
from tests import serving
from tests.collector.otlp import request, span
from tests.collector.receivers.test_otlp_http import PROTOBUF


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    with serving.serving(tmp_path_factory.mktemp("data")) as found:
        body = request(span(0), span(1), span(2)).SerializeToString()
        assert httpx.post(f"{found.otlp_http}/v1/traces", content=body, headers=PROTOBUF).status_code == 200
        yield found


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_answer_on_both_ports(server: serving.Server, path: str) -> None:
    for base in (server.otlp_http, server.ui):
        answer = httpx.get(base + path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.text.endswith("\n")
        assert httpx.head(base + path).content == b""


def test_the_numbers_are_those_of_what_was_sent(server: serving.Server) -> None:
    lines = httpx.get(server.otlp_http + "/metrics").text.splitlines()
    assert 'tracekit_requests_total{protocol="otlp_http",signal="traces",code="200"} 1' in lines
    assert 'tracekit_accepted_items_total{protocol="otlp_http",signal="traces"} 2' in lines
    assert 'tracekit_rejected_items_total{reason="span id is all zeros"} 1' in lines
    assert "tracekit_ready 1" in lines


def test_the_status_is_a_document_and_a_page(server: serving.Server) -> None:
    document = httpx.get(server.ui + "/status.json").json()
    assert document["ready"] and not document["trouble"]
    assert document["taken"] == [
        {"protocol": "otlp_http", "signal": "traces", "items": 2, "bytes": document["taken"][0]["bytes"]}
    ]
    assert {f["name"] for f in document["files"]} >= {"control.sqlite", "journal"}
    page = httpx.get(server.ui + "/status")
    assert page.status_code == 200
    assert "span id is all zeros" in page.text
    assert httpx.get(server.otlp_http + "/status.json").status_code == 404, (
        "files are nobody's business there"
    )


def test_a_store_in_trouble_is_alive_but_not_ready(tmp_path: Path) -> None:
    stats = IngestStats(0, 0, 0, {}, 0, 0, 0, None, None, trouble="the disk is nearly full")
    telemetry = Telemetry("1", tmp_path, 1, 0, lambda: stats, Counts())
    found = operations(telemetry, PROBES)
    assert asyncio.run(asked(found["/healthz"])) == (200, b"ok\n")
    assert asyncio.run(asked(found["/readyz"])) == (503, b"not ready: the disk is nearly full\n")


def test_a_store_that_cannot_be_asked_is_alive_ready_and_told_about(tmp_path: Path) -> None:
    """The journal takes payloads while the engine is opened anew."""

    def lag() -> int:
        raise RetryLater("the store cannot answer right now")

    stats = IngestStats(0, 0, 0, {}, 0, 0, 0, None, None)
    telemetry = Telemetry("1", tmp_path, 1, 0, lambda: stats, Counts(), rollup_lag=lag)
    found = operations(telemetry, ALL)
    assert asyncio.run(asked(found["/healthz"])) == (200, b"ok\n")
    assert asyncio.run(asked(found["/readyz"])) == (200, b"ready\n")
    code, text = asyncio.run(asked(found["/metrics"]))
    assert code == 200 and b"\ntracekit_rollup_lag_spans " not in text
    code, document = asyncio.run(asked(found["/status.json"]))
    assert code == 200 and b'"rollup_lag": null' in document
    telemetry = dataclasses.replace(telemetry, rollup_lag=lambda: pytest.fail("a probe waits for the store"))
    assert asyncio.run(asked(operations(telemetry, PROBES)["/healthz"])) == (200, b"ok\n")


async def asked(app: Any) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET"}, None, send)
    return sent[0]["status"], sent[1]["body"]


def test_sizes_of_files_come_from_the_directory_alone(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "1.seg").write_bytes(b"x" * 10)
    (tmp_path / "journal" / "2.seg").write_bytes(b"x" * 5)
    (tmp_path / "a.duckdb").write_bytes(b"x" * 3)
    (tmp_path / "a.duckdb").chmod(0)
    assert file_sizes(tmp_path) == {"a.duckdb": 3, "journal": 15}


def test_rates_are_of_the_last_minute() -> None:
    now = [100.0]
    counts = Counts(lambda: now[0])
    for _ in range(30):
        counts.took("otlp_http", "traces", 1, 12, 0)
        now[0] += 1
    assert counts.rates(60) == {"traces": 12.0}
    now[0] += 90
    assert counts.rates(60) == {}
