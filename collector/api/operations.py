"""Health and numbers over HTTP, each a small ASGI application by its path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.api import metrics
from collector.api.status import status_document
from collector.api.telemetry import Facts, Telemetry
from collector.receivers.asgi import Receive, Scope, Send, answer

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a media type and a body."""

    code: int
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Operation:
    """Answers every request at its path with what `respond` makes of the facts of the moment."""

    telemetry: Telemetry
    respond: Callable[[Facts], Answer]
    asks_store: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # On a thread: sizes of files are asked of the disk, which may be slow when it matters most.
        facts = await asyncio.to_thread(self.telemetry.facts, self.asks_store)
        found = self.respond(facts)
        body = b"" if scope["method"] == "HEAD" else found.body
        await answer(send, found.code, found.media_type, body, [(b"cache-control", b"no-store")])


def _healthy(facts: Facts) -> Answer:
    """The process runs and answers. Whether it takes payloads is /readyz's business."""
    return Answer(200, _TEXT, b"ok\n")


def _ready(facts: Facts) -> Answer:
    if facts.trouble:
        return Answer(503, _TEXT, f"not ready: {facts.trouble}\n".encode())
    return Answer(200, _TEXT, b"ready\n")


def _metrics(facts: Facts) -> Answer:
    return Answer(200, metrics.MEDIA_TYPE, metrics.render(facts))


def _status(facts: Facts) -> Answer:
    return Answer(200, _JSON, json.dumps(status_document(facts)).encode())


# What is answered beside the receivers too, for whoever scrapes or probes without a browser.
PROBES: Mapping[str, Callable[[Facts], Answer]] = {
    "/healthz": _healthy,
    "/readyz": _ready,
    "/metrics": _metrics,
}
# What is answered whatever the store is busy with.
_ALONE = ("/healthz", "/readyz")
ALL: Mapping[str, Callable[[Facts], Answer]] = {**PROBES, "/status.json": _status}


def operations(telemetry: Telemetry, which: Mapping[str, Callable[[Facts], Answer]]) -> dict[str, Operation]:
    """By path."""
    return {path: Operation(telemetry, respond, path not in _ALONE) for path, respond in which.items()}
