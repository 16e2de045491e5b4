"""The alert store behind a request, and rules in it by id."""

from __future__ import annotations

from typing import cast

from fastapi import Request

from collector.alerts.rule import Rule
from collector.alerts.store import AlertStore
from dashboards.errors import NotFound
from dashboards.i18n import _
from dashboards.ui import ui_of


def store_of(request: Request) -> AlertStore:
    """The store. NotFound where the server runs without alerting."""
    store = ui_of(request).alerts
    if store is None:
        raise NotFound(_("Alerting is off"), _("This server was started without a store for alert rules."))
    return cast(AlertStore, store)


def stored_rule(request: Request, rule_id: int) -> Rule:
    """A rule by id. NotFound with a way on."""
    rule = store_of(request).rule(rule_id)
    if rule is None:
        raise unknown_rule()
    return rule


def unknown_rule() -> NotFound:
    """What to say of a rule that is not there (any more)."""
    return NotFound(
        _("There is no such rule"), _("It may have been deleted. The Alerts page lists the rules there are.")
    )
