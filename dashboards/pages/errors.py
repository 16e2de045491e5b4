"""Errors: failures grouped by the place in the code they come from, and what people decided about them."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from collector.analysis.exceptions import errors_of
from collector.analysis.stacktrace import parse
from collector.storage.base import ErrorsQuery, ErrorVariant, SpanReader
from dashboards.charts.timeseries import Line, bar_chart
from dashboards.errorlist import earlier, listed, row, shown
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.palette import classes_for
from dashboards.params import choice, text, whole
from dashboards.payload import LOCALS, frame_locals
from dashboards.render import range_of, render, url
from dashboards.request_body import form_fields
from dashboards.ui import ui_of

router = APIRouter()

Fields = Annotated[dict[str, str], Depends(form_fields)]
SORTS = ("count", "latest", "first")
SHOWS = ("open", "resolved", "ignored", "all")
BUCKETS = 60
PAGE, MOST = 50, 1_000
EXAMPLES = 10
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@router.get("/errors")
def errors(request: Request) -> HTMLResponse:
    """The errors of the range; new ones and those that came back are marked."""
    params, ui, window = request.query_params, ui_of(request), range_of(request).window
    service = text(params, "service")
    state = choice(params, "show", SHOWS, "open")
    sort = choice(params, "sort", SORTS, "count")
    limit = whole(params, "limit", PAGE, 1, MOST)
    everything = listed(ui, window, service)
    chosen = shown(everything, state, sort)
    return render(
        request,
        "errors.html",
        rows=chosen[:limit],
        next_limit=min(limit * 4, MOST) if limit < min(len(chosen), MOST) else 0,
        found=len(chosen),
        others=len(everything) - len(chosen),
        service=service,
        services=ui.reader.services(window),
        state=state,
        sort=sort,
        colours=classes_for(request, (row.error.service for row in everything)),
        stats=None if chosen else ui.reader.stats(),
    )


@router.get("/errors/{fingerprint}")
def error(request: Request, fingerprint: str) -> HTMLResponse:
    """One error: when, in which versions, its stack trace, examples. 404 where the range has none of it."""
    ui, window = ui_of(request), range_of(request).window
    found = errors_of(ui.reader.errors(ErrorsQuery(window, buckets=BUCKETS)))
    this = next((error for error in found if error.fingerprint == fingerprint), None)
    if this is None:
        raise _absent(fingerprint)
    decision = ui.triage.decisions().get(fingerprint) if ui.triage else None
    line = Line(_("Failures"), "c-err", this.counts_by_bucket)
    return render(
        request,
        "error_one.html",
        row=row(this, decision, earlier(ui.reader, window, this.service)),
        error=this,
        decision=decision,
        chart=bar_chart(_("Failures"), window, [line]),
        stack=parse(this.example.stacktrace),
        frames=_variables(ui.reader, this.example),
        examples=this.variants[:EXAMPLES],
        can_decide=ui.triage is not None,
        colours=classes_for(request, [this.service]),
    )


def _variables(reader: SpanReader, example: ErrorVariant) -> list[dict[str, str]]:
    """What the variables of its frames were, if the sender kept them; the innermost frame first."""
    trace = reader.trace(example.example_trace_id)
    spans = (span for span in trace if span.span_id == example.example_span_id)
    raised = [event for span in spans for event in span.events if event.name == "exception"]
    return frame_locals(raised[-1].attributes.get(LOCALS))[::-1] if raised else []


@router.post("/errors/{fingerprint}/state")
def decide(request: Request, fingerprint: str, fields: Fields) -> RedirectResponse:
    """`state=resolved`, `ignored`, or `open` to take the decision back."""
    triage, state = ui_of(request).triage, choice(fields, "state", SHOWS[:3], "open")
    if triage is None or not _FINGERPRINT.fullmatch(fingerprint):
        raise _absent(fingerprint)
    if state == "open":
        triage.reopen(fingerprint)
    else:
        triage.decide(fingerprint, "resolved" if state == "resolved" else "ignored")
    return RedirectResponse(url(request, f"/errors/{fingerprint}"), 303)


def _absent(fingerprint: str) -> NotFound:
    return NotFound(
        _("No error %(fingerprint)s in this range", fingerprint=repr(fingerprint[:40])),
        _("It may have happened earlier: widen the range. The Errors page lists what there is."),
    )
