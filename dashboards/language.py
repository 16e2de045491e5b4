"""Which language a reader gets: the one chosen, else the one the browser asks for, else English."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.i18n import ENGLISH, LANGUAGES, speak

COOKIE = "tracekit_language"
_YEAR_S = 365 * 24 * 3600

router = APIRouter()


@router.get("/language/{name}", include_in_schema=False)
def choose(request: Request, name: str) -> RedirectResponse:
    """Keep a choice of language in a cookie, and go back to the page it was made on."""
    if name not in LANGUAGES:
        raise HTTPException(404)
    answer = RedirectResponse(_back(request.headers.get("referer", "")), 303)
    answer.set_cookie(COOKIE, name, max_age=_YEAR_S, httponly=True, samesite="lax")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _back(referer: str) -> str:
    """Path and query of the page that led here; never a host, so that no link can lead away."""
    try:
        parts = urlsplit(referer)
    except ValueError:
        return "/"
    path = "/" + parts.path.lstrip("/\\")
    return path + (f"?{parts.query}" if parts.query else "")


class Language:
    """Sets the language of what is answered, and tells caches that the answer depends on it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Static files are the same for everybody, and kept by browsers for good.
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self.app(scope, receive, send)
            return
        # Not set back afterwards: each request runs in a context of its own, and the page for a fault of ours
        # is made outside of this.
        speak(preferred(Headers(scope=scope)))
        await self.app(scope, receive, _varied(send))


def preferred(headers: Headers) -> str:
    """The language to answer in, one of LANGUAGES."""
    chosen = _chosen(headers.get("cookie", ""))
    return chosen or _accepted(headers.get("accept-language", "")) or ENGLISH


def _chosen(cookies: str) -> str:
    try:
        morsel = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None and morsel.value in LANGUAGES else ""


def _accepted(accept: str) -> str:
    """The known language of the highest quality, the first of equals (RFC 9110, 12.5.4); "" for none.

    Only the primary subtag counts: simplified characters are read by those who prefer traditional ones.
    """
    found = [(quality, name) for name, quality in map(_weighed, accept.split(",")) if name in LANGUAGES]
    return max(found, key=lambda pair: pair[0])[1] if found and max(found)[0] > 0 else ""


def _weighed(entry: str) -> tuple[str, float]:
    tag, _, parameter = entry.partition(";")
    try:
        quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
    except ValueError:
        quality = 0.0
    return tag.strip().lower().partition("-")[0], quality


def _varied(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Accept-Language")
            headers.add_vary_header("Cookie")
        await send(message)

    return wrapped
