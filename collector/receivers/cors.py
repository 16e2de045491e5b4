"""Browsers of other origins, where the operator lets them send. Off unless origins are named."""

from __future__ import annotations

from collections.abc import Iterable

from collector.receivers import asgi
from collector.receivers.asgi import App, Header, Message, Receive, Scope, Send

_KEPT_S = b"7200"
_FALLBACK_HEADERS = "content-type, content-encoding, authorization"


class Cors:
    """Wraps an application; `*` among the origins allows any. Credentials (cookies) are never allowed."""

    def __init__(self, app: App, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = asgi.headers_of(scope) if scope["type"] == "http" else {}
        origin = headers.get("origin", "")
        if not self._allows(origin):
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _answer_preflight(send, origin, headers.get("access-control-request-headers", ""))
        else:
            await self._app(scope, receive, _with_origin(send, origin))

    def _allows(self, origin: str) -> bool:
        return bool(origin) and ("*" in self._origins or origin.lower() in self._origins)


async def _answer_preflight(send: Send, origin: str, asked: str) -> None:
    headers = [
        *_origin_headers(origin),
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", (asked or _FALLBACK_HEADERS).encode("latin-1")),
        (b"access-control-max-age", _KEPT_S),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _with_origin(send: Send, origin: str) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            exposed = (b"access-control-expose-headers", b"retry-after")
            message["headers"] = [*message["headers"], *_origin_headers(origin), exposed]
        await send(message)

    return wrapped


def _origin_headers(origin: str) -> list[Header]:
    return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
