"""The lists of the Alerts pages: what fires now, and each rule with the state it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from collector.alerts.outbox import Message
from collector.alerts.rule import Alert, Rule
from collector.alerts.wording import value_text
from dashboards.alert_words import condition
from dashboards.i18n import _

RuleState = Literal["firing", "pending", "ok", "off", "failing"]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule and how it stands. `failing`: it cannot be evaluated, for the reason in `error`."""

    rule: Rule
    state: RuleState
    firing: int
    pending: int
    error: str
    condition: str
    receiver: str


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What became of a test message, in a sentence and a tone ("ok", "err" or "")."""

    text: str
    tone: Literal["ok", "err", ""]


def rule_row(rule: Rule, alerts: Sequence[Alert], error: str) -> RuleRow:
    """A rule with the alerts that are its own picked out of all."""
    states = [alert.state for alert in alerts if alert.rule_id == rule.id]
    firing, pending = states.count("firing"), states.count("pending")
    state = _state(rule, firing, pending, error)
    return RuleRow(rule, state, firing, pending, error, condition(rule), receiver_text(rule.webhook_url))


def _state(rule: Rule, firing: int, pending: int, error: str) -> RuleState:
    if not rule.enabled:
        return "off"
    if error:
        return "failing"
    return "firing" if firing else "pending" if pending else "ok"


def receiver_text(target: str) -> str:
    """A webhook without its secrets: the host alone. "" for none."""
    return urlsplit(target).netloc if target else ""


def values_of(alerts: Sequence[Alert], rules: Mapping[int, Rule]) -> dict[tuple[int, str], tuple[str, str]]:
    """(value, threshold) in words by alert; an alert whose rule was just deleted shows bare numbers."""
    texts = {}
    for alert in alerts:
        rule = rules.get(alert.rule_id)
        texts[alert.rule_id, alert.service] = (
            (value_text(rule.signal, alert.value), f"{rule.op} {value_text(rule.signal, alert.threshold)}")
            if rule
            else (f"{alert.value:g}", f"{alert.threshold:g}")
        )
    return texts


def test_outcome(message: Message | None) -> TestOutcome | None:
    """None if there is no such message (any more)."""
    if message is None or not message.test:
        return None
    if message.status == "delivered":
        return TestOutcome(_("The test message was delivered."), "ok")
    if message.status == "failed":
        return TestOutcome(_("The test message was not delivered: %(reason)s.", reason=message.reason), "err")
    return TestOutcome(_("The test message is on its way. Reload to see what becomes of it."), "")
