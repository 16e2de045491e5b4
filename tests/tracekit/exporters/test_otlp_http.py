"""Delivery against endpoints that behave, and against ones that do not."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tracekit.exporters.base import DONE, REFUSED, RETRY
from tracekit.exporters.otlp_http import OtlpHttpExporter, split_url
from tracekit.flush import Flusher
from tracekit.queue import Queue
from tracekit.span import INTERNAL, Span, Trace


def a_span(name: str = "s") -> Span:
    span = Span(name, INTERNAL, None, Trace(), 1)
    span.end = 2
    return span


def send(url: str, body: bytes = b"x", seconds: float = 2.0, **options: Any) -> Any:
    exporter = OtlpHttpExporter(url, **options)
    try:
        return exporter.send(body, time.monotonic() + seconds)
    finally:
        exporter.close()


def queued(url: str, budget_s: float = 0.2) -> tuple[Queue, Flusher]:
    exporter = OtlpHttpExporter(url)
    queue = Queue()
    queue.encode = lambda spans, dropped: exporter.encode(spans, {}, dropped)
    return queue, Flusher(queue, exporter, budget_s)


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A server whose whole behaviour on a connection is one function."""
    listeners: list[socket.socket] = []

    def start(behave: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=run, args=(connection,), daemon=True).start()

        def run(connection: socket.socket) -> None:
            try:
                behave(connection)
            except OSError:
                pass
            finally:
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_spans_arrive_and_the_connection_is_kept(collector: Any) -> None:
    exporter = OtlpHttpExporter(collector.url + "/v1/traces", {"x-token": "t"})
    for name in ("first", "second"):
        body, size = exporter.encode([a_span(name)], {"service.name": "shop"}, 0)
        assert exporter.send(body, time.monotonic() + 2).outcome == DONE and size == len(body)
    exporter.close()
    assert [span.name for span in collector.spans] == ["first", "second"]
    assert collector.connections == 1


def test_gzip_is_what_the_collector_can_read(collector: Any) -> None:
    exporter = OtlpHttpExporter(collector.url + "/v1/traces", gzip=True)
    body, _ = exporter.encode([a_span("zipped")], {}, 0)
    assert exporter.send(body, time.monotonic() + 2).outcome == DONE
    exporter.close()
    assert [span.name for span in collector.spans] == ["zipped"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, DONE), (202, DONE), (400, REFUSED), (401, REFUSED), (404, REFUSED), (413, REFUSED), (500, REFUSED)]
    + [(status, RETRY) for status in (429, 502, 503, 504)],
)
def test_a_status_is_final_or_worth_another_try(collector: Any, status: int, outcome: str) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    collector.answer = answer
    assert send(collector.url).outcome == outcome


def test_a_connection_the_peer_closed_meanwhile_is_opened_again(
    raw_server: Callable[[Callable[[socket.socket], None]], str],
) -> None:
    def one_answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    exporter = OtlpHttpExporter(raw_server(one_answer))
    for _ in range(3):
        assert exporter.send(b"x", time.monotonic() + 2).outcome == DONE
        time.sleep(0.05)
    exporter.close()


def hang(connection: socket.socket) -> None:
    time.sleep(5)


