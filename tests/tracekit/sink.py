"""What a collector was sent of one signal, kept apart from the spans it was sent beside it."""

from __future__ import annotations

from typing import Any


class Sink:
    """Takes over the `collector` fixture's answers. `status` is the answer to the signal at `path`."""

    def __init__(self, collector: Any, path: str) -> None:
        self.collector = collector
        self.path = path
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.status = 200
        collector.answer = self.answer

    def answer(self, request: Any) -> None:
        self.paths.append(request.path)
        is_mine = request.path == self.path
        if is_mine:
            self.bodies.append(self.collector.requests.pop())
        request.send_response(self.status if is_mine else 200)
        request.send_header("Content-Length", "0")
        request.end_headers()
