"""Alerts: what fires, the rules behind it, and one rule as a sentence to edit."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from collector.alerts.notification import sample_notification
from collector.alerts.outbox import Message
from collector.alerts.rule import SIGNALS, Rule
from collector.alerts.store import AlertStore, UnknownRule
from collector.alerts.validation import InvalidRule
from collector.alerts.wording import value_text
from dashboards.alert_form import (
    FORS_S,
    KEEPS_S,
    WINDOWS_S,
    RuleForm,
    choices,
    form_of,
    new_form,
    read_form,
    units,
)
from dashboards.alert_list import rule_row, test_outcome, values_of
from dashboards.alert_preview import Preview, preview, run, shown_services
from dashboards.alert_store import store_of, stored_rule, unknown_rule
from dashboards.alert_words import delivery, signal_title
from dashboards.i18n import N_, _
from dashboards.pages import alert_rules_api
from dashboards.palette import classes_for
from dashboards.params import choice, whole
from dashboards.render import range_of, render, url
from dashboards.request_body import form_fields
from dashboards.ui import ui_of

router = APIRouter()
router.include_router(alert_rules_api.router)

Fields = Annotated[dict[str, str], Depends(form_fields)]

OP_CHOICES = ((">", N_("above")), (">=", N_("at least")), ("<", N_("below")), ("<=", N_("at most")))
HISTORY_SHOWN, HISTORY_MOST = 20, 1000
RESOLVED_SHOWN = 5  # the others stand in the history
TEST_WAIT_S = 3.0  # how long the page waits to say at once what became of a test message


@router.get("/alerts")
def alerts(request: Request) -> Response:
    """What fires, is pending or was resolved lately; every rule; the latest changes."""
    if ui_of(request).alerts is None:
        return render(request, "alerts_off.html")
    store = store_of(request)
    current, rules, errors = store.alerts(), store.rules(), store.errors()
    faded = [alert for alert in current if alert.state == "resolved"][RESOLVED_SHOWN:]
    by_id = {rule.id: rule for rule in rules}
    limit = whole(request.query_params, "history", HISTORY_SHOWN, 1, HISTORY_MOST)
    every_change = choice(request.query_params, "changes", ("", "all"), "") == "all"
    history = store.history(limit + 1, only_told=not every_change)
    return render(
        request,
        "alerts.html",
        alerts=[alert for alert in current if alert not in faded],
        faded=len(faded),
        values=values_of(current, by_id),
        rules=[rule_row(rule, current, errors.get(rule.id, "")) for rule in rules],
        by_id=by_id,
        history=history[:limit],
        every_change=every_change,
        more_history=len(history) > limit and limit < HISTORY_MOST,
        value_text=value_text,
        delivery_text=delivery,
        colours=classes_for(request, [*(a.service for a in current), *(t.service for t in history)]),
    )


@router.get("/alerts/new")
def new(request: Request) -> Response:
    """The form for a new rule, started from the link's parameters."""
    store_of(request)
    return _editor(request, new_form(request.query_params), None)


@router.post("/alerts/new")
def create(request: Request, fields: Fields) -> Response:
    """Store a new rule, or show what is wrong with it; `action=preview` only shows what it would do."""
    return _save(request, fields, None)


@router.post("/alerts/preview")
def preview_part(request: Request, fields: Fields) -> Response:
    """The preview alone, for the script that refreshes it while a rule is being written."""
    form = RuleForm(fields)
    return render(request, "alerts_preview.html", preview=_preview(request, form), form=form)


@router.get("/alerts/{rule_id}")
def rule(request: Request, rule_id: int) -> Response:
    """One rule: how it stands, what it would have done, the sentence to edit, its history."""
    found = stored_rule(request, rule_id)
    return _editor(request, form_of(found), found)


@router.post("/alerts/{rule_id}")
def save(request: Request, rule_id: int, fields: Fields) -> Response:
    """Replace a rule, or show what is wrong with it."""
    return _save(request, fields, stored_rule(request, rule_id))


@router.post("/alerts/{rule_id}/enabled")
def switch(request: Request, rule_id: int, fields: Fields) -> Response:
    """Switch a rule on (`enabled=on`) or off."""
    found = stored_rule(request, rule_id)
    store_of(request).save(replace(found, enabled=fields.get("enabled") == "on"))
    return _to(request, f"/alerts/{rule_id}" if fields.get("back") == "rule" else "/alerts")


