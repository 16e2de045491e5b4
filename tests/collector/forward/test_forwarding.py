"""Another backend gets what was acknowledged, through outages and restarts, and nobody waits for it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.forward import Forwarding
from collector.forward import forwarding as module
from collector.payload import Payload
from tests import serving
from tests.collector.decode.test_zipkin_json import zipkin
from tests.collector.forward.backend import OtherBackend
from tests.collector.otlp import json_request, json_span, request, span
from tests.collector.receivers.test_otlp_http import PROTOBUF

GOOD = request(*(span(n) for n in range(1, 40))).SerializeToString()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.1)


@contextlib.contextmanager
def forwarding(folder: Path, url: str, max_bytes: int = 10**8) -> Iterator[Forwarding]:
    found = Forwarding(folder, url, {"x-key": "secret"}, max_bytes, timeout_s=5)
    found.start()
    try:
        yield found
    finally:
        found.close()


def payload(body: bytes = GOOD, **fields: object) -> Payload:
    return Payload(**({"signal": "traces", "encoding": "protobuf", "body": body, "received_ns": 1} | fields))  # type: ignore[arg-type]


def test_each_signal_and_encoding_is_posted_as_otlp(tmp_path: Path) -> None:
    with OtherBackend().running() as other, forwarding(tmp_path, other.url) as ours:
        ours.offer(payload())
        ours.offer(payload(b"{}", encoding="json", signal="logs"))
        ours.offer(payload(json.dumps([zipkin()]).encode(), encoding="zipkin_json"))
        ours.offer(payload(b"m", signal="metrics"))
        traces, logs, translated, metrics = other.wait_for(4)
    assert (traces.path, traces.body, traces.headers["x-key"]) == ("/v1/traces", GOOD, "secret")
    assert (logs.path, logs.body, logs.headers["content-type"]) == ("/v1/logs", b"{}", "application/json")
    assert translated.headers["content-type"] == "application/x-protobuf"
    found = ExportTraceServiceRequest.FromString(translated.body)
    assert found.resource_spans[0].scope_spans[0].spans[0].name == "get /"
    assert (metrics.path, metrics.body) == ("/v1/metrics", b"m")


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_an_outage_delays_and_loses_nothing(tmp_path: Path, code: int) -> None:
    other = OtherBackend(answers=[code, code, code])
    with other.running(), forwarding(tmp_path, other.url) as ours:
        for number in range(3):
            ours.offer(payload(b"%d" % number))
        assert [seen.body for seen in other.wait_for(3)] == [b"0", b"1", b"2"]
        assert ours.stats().retries == 3
        assert ours.stats().last_error == f"HTTP {code}"


def test_a_queue_that_cannot_be_read_for_a_while_is_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, failures = module.DiskQueue.peek, [OSError(24, "too many open files")] * 2

    def peek(queue: module.DiskQueue, timeout_s: float) -> object:
        if failures:
            raise failures.pop()
        return read(queue, timeout_s)

    monkeypatch.setattr(module.DiskQueue, "peek", peek)
    with OtherBackend().running() as other, forwarding(tmp_path, other.url) as ours:
        ours.offer(payload(b"0"))
        assert [seen.body for seen in other.wait_for(1)] == [b"0"]
        assert "too many open files" in ours.stats().last_error


def test_what_the_backend_refuses_for_good_is_dropped_and_counted(tmp_path: Path) -> None:
    other = OtherBackend(answers=[400])
    with other.running(), forwarding(tmp_path, other.url) as ours:
        ours.offer(payload(b"bad"))
        ours.offer(payload(b"good"))
        assert [seen.body for seen in other.wait_for(1)] == [b"good"]
        deadline = time.monotonic() + 10
        while ours.stats().sent < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (ours.stats().sent, ours.stats().dropped) == (1, {"HTTP 400": 1})


def test_a_backend_that_asks_for_time_gets_it(tmp_path: Path) -> None:
    other = OtherBackend(answers=[503], retry_after="1")
    with other.running(), forwarding(tmp_path, other.url) as ours:
        began = time.monotonic()
        ours.offer(payload())
        other.wait_for(1)
        assert time.monotonic() - began >= 1


def test_copies_wait_on_disk_for_a_backend_that_is_away_at_a_restart_too(tmp_path: Path) -> None:
    other = OtherBackend()
    with other.running():
        pass  # its port is free again
    for round_ in range(2):
        with forwarding(tmp_path, other.url) as ours:
            ours.offer(payload(b"%d" % round_))
    with other.running(), forwarding(tmp_path, other.url) as ours:
        assert [seen.body for seen in other.wait_for(2)] == [b"0", b"1"]


def test_the_oldest_go_when_the_disk_bound_is_reached(tmp_path: Path) -> None:
    with forwarding(tmp_path, "http://127.0.0.1:9", max_bytes=5 * 2**20) as ours:
        for number in range(20):
            ours.offer(payload(bytes([number]) * 900_000, compressed=bytes(900_000), content_encoding="gzip"))
        deadline = time.monotonic() + 20
        while not ours.stats().dropped and time.monotonic() < deadline:
            time.sleep(0.02)
    assert ours.stats().dropped["the queue is full"] > 5
    assert sum(file.stat().st_size for file in tmp_path.glob("*.seg")) <= 5 * 2**20


def test_a_server_forwards_what_it_acknowledged_and_answers_while_the_other_is_away(tmp_path: Path) -> None:
    other = OtherBackend()
    with other.running():
        pass
    with serving.serving(tmp_path, f"--forward={other.url}") as server:
        url = f"{server.otlp_http}/v1/traces"
        assert httpx.post(url, content=GOOD, headers=PROTOBUF).status_code == 200
        assert httpx.post(url, content=b"garbage", headers=PROTOBUF).status_code == 400
        assert httpx.post(url, json=json_request(json_span())).status_code == 200
        waiting = httpx.get(server.otlp_http + "/metrics").text
        assert "tracekit_forward_waiting_bytes" in waiting
        with other.running():
            seen = other.wait_for(2)
    assert seen[0].body == GOOD
    assert json.loads(seen[1].body) == json_request(json_span())
