"""OTLP/HTTP as clients meet it: status codes, bodies in the request's encoding, limits, bad input."""

from __future__ import annotations

import gzip
import json
import select
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.ingest import budget
from collector.storage.base import Rejected, RetryLater, Window, WriteResult
from tests.collector.batches import SECOND, T0, trace
from tests.collector.otlp import TRACE, json_request, json_span, request, span
from tests.collector.running import Running, collector

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
GOOD = request(span(1)).SerializeToString()
GOOD_JSON = json.dumps(json_request(json_span())).encode()
BOMB = gzip.compress(b"\0" * 200_000_000, 9)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    limits = {"header_timeout_s": "0.5", "body_timeout_s": "0.5", "max_body_bytes": "4MiB"}
    with collector(tmp_path_factory.mktemp("data"), **limits) as found:
        yield found


def post(running: Running, body: bytes, headers: dict[str, str], path: str = "/v1/traces") -> httpx.Response:
    return httpx.post(running.http + path, content=body, headers=headers, timeout=30)


def failure(response: httpx.Response) -> Status:
    assert response.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(response.content)


# ---------------------------------------------------------------- what is taken


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (GOOD, "identity"),
        (gzip.compress(GOOD), "gzip"),
        (gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:]), "gzip"),
        (gzip.compress(GOOD), "X-GZIP"),
        (zlib.compress(GOOD), "deflate"),
        (zlib.compress(GOOD)[2:-4], "deflate"),
    ],
    ids=range(6),  # gzip's bytes tell the time, and two processes that gather tests must name them alike
)
def test_protobuf_is_taken_plain_and_compressed(tmp_path: Path, body: bytes, coding: str) -> None:
    with collector(tmp_path) as running:
        response = post(running, body, PROTOBUF | {"content-encoding": coding})
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-type"] == "application/x-protobuf"
        assert [s.span_id for s in running.reader.trace(TRACE.hex())] == [f"{1:016x}"]


def test_json_is_taken_and_answered_in_json(running: Running) -> None:
    response = post(running, GOOD_JSON, {"content-type": "Application/JSON; charset=UTF-8"})
    assert (response.status_code, response.json()) == (200, {})
    assert response.headers["content-type"] == "application/json"


def test_what_is_answered_with_200_is_stored_and_a_resend_counts_once(tmp_path: Path) -> None:
    with collector(tmp_path) as running:
        for _ in range(3):
            assert post(running, GOOD, PROTOBUF).status_code == 200
        assert running.ingest.settle()
        stats = running.ingest.stats()
        assert (stats.received, stats.stored, stats.duplicates) == (3, 1, 2)
    with collector(tmp_path) as reopened:
        assert post(reopened, GOOD, PROTOBUF).status_code == 200
        assert reopened.reader.stats().spans == 1


@pytest.mark.parametrize(("body", "headers"), [(b"", PROTOBUF), (b"{}", JSON)])
def test_an_empty_request_succeeds(running: Running, body: bytes, headers: dict[str, str]) -> None:
    assert post(running, body, headers).status_code == 200


def test_rejected_spans_are_a_partial_success(running: Running) -> None:
    body = request(span(0), span(2), trace_id_of_zeros()).SerializeToString()
    response = ExportTraceServiceResponse.FromString(post(running, body, PROTOBUF).content)
    assert response.partial_success.rejected_spans == 2
    assert "span id is all zeros (1)" in response.partial_success.error_message
    body = json.dumps(json_request(json_span(spanId="22" * 8), json_span(traceId="xyz"))).encode()
    partial = post(running, body, JSON).json()["partialSuccess"]
    assert partial == {"rejectedSpans": "1", "errorMessage": "traceId is not hexadecimal (1)"}


def trace_id_of_zeros() -> Any:
    return span(3, trace_id=b"\0" * 16)


def test_nothing_salvageable_is_a_bad_request(running: Running) -> None:
    response = post(running, request(span(0)).SerializeToString(), PROTOBUF)
    assert response.status_code == 400
    assert "span id is all zeros" in failure(response).message