@router.post("/alerts/{rule_id}/delete")
def delete(request: Request, rule_id: int) -> Response:
    """Delete a rule. Its firing alerts are resolved and told at the next evaluation."""
    stored_rule(request, rule_id)
    store_of(request).delete(rule_id)
    return _to(request, "/alerts")


@router.post("/alerts/{rule_id}/test")
def send_test(request: Request, rule_id: int) -> Response:
    """Send a message that says it is a test, and wait a moment for what becomes of it."""
    found, store = stored_rule(request, rule_id), store_of(request)
    if not found.webhook_url:
        return _to(request, f"/alerts/{rule_id}")
    message_id = store.outbox.add(
        found.webhook_url, sample_notification(found, ui_of(request).settings.now_ns())
    )
    _awaited(store, message_id)
    return _to(request, f"/alerts/{rule_id}", sent=message_id)


def _save(request: Request, fields: dict[str, str], stored: Rule | None) -> Response:
    form = RuleForm(fields)
    if fields.get("action") == "preview":
        return _editor(request, form, stored)
    try:
        saved = store_of(request).save(read_form(fields, store_of(request).policy, stored))
    except InvalidRule as error:
        return _editor(request, form.with_problems(error.problems), stored, 422)
    except UnknownRule:
        raise unknown_rule() from None
    return _to(request, f"/alerts/{saved.id}", saved="yes")


def _editor(request: Request, form: RuleForm, stored: Rule | None, status_code: int = 200) -> Response:
    shown = _preview(request, form)
    return render(
        request,
        "alerts_rule.html",
        status_code=status_code,
        form=form,
        rule=stored,
        preview=shown,
        signal_choices=_signal_choices(),
        op_choices=[(op, _(title)) for op, title in OP_CHOICES],
        services=ui_of(request).reader.services(range_of(request).window),
        windows=choices(WINDOWS_S, form.seconds("window_s")),
        fors=choices(FORS_S, form.seconds("for_s"), zero=_("an instant")),
        keeps=choices(KEEPS_S, form.seconds("keep_firing_for_s"), zero=_("at once")),
        units=units(),
        **_standing(request, stored),
    )


def _signal_choices() -> list[tuple[str, str]]:
    """Titles as they stand within the sentence."""
    titles = ((info, signal_title(info.signal)) for info in SIGNALS)
    return [(info.signal, title.lower() if info.unit == "ratio" else title) for info, title in titles]


def _standing(request: Request, stored: Rule | None) -> dict[str, Any]:
    """How a stored rule stands: its alerts, its history, its latest message."""
    if stored is None:
        return {"row": None, "alerts": (), "values": {}, "history": (), "outcome": None, "colours": {}}
    store = store_of(request)
    mine = [alert for alert in store.alerts() if alert.rule_id == stored.id]
    sent = whole(request.query_params, "sent", 0, 0, 10**12)
    message = store.outbox.message(sent) if sent else None
    history = store.history(HISTORY_SHOWN, stored.id)
    return {
        "row": rule_row(stored, mine, store.errors().get(stored.id, "")),
        "alerts": mine,
        "values": values_of(mine, {stored.id: stored}),
        "history": history,
        "value_text": value_text,
        "delivery_text": delivery,
        "outcome": test_outcome(message if message and message.rule_id == stored.id else None),
        "colours": classes_for(request, [*(a.service for a in mine), *(t.service for t in history)]),
    }


def _preview(request: Request, form: RuleForm) -> Preview | None:
    """What the rule would have done in the page's range; None while the sentence is not complete."""
    try:
        rule = read_form({**form.values, "name": "preview", "webhook_url": ""}, store_of(request).policy)
    except InvalidRule:
        return None
    result = run(ui_of(request).reader, rule, range_of(request).window)
    return preview(rule, result, classes_for(request, shown_services(result)))


def _awaited(store: AlertStore, message_id: int) -> Message | None:
    deadline = time.monotonic() + TEST_WAIT_S
    while True:
        message = store.outbox.message(message_id)
        if message is None or message.status != "waiting" or time.monotonic() > deadline:
            return message
        time.sleep(0.05)


def _to(request: Request, path: str, **changes: object) -> Response:
    """Post, redirect, get: reloading the page sends nothing again."""
    dropped = dict.fromkeys(("saved", "sent", "signal", "service", "threshold", "history"))
    return RedirectResponse(url(request, path, **{**dropped, **changes}), 303)
