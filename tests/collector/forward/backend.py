"""Another OTLP backend, in a thread of the test's process, that answers as it is told."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Seen:
    path: str
    headers: dict[str, str]
    body: bytes  # inflated


@dataclass(slots=True)
class OtherBackend:
    """`answers` are statuses for the next requests, 200 when they are used up; `port` stays the same."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    retry_after: str = ""
    seen: list[Seen] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count: int, timeout_s: float = 20.0) -> list[Seen]:
        """What was taken with 200, once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.seen) >= count, timeout_s), len(self.seen)
            return list(self.seen)

    @contextlib.contextmanager
    def running(self) -> Iterator[OtherBackend]:
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                with backend.arrived:
                    code = backend.answers.pop(0) if backend.answers else 200
                    if code == 200:
                        backend.seen.append(Seen(self.path, headers, body))
                    backend.arrived.notify_all()
                self.send_response(code)
                if backend.retry_after and code != 200:
                    self.send_header("retry-after", backend.retry_after)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *unused: Any) -> None:
                """Tests look at what was seen instead."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
