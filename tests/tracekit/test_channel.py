"""Logs and metrics leave under the same bounds as spans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tracekit import config, pipeline
from tracekit.channel import Channel
from tracekit.config import Config
from tracekit.exporters import otlp
from tracekit.pipeline import Pipeline
from tracekit.target import Target


@pytest.fixture
def channel(recorded: Any, collector: Any) -> Iterator[Channel]:
    made = Channel(
        "logs", Target(f"{collector.url}/v1/logs", {"x-key": "1"}, "none"), encode, pipeline.get().delivery
    )
    yield made
    made.close()


def encode(records: list[Any], resource: Any, dropped: int) -> bytes:
    return b"".join(records) + (f"(lost {dropped})".encode() if dropped else b"")


def flush(channel: Channel) -> bool:
    return channel.flush(time.monotonic() + 10, force=True)


def answer(status: int) -> Any:
    def respond(request: Any) -> None:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return respond


def test_records_leave_together_and_once(channel: Channel, collector: Any) -> None:
    channel.add(b"a")
    channel.add(b"b")
    assert flush(channel) and flush(channel)
    assert collector.requests == [b"ab"]


def test_an_outage_keeps_records_and_the_bound(channel: Channel, collector: Any) -> None:
    collector.answer = answer(503)
    for letter in b"abc":
        channel.add(bytes([letter]) * (2 << 20))
        assert not flush(channel)
    collector.requests.clear()
    collector.answer = answer(200)
    assert flush(channel)
    kept = b"".join(collector.requests)
    assert len(kept) == 4 << 20 and set(kept) == set(b"bc")
    channel.add(b"d")
    assert flush(channel) and collector.requests[-1] == b"d(lost 1)"


def test_a_backlog_does_not_hide_that_nobody_takes_it(
    channel: Channel, collector: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    collector.answer = answer(503)
    for letter in b"abc":
        channel.add(bytes([letter]))
        assert not flush(channel)
    collector.answer = answer(404)
    assert not flush(channel)
    assert channel.off and capsys.readouterr().err.count("it takes no logs") == 1
    before = len(collector.requests)
    channel.add(b"d")
    assert flush(channel) and len(collector.requests) == before


def test_a_signal_that_is_not_to_be_exported_is_not_taken(
    recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    config.forget()
    assert config.get().logs_target.url == ""
    assert Pipeline(config.get(), recorded.exporter).delivery.channel("logs", encode).off


def test_each_signal_has_its_own_endpoint(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9/base/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:8/m")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-key=1")
    config.forget()
    settings = config.get()
    assert settings.logs_target.url == "http://127.0.0.1:9/base/v1/logs"
    assert settings.metrics_target.url == "http://127.0.0.1:8/m"
    assert (settings.logs_target.headers, settings.metrics_target.headers) == ({"x-key": "1"}, {})
    assert settings.endpoint == "http://127.0.0.1:9/base/v1/traces"


def test_a_timeout_is_of_all_signals_or_of_one() -> None:
    settings = Config({"OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "700"})
    targets = (settings.traces_target, settings.logs_target, settings.metrics_target)
    assert [target.timeout_ms for target in targets] == [2500, 700, 2500]
    assert [otlp(target, encode, "logs").timeout_s for target in targets] == [2.5, 0.7, 2.5]
