"""Looks at every rule every few seconds, and lets the state machine decide what that means."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from collector.alerts.notification import Notification, notification_of
from collector.alerts.rule import Alert, Rule, Transition
from collector.alerts.signals import Sample, read_signal
from collector.alerts.state import Reading, shift_downtime, step
from collector.alerts.store import AlertStore, WatchedRule
from collector.storage.base import FunctionsQuery, FunctionStats, SpanReader, Window

log = logging.getLogger(__name__)

Signals = dict[tuple[int, str], tuple[FunctionStats, ...]]


class Notifier(Protocol):
    """What carries messages out of the store's outbox."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Evaluator:
    """Evaluates the store's rules over what the reader holds. Owns the notifier's start and stop.

    `failures` counts evaluations of a rule that failed; each different reason of a rule is logged once.
    """

    def __init__(
        self,
        reader: SpanReader,
        store: AlertStore,
        notifier: Notifier,
        interval_s: float = 5.0,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._reader = reader
        self._store = store
        self._notifier = notifier
        self._interval_s = interval_s
        self._clock = clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._store_error = ""
        self._resumed: set[int] = set()  # rules evaluated since this process began
        self.failures = 0

    def start(self) -> None:
        self._stopping.clear()
        self._notifier.start()
        self._thread = threading.Thread(target=self._run, name="alert-evaluator", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ends after the evaluation under way; then the notifier stops."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None
        self._notifier.stop()

    def evaluate_once(self, now_ns: int) -> tuple[Transition, ...]:
        """One evaluation of all rules as of `now_ns`; returns what changed. A rule that fails keeps its
        alerts as they were and stops no other."""
        alerts = _by_rule(self._store.alerts())
        signals: Signals = {}  # rules over the same window share one query
        changed: list[Transition] = []
        for watched in self._store.watched():
            changed += self._guarded(watched, alerts.get(watched.rule.id, {}), signals, now_ns)
        return tuple(changed)

    def _guarded(
        self, watched: WatchedRule, alerts: Mapping[str, Alert], signals: Signals, now_ns: int
    ) -> tuple[Transition, ...]:
        try:
            transitions = self._evaluate(watched, alerts, signals, now_ns)
        except Exception as error:  # whatever an engine raises: the next rule may still work
            self._failed(watched, error)
            return ()
        if watched.error:
            self._store.set_error(watched.rule.id, "")
        return transitions

    def _evaluate(
        self, watched: WatchedRule, alerts: Mapping[str, Alert], signals: Signals, now_ns: int
    ) -> tuple[Transition, ...]:
        rule = watched.rule
        readings = self._readings(rule, signals, now_ns) if watched.watch else {}
        # A rule nobody watches any more ends at once what it held.
        asked = rule if watched.watch else replace(rule, keep_firing_for_s=0)
        outcome = step(asked, self._resume(rule.id, alerts, now_ns), readings, now_ns)
        if alerts or outcome.alerts or outcome.transitions:
            message = _message(rule, outcome.alerts, outcome.transitions, now_ns)
            self._store.commit(rule, outcome.alerts, outcome.transitions, message)
        self._resumed.add(rule.id)
        if watched.deleted:
            self._store.purge(rule.id)
        return outcome.transitions

    def _readings(self, rule: Rule, signals: Signals, now_ns: int) -> dict[str, Reading]:
        key = (rule.window_s, rule.service)
        if key not in signals:
            window = Window(now_ns - rule.window_s * 1_000_000_000, now_ns)
            signals[key] = self._reader.functions(FunctionsQuery(window, rule.service, buckets=1))
        readings = {stats.service: read_signal(rule, Sample.of_stats(stats)) for stats in signals[key]}
        return {service: reading for service, reading in readings.items() if reading is not None}

    def _resume(self, rule_id: int, alerts: Mapping[str, Alert], now_ns: int) -> Mapping[str, Alert]:
        """A restart is no time in which the condition held. Slow evaluations are: nothing is shifted then."""
        if rule_id in self._resumed:
            return alerts
        return {service: shift_downtime(alert, now_ns) for service, alert in alerts.items()}

    def _failed(self, watched: WatchedRule, error: Exception) -> None:
        self.failures += 1
        reason = f"{type(error).__name__}: {error}"[:300]
        if reason != watched.error:
            log.warning("alert rule %d could not be evaluated: %s", watched.rule.id, reason)
            self._store.set_error(watched.rule.id, reason)

    def _run(self) -> None:
        pause_s = self._interval_s
        while not self._stopping.wait(pause_s):
            try:
                self.evaluate_once(self._clock())
                pause_s = pause(self._store.watched(), self._interval_s)
                self._store_error = ""
            except Exception as error:  # the store itself; the loop outlives it
                self._store_failed(error)

    def _store_failed(self, error: Exception) -> None:
        self.failures += 1
        if str(error) != self._store_error:
            self._store_error = str(error)
            log.warning("alert rules could not be evaluated: %s", error)


def pause(rules: Iterable[WatchedRule], longest_s: float) -> float:
    """Seconds until the next evaluation: `longest_s`, or less, but at least one, for rules with a short
    `for` or window, which would be seen too late or not at all at the usual pace."""
    needs = [longest_s]
    for watched in rules:
        if watched.watch:
            needs += [watched.rule.window_s / 4, watched.rule.for_s or longest_s]
    return max(min(needs), min(1.0, longest_s))


def _by_rule(alerts: tuple[Alert, ...]) -> dict[int, dict[str, Alert]]:
    grouped: dict[int, dict[str, Alert]] = {}
    for alert in alerts:
        grouped.setdefault(alert.rule_id, {})[alert.service] = alert
    return grouped


def _message(
    rule: Rule, alerts: Mapping[str, Alert], transitions: tuple[Transition, ...], now_ns: int
) -> Notification | None:
    """What is to be told now: nothing unless an alert began to fire or ended."""
    news = any(transition.state in ("firing", "resolved") for transition in transitions)
    return notification_of(rule, alerts.values(), now_ns) if news and rule.webhook_url else None