# ---------------------------------------------------------------- what is not


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"garbage", PROTOBUF, 400),
        (GOOD[:-3], PROTOBUF, 400),
        (GOOD_JSON, PROTOBUF, 400),
        (GOOD, JSON, 400),
        (b"", JSON, 400),
        (GOOD, PROTOBUF | {"content-encoding": "gzip"}, 400),
        (gzip.compress(GOOD)[:-4], PROTOBUF | {"content-encoding": "gzip"}, 400),
        (gzip.compress(GOOD) + b"tail", PROTOBUF | {"content-encoding": "gzip"}, 400),
        (b"", PROTOBUF | {"content-encoding": "gzip"}, 400),
        (zlib.compress(GOOD) + b"tail", PROTOBUF | {"content-encoding": "deflate"}, 400),
        (GOOD, PROTOBUF | {"content-encoding": "br"}, 415),
        (GOOD, PROTOBUF | {"content-encoding": "gzip, gzip"}, 415),
        (GOOD, {}, 415),
        (GOOD, {"content-type": "text/plain"}, 415),
        (GOOD_JSON, {"content-type": "application/json; charset=latin-1"}, 415),
        (b"\0" * 5_000_000, PROTOBUF, 413),
        (gzip.compress(b"\0" * 5_000_000), PROTOBUF | {"content-encoding": "gzip"}, 413),
        (BOMB, PROTOBUF | {"content-encoding": "gzip"}, 413),
        (b'{"x":[' + b"{}," * 1_300_000 + b"{}]}", JSON, 413),
        (b"\x0a\x02\x12\x00" * 1_000_000, PROTOBUF, 413),
    ],
    ids=range(20),
)
def test_bad_input_gets_a_clear_answer_and_the_next_request_is_fine(
    running: Running, body: bytes, headers: dict[str, str], code: int
) -> None:
    response = post(running, body, headers)
    assert response.status_code == code
    if code != 200 and headers == PROTOBUF:
        assert failure(response).message
    assert post(running, GOOD, PROTOBUF).status_code == 200


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_too_large_is_refused_where_the_client_can_still_read_why(
    running: Running, declared: bool
) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield b"\0" * 65536

    for _ in range(5):  # a reset that overtakes the answer shows now and then
        content = b"".join(pieces()) if declared else pieces()
        response = httpx.post(running.http + "/v1/traces", content=content, headers=PROTOBUF)
        assert response.status_code == 413
        assert failure(response).message


@pytest.mark.parametrize(
    ("method", "path", "code", "said"),
    [
        ("POST", "/v1development/profiles", 404, "/v1/traces"),
        ("GET", "/v1/metrics", 405, "POST"),
        ("PUT", "/v1/logs", 405, "POST"),
        ("POST", "/v1/elsewhere", 404, "/v1/traces"),
        ("GET", "/v1/traces", 405, "POST"),
    ],
)
def test_other_paths_say_what_to_do(running: Running, method: str, path: str, code: int, said: str) -> None:
    response = httpx.request(method, running.http + path, content=b"", headers=JSON)
    assert response.status_code == code
    assert said in response.json()["message"]


def test_the_port_says_what_it_is_and_allows_no_other_origin(running: Running) -> None:
    response = httpx.get(running.http, headers={"origin": "http://evil.example", "host": "evil.example"})
    assert "tracekit collector" in response.text
    assert not [name for name in response.headers if name.startswith("access-control")]


# ---------------------------------------------------------------- the wire


