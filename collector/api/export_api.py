"""What is stored, as OTLP again: a signal over a window, page by page, or one trace."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from collector import export
from collector.api.keys_api import PATH, Keys
from collector.api.parameters import given, whole
from collector.receivers import asgi
from collector.receivers.asgi import App, Receive, Scope, Send
from collector.storage.base import InvalidQuery, Storage, TracesQuery, Window
from collector.storage.logs import LogsQuery
from collector.storage.metrics import PointsQuery

_HOUR_NS = 3600 * 10**9
_JSON, _PROTOBUF = "application/json", "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Page:
    """A request of OTLP, and where the next page begins; "" at the end."""

    message: Message
    next_cursor: str = ""


class NotFound(Exception):
    """Nothing is stored under this id (HTTP 404)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the query asks for. `start` and `end` are nanoseconds since the epoch, as OTLP has them."""

    window: Window
    service: str
    limit: int
    cursor: str

    @classmethod
    def of(cls, query: str, default_limit: int, max_limit: int) -> Asked:
        """Raises InvalidQuery."""
        found = given(query, ("start", "end", "service", "limit", "cursor"))
        end = whole(found, "end", time.time_ns(), 2**63 - 1)
        window = Window(whole(found, "start", max(end - _HOUR_NS, 0), 2**63 - 1), end)
        limit = whole(found, "limit", default_limit, max_limit) or 1
        return cls(window, found.get("service", ""), limit, found.get("cursor", ""))


@dataclass(frozen=True, slots=True)
class Export:
    """One route. `page` reads the store and is run on a thread; protobuf or JSON is chosen by `Accept`."""

    storage: Storage
    page: Callable[[Storage, Scope], Page]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            page = await asyncio.to_thread(self.page, self.storage, scope)
        except NotFound as error:
            await _fail(send, 404, str(error))
        except InvalidQuery as error:
            await _fail(send, 400, str(error))
        else:
            await _send(send, page, asgi.headers_of(scope).get("accept", ""))


def _one_trace(storage: Storage, scope: Scope) -> Page:
    trace_id = str(scope["path_params"]["trace_id"]).lower()
    spans = storage.reader.trace(trace_id)
    if not spans:
        raise NotFound(f"there is no trace {trace_id[:40]!r}")
    return Page(export.traces(spans, storage.origins))


def _traces(storage: Storage, scope: Scope) -> Page:
    asked = Asked.of(scope["query_string"].decode("latin-1"), 50, 200)
    query = TracesQuery(asked.window, service=asked.service, limit=asked.limit, cursor=asked.cursor)
    found = storage.reader.traces(query)
    spans = [span for trace in found.traces for span in storage.reader.trace(trace.trace_id)]
    return Page(export.traces(spans, storage.origins), found.next_cursor)


def _logs(storage: Storage, scope: Scope) -> Page:
    asked = Asked.of(scope["query_string"].decode("latin-1"), 1_000, 10_000)
    query = LogsQuery(
        asked.window, service=asked.service, order="oldest", limit=asked.limit, cursor=asked.cursor
    )
    found = storage.logs.search(query)
    return Page(export.logs(found.records, storage.origins), found.next_cursor)


def _metrics(storage: Storage, scope: Scope) -> Page:
    asked = Asked.of(scope["query_string"].decode("latin-1"), 1_000, 10_000)
    query = PointsQuery(asked.window, service=asked.service, limit=asked.limit, cursor=asked.cursor)
    found = storage.metrics.points(query)
    return Page(export.metrics(found.points, storage.origins), found.next_cursor)


ROUTES: Mapping[str, Callable[[Storage, Scope], Page]] = {
    "/api/v1/export/traces/{trace_id}": _one_trace,
    "/api/v1/export/traces": _traces,
    "/api/v1/export/logs": _logs,
    "/api/v1/export/metrics": _metrics,
}


def exports(storage: Storage) -> dict[str, App]:
    """What is stored, and which keys there are, by path, for a router that fills in what stands in braces."""
    routes: dict[str, App] = {path: Export(storage, page) for path, page in ROUTES.items()}
    return {**routes, PATH: Keys(storage.reader)}


async def _send(send: Send, page: Page, accept: str) -> None:
    protobuf = _PROTOBUF in accept or "application/protobuf" in accept
    body = page.message.SerializeToString() if protobuf else export.to_json(page.message)
    extra = [(b"cache-control", b"no-store")]
    if page.next_cursor:
        extra.append((b"x-next-cursor", page.next_cursor.encode()))
    await asgi.answer(send, 200, _PROTOBUF if protobuf else _JSON, body, extra)


async def _fail(send: Send, code: int, message: str) -> None:
    body: Any = {"message": message}
    await asgi.answer(send, code, _JSON, json.dumps(body).encode())
