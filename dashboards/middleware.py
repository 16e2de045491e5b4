"""What stands before every page: host names answered, who may change things, headers sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Style attributes place bars and cells; style elements and every inline script stay forbidden.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses foreign hosts (DNS rebinding) and changes from other sites (CSRF); adds security headers."""

    def __init__(self, app: ASGIApp, allowed_hosts: tuple[str, ...] = ()) -> None:
        self.app = app
        self.any_host = "*" in allowed_hosts
        self.hosts = LOOPBACK | {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope["method"], Headers(scope=scope))
        answer = PlainTextResponse(refusal, 403) if refusal else self.app
        await answer(scope, receive, _with_headers(send))

    def refusal(self, method: str, headers: Headers) -> str:
        """Why this request is not served; "" if it is."""
        host = headers.get("host", "")
        if not self.any_host and _hostname(host) not in self.hosts:
            return f"The host name {host[:100]!r} is not served here: use localhost, or allow the name."
        if method not in SAFE_METHODS and not _same_origin(headers, host):
            return "Refused: this change was sent from another site."
        return ""


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _same_origin(headers: Headers, host: str) -> bool:
    """Browsers say where a change comes from; a client that says nothing is no browser."""
    origin = headers.get("origin")
    if origin is not None:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return wrapped