def slow_drip(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10000:
        connection.sendall(bytes((byte,)))
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 503 Busy\r\n")
    while True:
        connection.sendall(b"X-Header: more\r\n" * 1000)


def endless_body(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


def garbage(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n")


def slam(connection: socket.socket) -> None:
    connection.recv(10)


@pytest.mark.parametrize("behave", [hang, slow_drip, endless, endless_body, garbage, slam])
def test_a_broken_endpoint_costs_at_most_the_budget_and_keeps_the_spans(
    raw_server: Callable[[Callable[[socket.socket], None]], str], behave: Callable[[socket.socket], None]
) -> None:
    queue, flusher = queued(raw_server(behave))
    queue.add(a_span())
    began = time.monotonic()
    assert flusher.flush() is False
    # Ten times the budget: this is about hanging, not about speed.
    assert time.monotonic() - began < 2.0
    assert len(queue) == 1


def test_a_refused_connection_keeps_the_spans_until_the_endpoint_is_back(collector: Any, port: int) -> None:
    queue, flusher = queued(f"http://127.0.0.1:{port}/v1/traces")
    queue.add(a_span("kept"))
    assert flusher.flush() is False
    payload = queue.first()
    assert payload is not None
    first_bytes = payload.body
    flusher.exporter = OtlpHttpExporter(collector.url)
    assert flusher.flush(budget_s=2, force=True) is True
    assert collector.requests == [first_bytes], "the same bytes are sent again"


def test_retry_after_is_honoured_by_the_next_flush(collector: Any) -> None:
    def busy(request: BaseHTTPRequestHandler) -> None:
        request.send_response(503)
        request.send_header("Retry-After", "30")
        request.send_header("Content-Length", "0")
        request.end_headers()

    collector.answer = busy
    queue, flusher = queued(collector.url, budget_s=2)
    queue.add(a_span())
    assert [flusher.flush(), flusher.flush(), flusher.flush()] == [False, False, False]
    assert len(collector.requests) == 1 and len(queue) == 1


def test_what_is_refused_for_good_is_counted_and_reported_with_the_next_delivery(collector: Any) -> None:
    statuses = iter([400, 200])

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(next(statuses))
        request.send_header("Content-Length", "0")
        request.end_headers()

    collector.answer = answer
    queue, flusher = queued(collector.url, budget_s=2)
    queue.add(a_span("lost"))
    flusher.flush()
    queue.add(a_span("next"))
    assert flusher.flush() is True
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest.FromString(collector.requests[1])
    [attribute] = message.resource_spans[0].scope_spans[0].scope.attributes
    assert (attribute.key, attribute.value.int_value) == ("tracekit.dropped_spans", 1)


def test_concurrent_flushes_deliver_every_span_once(collector: Any) -> None:
    queue, flusher = queued(collector.url, budget_s=5)

    answers: list[bool] = []

    def work(number: int) -> None:
        queue.add(a_span(f"span-{number}"))
        answers.append(flusher.flush())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 30
    assert sorted(span.name for span in collector.spans) == sorted(f"span-{number}" for number in range(30))


def test_the_queue_keeps_to_its_bytes_and_drops_the_oldest() -> None:
    queue = Queue(max_bytes=1000)
    queue.encode = lambda spans, dropped: (list(spans), 400)
    for number in range(5):
        queue.add(a_span(str(number)))
        queue.seal()
    first = queue.first()
    assert first is not None
    assert (queue.size, first.body[0].name, queue.dropped + first.dropped) == (800, "3", 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_sends_its_own_spans_and_not_its_parents(collector: Any, python: Any) -> None:
    code = """
import os, sys
from tracekit import span, flush
with span("parent"):
    pass
child = os.fork()
with span("child" if child == 0 else "after"):
    pass
ok = flush(5000)
if child:
    os.waitpid(child, 0)
sys.stdout.flush()
os._exit(0 if ok else 1)
"""
    result = python(code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert result.returncode == 0, result.stderr
    assert sorted(span.name for span in collector.spans) == ["after", "child", "parent"]
    assert len({span.span_id for span in collector.spans}) == 3
    assert len({span.trace_id for span in collector.spans}) == 3, "ids are drawn anew after a fork"


def test_spans_leave_at_exit_without_a_flush(collector: Any, python: Any) -> None:
    code = "from tracekit import span\nwith span('last words'):\n    pass\n"
    assert python(code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url).returncode == 0
    assert [span.name for span in collector.spans] == ["last words"]


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:4318/v1/traces", (False, "127.0.0.1", 4318, "/v1/traces")),
        ("https://example.test/x?y=1", (True, "example.test", 443, "/x?y=1")),
        ("http://[::1]:9/", (False, "::1", 9, "/")),
        ("http://host", (False, "host", 80, "/")),
    ],
)
def test_urls_are_split(url: str, parts: tuple[Any, ...]) -> None:
    assert split_url(url) == parts


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://h:port/", "127.0.0.1:4318"])
def test_what_is_no_url_is_said_to_be_none(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        split_url(url)


def test_spans_leave_when_the_process_is_terminated(
    collector: Any, start_process: Any, tmp_path: Any
) -> None:
    (tmp_path / "script.py").write_text(
        "import time\nfrom tracekit import span\n"
        "with span('before the end'):\n    pass\nopen('ready', 'w').close()\ntime.sleep(30)\n"
    )
    process = start_process([sys.executable, "script.py"], OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM, "the process still dies of the signal"
    assert [span.name for span in collector.spans] == ["before the end"]


def test_a_hosts_own_signal_handler_is_left_alone(python: Any) -> None:
    code = """
import signal
mine = lambda *_: None
signal.signal(signal.SIGTERM, mine)
from tracekit import span
with span("s"):
    pass
assert signal.getsignal(signal.SIGTERM) is mine
"""
    assert python(code, OTEL_TRACES_EXPORTER="none").returncode == 0


def test_without_an_exporter_nothing_is_kept(python: Any) -> None:
    code = """
from tracekit import span, flush
from tracekit.queue import QUEUE
for _ in range(5000):
    with span("s"):
        pass
assert len(QUEUE) <= 2048 and flush() and len(QUEUE) == 0
"""
    result = python(code, OTEL_TRACES_EXPORTER="none")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_date_in_retry_after_is_understood() -> None:
    from email.utils import formatdate

    from tracekit.exporters.otlp_http import _retry_after

    assert 50 < _retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) <= 60
    assert _retry_after({"retry-after": formatdate(time.time() - 60, usegmt=True)}) == 0
    assert [_retry_after({"retry-after": text}) for text in ("soon", "", "-5", "9" * 30)] == [0, 0, 0, 300]


def test_payloads_one_after_the_other_are_one_request() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    exporter = OtlpHttpExporter("http://127.0.0.1:1")
    bodies = [exporter.encode([a_span(name)], {"service.name": name}, 0)[0] for name in "ab"]
    both = ExportTraceServiceRequest.FromString(exporter.join(bodies))
    assert [resource.scope_spans[0].spans[0].name for resource in both.resource_spans] == ["a", "b"]
    assert OtlpHttpExporter("http://127.0.0.1:1", gzip=True).join(bodies) is None
