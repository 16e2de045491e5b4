"""SQL: one SELECT over the documented views, as a table, a chart and a file; queries that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from collector.sqlchild import SqlFailed, SqlRunner, Table
from collector.sqlchild.views import VIEWS
from dashboards.csvfile import csv_response
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.params import whole
from dashboards.render import range_of, render, url
from dashboards.request_body import form_fields
from dashboards.sqlchart import Bars, chart_of
from dashboards.sqlexamples import EXAMPLES
from dashboards.sqlkeys import keys_by_column
from dashboards.ui import SavedQueries, ui_of

router = APIRouter()

T = TypeVar("T")
Fields = Annotated[dict[str, str], Depends(form_fields)]
# Rows of a result on the page; files have all that were read.
SHOWN = 500
LONGEST_CELL = 300
_LARGEST_ID = 10**9
# How often it is looked whether whoever asked is still there.
_LOOK_S = 0.25


class Left(Exception):
    """Whoever asked has gone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The query that the address names, by its text or by the id it was saved under."""

    sql: str
    saved: int
    name: str


@router.get("/sql")
async def sql(request: Request) -> Response:
    """The editor, and the result if there is a query. Leaving the page ends the query."""
    runner, asked = runner_of(request), await _asked(request)
    table, failed = None, None
    if asked.sql:
        try:
            table = await _run(request, runner, asked)
        except SqlFailed as error:
            failed = error
        except Left:
            return Response(status_code=499)
    return await asyncio.to_thread(_page, request, asked, table, failed)


@router.get("/api/sql.csv")
async def as_csv(request: Request) -> Response:
    """The result as CSV."""
    table = await _table(request)
    return csv_response("result", [column.name for column in table.columns], table.rows)


@router.get("/api/sql.json")
async def as_json(request: Request) -> Response:
    """The result as JSON: columns with types, rows as lists."""
    table = await _table(request)
    return JSONResponse(
        {
            "columns": [{"name": column.name, "type": column.type} for column in table.columns],
            "rows": table.rows,
            "truncated": table.truncated,
            "elapsed_ms": round(table.elapsed_ms, 1),
            "snapshot_ns": table.snapshot_ns,
            "read_from_ns": table.read_from_ns,
        }
    )


@router.post("/sql/saved")
def save(request: Request, fields: Fields) -> Response:
    """Keep `query` as `name`, in the place of the one with the id `saved` if that is given."""
    runner_of(request)
    id = whole(fields, "saved", 0, 0, _LARGEST_ID)
    query = fields.get("query", "").replace("\r\n", "\n")
    try:
        kept = saved_of(request).save(fields.get("name", ""), query, id or None)
    except SqlFailed as error:
        return _page(request, Asked(query, id, fields.get("name", "")), None, error)
    return RedirectResponse(url(request, "/sql", saved=kept), 303)


@router.post("/sql/saved/{id}/delete")
def delete(request: Request, id: int) -> Response:
    """Forget a saved query."""
    saved_of(request).delete(id)
    return RedirectResponse(url(request, "/sql"), 303)


def runner_of(request: Request) -> SqlRunner:
    """The runner. NotFound where SQL is off."""
    runner = ui_of(request).sql
    if runner is None:
        raise NotFound(
            _("SQL is off here"),
            _(
                "It is on by itself where the dashboards are on a loopback address; TRACEKIT_SQL=on turns it "
                "on for everyone who reaches them."
            ),
        )
    return runner


def saved_of(request: Request) -> SavedQueries:
    """The saved queries. NotFound where none can be kept."""
    saved = ui_of(request).saved
    if saved is None:
        raise NotFound(
            _("No queries can be saved here"), _("The server was started without a place for them.")
        )
    return saved


async def _asked(request: Request) -> Asked:
    params = request.query_params
    id, query = whole(params, "saved", 0, 0, _LARGEST_ID), params.get("query", "").replace("\r\n", "\n")
    saved = ui_of(request).saved
    kept = await asyncio.to_thread(saved.one, id) if id and saved else None
    if id and kept is None and not query:
        raise NotFound(_("There is no such saved query"), _("Somebody may have deleted it."))
    return Asked(query or (kept.sql if kept else ""), kept.id if kept else 0, kept.name if kept else "")


async def _table(request: Request) -> Table:
    runner, asked = runner_of(request), await _asked(request)
    try:
        return await _run(request, runner, asked)
    except SqlFailed as error:
        raise HTTPException(400, f"{error} {error.advice}".strip()) from error
    except Left:
        raise HTTPException(499, "nobody waits for the result") from None


async def _run(request: Request, runner: SqlRunner, asked: Asked) -> Table:
    return await _while_waited_for(request, runner.run(asked.sql, {}, range_of(request).window))


async def _while_waited_for(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Its result; it is cancelled, and Left raised, when whoever asked closes the connection."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait([task], timeout=_LOOK_S))[0]:
            if await request.is_disconnected():
                raise Left
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])


def _page(request: Request, asked: Asked, table: Table | None, failed: SqlFailed | None) -> Response:
    ui = ui_of(request)
    chart = chart_of(table) if table else None
    downloads: Mapping[str, Any] = {"saved": asked.saved} if asked.saved else {"query": asked.sql}
    return render(
        request,
        "sql.html",
        status_code=400 if failed else 200,
        asked=asked,
        table=table,
        shown=SHOWN,
        longest=LONGEST_CELL,
        failed=failed,
        bars=chart if isinstance(chart, Bars) else None,
        chart=None if isinstance(chart, Bars) else chart,
        downloads=downloads,
        views=VIEWS.values(),
        keys=keys_by_column(ui.reader),
        saved=ui.saved.all() if ui.saved else (),
        can_save=ui.saved is not None,
        examples=EXAMPLES,
    )
