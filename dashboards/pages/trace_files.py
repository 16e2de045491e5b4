"""A trace as a file: downloads, and the page that shows a file without storing it."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from collector import export
from dashboards.assets import FOLDER
from dashboards.colours import told_apart
from dashboards.format import iso
from dashboards.i18n import _
from dashboards.openedfiles import opened_files
from dashboards.palette import classes_for
from dashboards.render import render, url
from dashboards.spandetail import span_detail
from dashboards.tracefile import Unreadable, read_file
from dashboards.traceread import read_trace
from dashboards.ui import ui_of
from dashboards.waterfall import Waterfall, lay_out

router = APIRouter()

MAX_FILE_BYTES = 64 * 2**20
# Traces of one file that are kept and listed, those with most spans first.
MAX_TRACES = 20
# Rows drawn in a downloaded page. All spans are in the data it carries.
PAGE_ROWS = 2_000


@router.get("/api/traces/{trace_id}.json")
def download_json(request: Request, trace_id: str) -> Response:
    """All spans as OTLP JSON, which any OpenTelemetry backend takes."""
    waterfall = read_trace(request, trace_id)
    return _attached(
        export.to_json(_otlp(request, waterfall)), "application/json", f"trace-{waterfall.trace_id}.json"
    )


@router.get("/api/traces/{trace_id}.html")
def download_page(request: Request, trace_id: str) -> Response:
    """The trace as one page that needs no server and no script, and that carries the OTLP JSON."""
    waterfall = read_trace(request, trace_id)
    shown = min(len(waterfall.rows), PAGE_ROWS)
    services = [service for service, _ in waterfall.services]
    page = render(
        request,
        "trace_bundle.html",
        waterfall=waterfall,
        details=[span_detail(waterfall, index) for index in range(shown)],
        rows=waterfall.rows[:shown],
        colours=told_apart(classes_for(request, services), services),
        otlp=export.document(_otlp(request, waterfall)),
        started=iso(waterfall.start_ns),
        tokens=Markup((FOLDER / "css" / "tokens.css").read_text()),
    )
    return _attached(page.body, "text/html", f"trace-{waterfall.trace_id}.html")


@router.get("/traces/open")
def choose(request: Request) -> Response:
    """The form."""
    return render(request, "trace_open.html", problem="", opened=[], left_out=0, live="")


@router.post("/traces/open")
async def opened(request: Request) -> Response:
    """Shows the trace of the file sent in the field `file`; of several, a list."""
    content = await _file(request)
    try:
        traces = await run_in_threadpool(read_file, content, ui_of(request).settings.now_ns())
    except Unreadable as error:
        problem = _("This file cannot be read: %(error)s.", error=error)
        return render(
            request, "trace_open.html", status_code=400, problem=problem, opened=[], left_out=0, live=""
        )
    laid_out = [await run_in_threadpool(lay_out, spans) for spans in traces[:MAX_TRACES]]
    names = [opened_files(request).put(waterfall) for waterfall in laid_out]
    if len(names) == 1:
        return RedirectResponse(url(request, f"/traces/{names[0]}"), 303)
    left_out = len(traces) - len(names)
    shown = list(zip(names, laid_out))
    return render(request, "trace_open.html", problem="", opened=shown, left_out=left_out, live="")


async def _file(request: Request) -> bytes:
    """The file of a multipart form. The form's length is checked before any of it is read."""
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdecimal()):
        raise HTTPException(411, "the length of the file must be told beforehand")
    if int(length) > MAX_FILE_BYTES:
        raise HTTPException(413, f"the file is larger than {MAX_FILE_BYTES // 2**20} MiB")
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise HTTPException(400, "no file was sent")
        return await file.read()


def _otlp(request: Request, waterfall: Waterfall) -> TracesData:
    return export.traces((row.span for row in waterfall.rows), ui_of(request).origins)


def _attached(body: str | bytes | memoryview, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(bytes(body) if isinstance(body, memoryview) else body, 200, headers, media_type)
