"""A reader whose functions do as the test says, and a receiver that answers as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from collector.storage.base import FunctionsQuery, FunctionStats


def stats(
    service: str, calls: int = 100, errors: int = 0, p95_ms: float = 10.0, cold: int = 0
) -> FunctionStats:
    """One function over a window, as far as rules look at it."""
    p95_ns = p95_ms * 1e6
    return FunctionStats(
        service, calls, errors, p95_ns, p95_ns, p95_ns, cold, calls, (), 1, "", "", (), 0, (calls,), (errors,)
    )


class Functions:
    """The one query of a SpanReader that rules ask."""

    def __init__(self) -> None:
        self.now: list[FunctionStats] = []
        self.asked: list[FunctionsQuery] = []
        self.broken_services: set[str] = set()

    def functions(self, query: FunctionsQuery) -> tuple[FunctionStats, ...]:
        self.asked.append(query)
        if query.service in self.broken_services:
            raise RuntimeError("the engine is on fire")
        return tuple(s for s in self.now if query.service in ("", s.service))


class Receiver:
    """A webhook on loopback. `answers` are statuses in order, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[int] = [200]
        self.headers: dict[str, str] = {}
        self.got: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.hosts: list[str] = []
        self.arrived = threading.Semaphore(0)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/t0ken?key=s3cret"

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                receiver.paths.append(self.path)
                receiver.hosts.append(self.headers["Host"])
                answers = receiver.answers
                self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                receiver.arrived.release()

            def log_message(self, *args: Any) -> None:
                return

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join(5)


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def make_stats():
    return stats
