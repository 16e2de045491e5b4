"""What is said about a rule's alerts, before any receiver's format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from collector.alerts.rule import Alert, Rule, Signal
from collector.alerts.wording import condition_text, summary_text


@dataclass(frozen=True, slots=True)
class AlertNote:
    """One alert in a message. `resolved_ns` is 0 while it fires."""

    service: str
    summary: str
    value: float
    threshold: float
    fired_ns: int
    resolved_ns: int


@dataclass(frozen=True, slots=True)
class Notification:
    """All alerts of one rule that fire, or were resolved lately, at one moment."""

    rule_id: int
    rule_name: str
    signal: Signal
    condition: str
    at_ns: int
    alerts: tuple[AlertNote, ...]
    test: bool = False  # sent by hand to see whether the receiver is reached

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """Firing as long as one alert fires."""
        return "resolved" if all(alert.resolved_ns for alert in self.alerts) else "firing"

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Notification:
        fields: dict[str, Any] = json.loads(text)
        notes = tuple(AlertNote(**note) for note in fields.pop("alerts"))
        return cls(alerts=notes, **fields)


def notification_of(rule: Rule, alerts: Iterable[Alert], now_ns: int) -> Notification:
    """The message a rule's alerts make. Pending ones are nobody's business yet."""
    notes = tuple(_note(rule, alert) for alert in alerts if alert.state != "pending")
    return Notification(rule.id, rule.name, rule.signal, condition_text(rule), now_ns, notes)


def sample_notification(rule: Rule, now_ns: int) -> Notification:
    """A message that says it is a test, shaped like the rule's real ones."""
    service = rule.service or "example-function"
    summary = f"Test message of the rule {rule.name!r}: no alert fires"
    note = AlertNote(service, summary, rule.threshold, rule.threshold, now_ns, 0)
    return Notification(rule.id, rule.name, rule.signal, condition_text(rule), now_ns, (note,), test=True)


def _note(rule: Rule, alert: Alert) -> AlertNote:
    summary = summary_text(rule, alert.service, alert.value)
    return AlertNote(alert.service, summary, alert.value, rule.threshold, alert.fired_ns, alert.resolved_ns)
