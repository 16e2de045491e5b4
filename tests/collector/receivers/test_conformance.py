"""Each MUST (and SHOULD) that the OTLP specification puts on a server, on every road: HTTP with protobuf and
JSON, and gRPC, for every signal that is taken. The sentences tested stand in the tests' names."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from google.rpc.status_pb2 import Status

from collector.ingest import Busy
from collector.payload import Signal
from collector.storage.base import RetryLater, Window
from collector.storage.logs import LogsQuery
from collector.storage.metrics import PointsQuery
from tests.collector.batches import SECOND, T0
from tests.collector.otlp import TRACE
from tests.collector.receivers.transports import (
    REJECTED,
    RESPONSES,
    TAKEN,
    TRANSPORTS,
    Transport,
    good,
    merged,
    otlp_json,
    partly_bad,
    roads,
    wholly_bad,
)
from tests.collector.running import Running, collector

on_every_road = pytest.mark.parametrize(
    ("signal", "transport"), list(roads()), ids=[f"{s}-{t.name.replace('/', '-')}" for s, t in roads()]
)
JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with collector(tmp_path_factory.mktemp("data"), max_body_bytes="1MiB") as found:
        yield found


# ---------------------------------------------------------------- success


@on_every_road
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_no_compression_and_gzip_are_supported_and_success_leaves_partial_success_unset(
    running: Running, signal: Signal, transport: Transport, zipped: bool
) -> None:
    outcome = transport.send(running, signal, transport.body(good(signal)), zipped)
    assert outcome.code == transport.expected(200, "OK")
    assert not outcome.response.HasField("partial_success")


@pytest.mark.parametrize("signal", TAKEN)
@pytest.mark.parametrize("transport", TRANSPORTS[:2], ids=["protobuf", "json"])
def test_every_coding_of_a_body_is_understood(running: Running, signal: Signal, transport: Transport) -> None:
    headers = JSON if transport.name == "http/json" else PROTOBUF
    packs = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}
    before = _kept(running, signal)
    for number, (coding, pack) in enumerate(packs.items(), 200 if headers is JSON else 300):
        body = pack(transport.body(good(signal, number)))
        answer = httpx.post(
            f"{running.http}/v1/{signal}", content=body, headers=headers | {"content-encoding": coding}
        )
        assert answer.status_code == 200, coding
    assert _kept(running, signal) == before + len(packs)


@on_every_road
def test_an_empty_request_succeeds(running: Running, signal: Signal, transport: Transport) -> None:
    outcome = transport.send(running, signal, transport.body(merged(signal)))
    assert outcome.code == transport.expected(200, "OK")
    assert outcome.response == RESPONSES[signal]()


@on_every_road
def test_empty_envelopes_are_no_fault(running: Running, signal: Signal, transport: Transport) -> None:
    message = good(signal)
    (field, resources) = message.ListFields()[0]
    resources.add()  # a resource without a scope
    getattr(resources.add(), field.name.replace("resource", "scope")).add()  # a scope without an item
    outcome = transport.send(running, signal, transport.body(message))
    assert outcome.code == transport.expected(200, "OK")
    assert not outcome.response.HasField("partial_success")


@on_every_road
def test_requests_at_the_same_time_are_each_answered(
    running: Running, signal: Signal, transport: Transport
) -> None:
    bodies = [transport.body(good(signal, 100 + number)) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda body: transport.send(running, signal, body), bodies))
    assert {outcome.code for outcome in outcomes} == {transport.expected(200, "OK")}


@pytest.mark.parametrize("signal", TAKEN)
def test_both_encodings_are_taken_on_one_connection(running: Running, signal: Signal) -> None:
    with httpx.Client(base_url=running.http, timeout=30) as client:
        for transport, headers in ((TRANSPORTS[0], PROTOBUF), (TRANSPORTS[1], JSON)):
            body = transport.body(good(signal))
            assert client.post(f"/v1/{signal}", content=body, headers=headers).status_code == 200


# ---------------------------------------------------------------- partial success


@on_every_road
def test_partial_success_is_a_success_that_counts_and_explains_what_was_rejected(
    running: Running, signal: Signal, transport: Transport
) -> None:
    outcome = transport.send(running, signal, transport.body(partly_bad(signal)))
    assert outcome.code == transport.expected(200, "OK")
    partial = outcome.response.partial_success
    assert getattr(partial, REJECTED[signal]) == 2
    assert partial.error_message


# ---------------------------------------------------------------- failures


@on_every_road
def test_bad_data_is_a_permanent_failure_described_by_bad_request(
    running: Running, signal: Signal, transport: Transport
) -> None:
    for body in (b"\xff garbage", transport.body(wholly_bad(signal))):
        outcome = transport.send(running, signal, body)
        assert outcome.code == transport.expected(400, "INVALID_ARGUMENT")
        assert outcome.status and outcome.status.message
        assert outcome.detail == "google.rpc.BadRequest"
        assert outcome.retry_after_s == 0


@on_every_road
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_the_size_of_a_request_is_limited_before_and_after_decompression(
    running: Running, signal: Signal, transport: Transport, zipped: bool
) -> None:
    body = b" " * 2_000_000
    outcome = transport.send(running, signal, body, zipped)
    assert outcome.code == transport.expected(413, "RESOURCE_EXHAUSTED")
    assert outcome.retry_after_s == 0, "a client must not come back with it"


@on_every_road
@pytest.mark.parametrize("error", [Busy("full", 7.0), RetryLater("disk", 7.0)], ids=["full", "disk"])
def test_back_pressure_is_retryable_and_says_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signal: Signal, transport: Transport, error: RetryLater
) -> None:
    async def refuse(payload: Any) -> Any:
        raise error

    with collector(tmp_path) as running:
        monkeypatch.setattr(running.ingest, "export", refuse)
        outcome = transport.send(running, signal, transport.body(good(signal)))
    http = 429 if isinstance(error, Busy) else 503
    assert outcome.code == transport.expected(http, "UNAVAILABLE")
    assert 7 <= outcome.retry_after_s <= 14
    assert outcome.detail == "google.rpc.RetryInfo"


@pytest.mark.parametrize("headers", [JSON, PROTOBUF], ids=["json", "protobuf"])
@pytest.mark.parametrize(
    ("method", "path", "more", "code"),
    [
        ("POST", "/v1/nothing", {}, 404),
        ("GET", "/v1/traces", {}, 405),
        ("POST", "/v1/traces", {"content-encoding": "br"}, 415),
        ("POST", "/v1/traces", {"content-encoding": "gzip"}, 400),
    ],
)
def test_every_failure_is_a_status_in_the_encoding_of_the_request(
    running: Running, headers: dict[str, str], method: str, path: str, more: dict[str, str], code: int
) -> None:
    answer = httpx.request(method, running.http + path, content=b"{}", headers=headers | more)
    assert answer.status_code == code
    if headers is JSON or "nothing" in path:  # a path that means nothing has no encoding
        assert answer.json()["message"]
    else:
        assert answer.headers["content-type"] == headers["content-type"]
        assert Status.FromString(answer.content).message


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize("signal", TAKEN)
@pytest.mark.parametrize("upper", [False, True], ids=["lower", "upper"])
def test_json_ids_are_hexadecimal_in_any_case(running: Running, signal: Signal, upper: bool) -> None:
    body = json.dumps(otlp_json(good(signal), upper)).encode()
    outcome = TRANSPORTS[1].send(running, signal, body)
    assert (outcome.code, outcome.response.HasField("partial_success")) == (200, False)
    assert signal != "traces" or running.reader.trace(TRACE.hex())


@pytest.mark.parametrize("signal", TAKEN)
def test_unknown_json_fields_are_ignored_wherever_they_stand(running: Running, signal: Signal) -> None:
    found = otlp_json(good(signal))
    _sprinkle(found)
    outcome = TRANSPORTS[1].send(running, signal, json.dumps(found).encode())
    assert (outcome.code, outcome.response.HasField("partial_success")) == (200, False)


def _sprinkle(value: Any) -> None:
    """An unknown field into every message of the request."""
    for inner in list(value.values()) if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            _sprinkle(inner)
    if isinstance(value, dict):
        value["notOfThisVersion"] = [{"x": None}]


@pytest.mark.parametrize("signal", TAKEN)
def test_64_bit_integers_are_taken_as_numbers_and_as_strings(running: Running, signal: Signal) -> None:
    text = json.dumps(otlp_json(good(signal)))
    assert '"17000000' in text, "json_format writes 64-bit integers as strings"
    numbers = text.replace('"17000000', "17000000")
    parts = numbers.split("17000000")
    numbers = "17000000".join([parts[0], *(part.replace('"', "", 1) for part in parts[1:])])
    for body in (text, numbers):
        json.loads(body)
        outcome = TRANSPORTS[1].send(running, signal, body.encode())
        assert (outcome.code, outcome.response.HasField("partial_success")) == (200, False)


# ---------------------------------------------------------------- other versions of OTLP


@pytest.mark.parametrize("signal", TAKEN)
@pytest.mark.parametrize("transport", [TRANSPORTS[0], TRANSPORTS[2]], ids=["http", "grpc"])
def test_unknown_protobuf_fields_are_ignored(running: Running, signal: Signal, transport: Transport) -> None:
    unknown = b"\xfa\x3e\x03abc" + b"\xf8\x3e\x01"  # fields 1007 (bytes) and 1007 (varint)
    outcome = transport.send(running, signal, good(signal).SerializeToString() + unknown)
    assert outcome.code == transport.expected(200, "OK")
    assert not outcome.response.HasField("partial_success")


# ---------------------------------------------------------------- the acknowledgement


@on_every_road
def test_what_was_acknowledged_is_there_after_a_restart(
    tmp_path: Path, signal: Signal, transport: Transport
) -> None:
    with collector(tmp_path) as running:
        assert transport.send(running, signal, transport.body(good(signal))).code in (200, "OK")
    with collector(tmp_path) as again:
        assert _kept(again, signal) == 1
        assert transport.send(again, signal, transport.body(good(signal))).code in (200, "OK")
        assert _kept(again, signal) == 1, "a resend counts once"


def _kept(running: Running, signal: Signal) -> int:
    """Spans, log records or data points of `good`."""
    window = Window(T0 - SECOND, T0 + SECOND)
    if signal == "traces":
        return len(running.reader.trace(TRACE.hex()))
    if signal == "logs":
        return len(running.logs.search(LogsQuery(window, limit=1_000)).records)
    return len(running.metrics.points(PointsQuery(window)).points)