def talk(running: Running, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Everything the server says to these bytes until it closes; ends in STILL_OPEN if it does not."""
    heard = b""
    with socket.create_connection(("127.0.0.1", running.port), timeout=3) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
            while data := connection.recv(65536):
                heard += data
        except TimeoutError:
            heard += STILL_OPEN
        except ConnectionError:  # closed while we were still talking
            return heard
    return heard


STILL_OPEN = b"[still open]"


HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"


@pytest.mark.parametrize(
    ("sent", "status_line"),
    [
        (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 400"),
        (HEAD + b"Content-Length: -1\r\n\r\n", b"HTTP/1.1 400"),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", b"HTTP/1.1 400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", b"HTTP/1.1 400"),
        (HEAD + b"".join(b"x-%d: y\r\n" % i for i in range(2000)) + b"\r\n", b"HTTP/1.1 431"),
        (HEAD + b"x: " + b"y" * 100_000 + b"\r\n\r\n", b"HTTP/1.1 431"),
        (HEAD + b"Content-Length: 99999999\r\n\r\n", b"HTTP/1.1 413"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"HTTP/1.1 400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 4"),
        (HEAD + b"Content-Length: 0\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", b"HTTP/1.1 100"),
        (HEAD + b"Content-Length: 10\r\n\r\nabc", b"HTTP/1.1 408"),  # the rest never comes
    ],
    ids=range(11),
)
def test_a_broken_conversation_ends_clearly(running: Running, sent: bytes, status_line: bytes) -> None:
    heard = talk(running, sent)
    assert heard.startswith(status_line) or (status_line == b"HTTP/1.1 100" and b"200 OK" in heard)
    assert post(running, GOOD, PROTOBUF).status_code == 200


def test_a_head_that_never_ends_is_hung_up_on(running: Running) -> None:
    assert talk(running, b"GET / HTTP/1.1\r\n", *[b"x: y\r\n"] * 20, pause_s=0.1) == b""
    assert talk(running) == b""  # nor is a connection kept that says nothing


def test_a_client_that_leaves_in_the_middle_of_its_body_holds_nothing(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nabc")
    assert post(running, GOOD, PROTOBUF).status_code == 200
    deadline = time.monotonic() + 5
    while running.ingest.stats().queue_bytes and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.ingest.stats().queue_bytes == 0


# ---------------------------------------------------------------- when the store cannot


class Writer:
    """Does what `outcome` says; holds the writer's thread while `gate` is closed."""

    def __init__(self, outcome: Exception | None = None) -> None:
        self.outcome = outcome
        self.gate = threading.Event()
        self.gate.set()

    def write(self, batches: Any, mark: int | None = None) -> WriteResult:
        self.gate.wait(20)
        if self.outcome:
            raise self.outcome
        return WriteResult(sum(map(len, batches)), 0)

    def close(self) -> None:
        self.gate.set()


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(RetryLater("disk is nearly full", 7.0), 503), (Rejected("no"), 400), (RuntimeError("a bug"), 503)],
)
def test_the_stores_refusal_says_whether_to_come_back(tmp_path: Path, outcome: Exception, code: int) -> None:
    with collector(tmp_path, Writer(outcome)) as running:
        response = post(running, GOOD, PROTOBUF)
        assert response.status_code == code
        status = failure(response)
        assert str(outcome) in status.message
        if code == 503:
            assert 5 <= int(response.headers["retry-after"]) <= 14
            assert status.details[0].type_url.endswith("google.rpc.RetryInfo")
        else:
            assert "retry-after" not in response.headers


def test_a_full_queue_answers_429_with_retry_after(full: Running, gate: threading.Event) -> None:
    refused = post(full, GOOD * 2, PROTOBUF)
    gate.set()
    assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert post(full, GOOD, PROTOBUF).status_code == 200


def test_a_body_is_asked_for_when_there_is_room_for_it(
    full: Running, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PATIENCE_S", 20)
    with socket.create_connection(("127.0.0.1", full.port), timeout=20) as client:
        head = f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF['content-type']}\r\n"
        client.sendall(f"{head}content-length: {len(GOOD)}\r\nexpect: 100-continue\r\n\r\n".encode())
        assert not select.select([client], [], [], 0.2)[0]
        gate.set()
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(GOOD)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def gate() -> threading.Event:
    """The store writes nothing before it is set."""
    return threading.Event()


@pytest.fixture
def full(tmp_path: Path, gate: threading.Event) -> Iterator[Running]:
    """A collector that has no room beside the payload whose answer waits for the store."""
    writer = Writer()
    writer.gate = gate
    with collector(tmp_path, writer, max_queue_bytes="100") as running:
        first = threading.Thread(target=post, args=(running, GOOD, PROTOBUF))
        first.start()
        deadline = time.monotonic() + 20
        while not running.ingest.stats().queue_bytes and time.monotonic() < deadline:
            time.sleep(0.01)
        yield running
        gate.set()
        first.join()


def test_spans_are_found_by_every_reader(tmp_path: Path) -> None:
    with collector(tmp_path) as running:
        spans = [span(i, trace_id=i.to_bytes(16, "big"), kind=2) for i in range(1, 6)]
        post(running, request(*spans).SerializeToString(), PROTOBUF)
        window = Window(T0, T0 + SECOND)
        assert running.reader.services(window) == ("shop",)
        assert running.reader.trace(trace(3))[0].service == "shop"
