"""What went wrong, as pages (and as JSON under /api and *.json): the one place that maps errors to HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from collector.storage.base import InvalidQuery, RetryLater, Unsupported
from dashboards.i18n import N_, _
from dashboards.middleware import SECURITY_HEADERS
from dashboards.render import range_of, render
from dashboards.timerange import TimeRange
from dashboards.ui import ui_of


class NotFound(Exception):
    """Something asked for by name is not there. `advice` says what to do next."""

    def __init__(self, title: str, advice: str) -> None:
        super().__init__(title)
        self.title, self.advice = title, advice


def install(app: FastAPI) -> None:
    """Register the handlers below."""
    app.add_exception_handler(InvalidQuery, _handler(400, N_("That address cannot be read")))
    app.add_exception_handler(RequestValidationError, _handler(400, N_("That address cannot be read")))
    app.add_exception_handler(Unsupported, _handler(501, N_("This store does not answer that")))
    app.add_exception_handler(RetryLater, _handler(503, N_("The store is busy")))
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def _handler(status: int, title: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return _answer(request, status, _(title), _sentence(error))

    return handle


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotFound)
    return _answer(request, 404, error.title, error.advice)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _answer(request, 404, _("There is no such page"), _("The address may be old, or mistyped."))
    return _answer(request, error.status_code, str(error.detail), "")


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours: the server logs it; the page says so without giving anything of it away."""
    answer = _answer(
        request, 500, _("Something broke here"), _("The server's log says what. Other pages still work.")
    )
    # This handler runs outside of the middleware that adds them everywhere else.
    answer.headers.update(SECURITY_HEADERS)
    return answer


def _sentence(error: Exception) -> str:
    if isinstance(error, RequestValidationError):
        return "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _answer(request: Request, status: int, title: str, advice: str) -> Response:
    path = request.url.path
    if path.startswith("/api/") or path.endswith(".json"):
        return JSONResponse({"error": advice or title}, status)
    return render(
        request, "error.html", status_code=status, time_range=_safe_range(request), title=title, advice=advice
    )


def _safe_range(request: Request) -> TimeRange:
    """The error may be about the range itself: show the default then."""
    try:
        return range_of(request)
    except InvalidQuery:
        return TimeRange.default(ui_of(request).settings.now_ns())
