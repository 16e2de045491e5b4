"""The life of an alert: Prometheus' state machine as one pure step from an evaluation to the next.

inactive -> pending at the first evaluation whose condition holds -> firing at the evaluation where
now - active_since >= `for` -> held by `keep_firing_for` after the condition ends -> resolved. A pending
alert whose condition ends, or whose series disappears, is dropped (source: prometheus, rules/alerting.go;
tests/collector/alerts/test_state.py asks promtool where it is installed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collector.alerts.rule import Alert, Rule, Transition

SECOND_NS = 1_000_000_000

# Prometheus keeps a resolved alert for 15 minutes so that it accompanies what is sent in the meantime.
RESOLVED_RETENTION_NS = 15 * 60 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule's signal was at an evaluation, and whether its condition holds. No data is no reading."""

    value: float
    holds: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A rule after one evaluation: what it knows of each function, and what changed."""

    alerts: dict[str, Alert]  # by service; recently resolved ones included
    transitions: tuple[Transition, ...]


def step(rule: Rule, alerts: Mapping[str, Alert], readings: Mapping[str, Reading], now_ns: int) -> Step:
    """One evaluation of one rule: `alerts` as the evaluation before left them, `readings` as of now."""
    after: dict[str, Alert] = {}
    transitions: list[Transition] = []
    for service in sorted(alerts.keys() | readings.keys()):
        alert = advance(rule, service, alerts.get(service), readings.get(service), now_ns)
        if alert is not None:
            after[service] = alert
        transitions += _changes(rule, service, alerts.get(service), alert, now_ns)
    return Step(after, tuple(transitions))


def advance(
    rule: Rule, service: str, before: Alert | None, reading: Reading | None, now_ns: int
) -> Alert | None:
    """What an alert becomes at an evaluation; None where there is nothing (any more) to remember."""
    active = before if before is not None and before.state != "resolved" else None
    if reading is not None and reading.holds:
        alert = active or _pending(rule, service, now_ns)
        return _fire_when_due(rule, _described(rule, alert, reading, now_ns), now_ns)
    if active is None:
        return _remembered(before, now_ns)
    return _ended(rule, _described(rule, active, reading, now_ns), now_ns)


def shift_downtime(alert: Alert, now_ns: int) -> Alert:
    """A pending alert does not grow older while nobody evaluates it (Prometheus does so on a restart)."""
    if alert.state != "pending" or not alert.evaluated_ns:
        return alert
    gap_ns = max(0, now_ns - alert.evaluated_ns)
    return replace(alert, active_since_ns=alert.active_since_ns + gap_ns)


def _pending(rule: Rule, service: str, now_ns: int) -> Alert:
    return Alert(rule.id, rule.name, service, "pending", 0.0, rule.threshold, active_since_ns=now_ns)


def _described(rule: Rule, alert: Alert, reading: Reading | None, now_ns: int) -> Alert:
    """The alert with what the rule and the signal say now: a rule may be renamed while its alert fires."""
    value = alert.value if reading is None else reading.value
    return replace(alert, rule_name=rule.name, threshold=rule.threshold, value=value, evaluated_ns=now_ns)


def _fire_when_due(rule: Rule, alert: Alert, now_ns: int) -> Alert:
    alert = replace(alert, keep_firing_since_ns=0)
    if alert.state == "pending" and now_ns - alert.active_since_ns >= rule.for_s * SECOND_NS:
        return replace(alert, state="firing", fired_ns=now_ns)
    return alert


def _ended(rule: Rule, alert: Alert, now_ns: int) -> Alert | None:
    if alert.state == "pending":
        return None
    since_ns = alert.keep_firing_since_ns or now_ns
    if now_ns - since_ns < rule.keep_firing_for_s * SECOND_NS:
        return replace(alert, keep_firing_since_ns=since_ns)
    return replace(alert, state="resolved", resolved_ns=now_ns)


def _remembered(resolved: Alert | None, now_ns: int) -> Alert | None:
    if resolved is None or now_ns - resolved.resolved_ns > RESOLVED_RETENTION_NS:
        return None
    return resolved


def _changes(
    rule: Rule, service: str, before: Alert | None, after: Alert | None, now_ns: int
) -> list[Transition]:
    was = before.state if before is not None else "inactive"
    became = after.state if after is not None else "inactive"
    known = after or before
    if (was == became and not _replaced(before, after)) or known is None:
        return []
    if was == "resolved" and became == "inactive":
        return []  # forgotten, which is no news
    return [Transition(now_ns, rule.id, rule.name, service, became, known.value)]


def _replaced(before: Alert | None, after: Alert | None) -> bool:
    """Whether this is another alert of the same identity, not the same one going on."""
    return before is not None and after is not None and before.active_since_ns != after.active_since_ns
