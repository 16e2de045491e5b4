"""Which attribute keys there are, as JSON: for completion in other tools."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from collector.api.parameters import given, whole
from collector.receivers import asgi
from collector.receivers.asgi import Receive, Scope, Send
from collector.storage.base import InvalidQuery, SpanReader
from collector.storage.keys import SOURCES, AttributeKey, KeysQuery

PATH = "/api/v1/keys"
MOST = 10_000
_JSON = "application/json"
_LATEST_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Keys:
    """The route. The reader is asked on a thread."""

    reader: SpanReader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            query = asked(scope["query_string"].decode("latin-1"))
        except InvalidQuery as error:
            await asgi.answer(send, 400, _JSON, json.dumps({"message": str(error)}).encode())
            return
        found = await asyncio.to_thread(self.reader.keys, query)
        body = json.dumps({"keys": [_told(one) for one in found]}).encode()
        await asgi.answer(send, 200, _JSON, body, [(b"cache-control", b"no-store")])


def asked(query: str) -> KeysQuery:
    """Raises InvalidQuery."""
    found = given(query, ("of", "q", "start", "end", "limit"))
    of = found.get("of", "")
    if of and of not in SOURCES:
        raise InvalidQuery(f"of must be one of {', '.join(SOURCES)}")
    start, end = whole(found, "start", 0, _LATEST_NS), whole(found, "end", _LATEST_NS, _LATEST_NS)
    limit = whole(found, "limit", 1_000, MOST) or 1
    return KeysQuery(of, found.get("q", ""), start, end, limit)


def _told(one: AttributeKey) -> dict[str, Any]:
    """64-bit times as text, as OTLP's JSON has them."""
    return {
        "of": one.of,
        "key": one.key,
        "type": one.type,
        "rows": one.rows,
        "firstTimeUnixNano": str(one.first_ns),
        "lastTimeUnixNano": str(one.last_ns),
        "examples": list(one.examples),
    }
