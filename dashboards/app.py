"""Composition of the dashboards: pages, errors, static files and the guard before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from collector.sqlchild import SqlRunner
from collector.storage.base import OriginReader, SpanReader
from collector.storage.logs import LogReader
from collector.storage.metrics import MetricReader
from dashboards import errors, language
from dashboards.assets import Assets
from dashboards.middleware import Guard
from dashboards.pages import PAGES, palette, tables
from dashboards.render import environment
from dashboards.settings import UiSettings
from dashboards.timing import ServerTiming, timed
from dashboards.ui import AlertStore, SavedQueries, SavedViews, TriageStore, Ui, ui_of

YOUNG_NS = 15 * 60 * 1_000_000_000


def build_app(
    reader: SpanReader,
    alerts: AlertStore | None = None,
    settings: UiSettings | None = None,
    triage: TriageStore | None = None,
    status: Callable[[], Mapping[str, Any]] | None = None,
    operations: Mapping[str, ASGIApp] | None = None,
    logs: LogReader | None = None,
    sql: SqlRunner | None = None,
    saved: SavedQueries | None = None,
    metrics: MetricReader | None = None,
    views: SavedViews | None = None,
    origins: OriginReader | None = None,
) -> FastAPI:
    """The UI as an ASGI application. What is not given has no page, or one that says that it is off: rules of
    `alerts`, decisions in `triage`, `status`, `logs`, `sql` and its `saved` queries, `metrics`, saved
    `views`. With `origins`, files of traces tell in full what sent them. `operations` (health, numbers) are
    answered by path, behind the same guard."""
    settings = settings or UiSettings()
    # FastAPI's own documentation pages load scripts from elsewhere; the UI never does.
    app = FastAPI(title="tracekit", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.ui = Ui(
        timed(reader),
        alerts,
        settings,
        PAGES,
        environment(),
        triage,
        status,
        timed(logs) if logs else None,
        timed(sql) if sql else None,
        saved,
        timed(metrics) if metrics else None,
        views,
        origins,
    )
    app.add_api_route("/", _home, methods=["GET"], include_in_schema=False)
    for page in PAGES:
        app.include_router(page.router)
    app.include_router(tables.router)
    app.include_router(palette.router)
    app.include_router(language.router)
    for path, operation in (operations or {}).items():
        app.router.routes.append(Route(path, operation, methods=["GET"]))
    app.mount("/static", Assets(), name="static")
    errors.install(app)
    app.add_middleware(language.Language)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(ServerTiming)
    app.add_middleware(Guard, allowed_hosts=settings.allowed_hosts)
    return app


def _home(request: Request) -> RedirectResponse:
    """The overview; how to begin, before anything has arrived. Over a store younger than a quarter of an hour
    the usual hour would be mostly blank, so the first minutes are shown closer, and live."""
    ui = ui_of(request)
    state = dict(request.query_params)
    first_ns = ui.reader.first_ns()
    if not first_ns:
        return RedirectResponse("/start", 307)
    if "from" not in state and ui.settings.now_ns() - first_ns < YOUNG_NS:
        state = {"from": "now-15m", "to": "now", "live": "5s", **state}
    return RedirectResponse("/overview" + (f"?{urlencode(state)}" if state else ""), 307)
