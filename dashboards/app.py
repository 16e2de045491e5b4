"""Composition of the dashboards: pages, errors, static files and the guard before them."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.middleware.gzip import GZipMiddleware

from collector.storage.base import SpanReader
from dashboards import errors
from dashboards.assets import Assets
from dashboards.middleware import Guard
from dashboards.pages import PAGES
from dashboards.render import environment
from dashboards.settings import UiSettings
from dashboards.ui import AlertStore, Ui


def build_app(
    reader: SpanReader, alerts: AlertStore | None = None, settings: UiSettings | None = None
) -> FastAPI:
    """The UI as an ASGI application. Without `alerts` its pages say that alerting is off."""
    settings = settings or UiSettings()
    # FastAPI's own documentation pages load scripts from elsewhere; the UI never does.
    app = FastAPI(title="tracekit", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.ui = Ui(reader, alerts, settings, PAGES, environment())
    app.add_api_route("/", _home, methods=["GET"], include_in_schema=False)
    for page in PAGES:
        app.include_router(page.router)
    app.mount("/static", Assets(), name="static")
    errors.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Guard, allowed_hosts=settings.allowed_hosts)
    return app


def _home() -> RedirectResponse:
    return RedirectResponse("/functions", 307)
