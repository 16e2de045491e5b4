"""What a rule would have done: the same state machine, run over what is stored.

A plan says which series to ask for, so that each reading is exact: a bucket is as long as the rule's
window, and several series shifted against each other give readings closer together than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.alerts.rule import Alert, Rule
from collector.alerts.signals import Sample, read_signal
from collector.alerts.state import SECOND_NS, Reading, advance
from collector.storage.base import SeriesPoint, SeriesQuery, Window

MAX_MOMENTS = 360  # evaluations at most: what a chart can show and a page can wait for
_MAX_PHASES = 6
_MIN_STEP_S = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """Which evaluations to repeat, and the queries that give their readings."""

    start_ns: int  # the first evaluation
    end_ns: int  # the last one
    step_ns: int
    width_ns: int  # the rule's window
    queries: tuple[SeriesQuery, ...]
    cut: bool  # the time range holds more than MAX_MOMENTS windows; the latest were taken

    @property
    def moments(self) -> range:
        return range(self.start_ns, self.end_ns + 1, self.step_ns)


@dataclass(frozen=True, slots=True)
class Episode:
    """One time an alert would have fired. `end_ns` is None where it fires at the plan's end."""

    service: str
    start_ns: int
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One function's signal: (evaluation moment, value), moments without data left out."""

    service: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Backtest:
    """The outcome: what the signal was, and when the rule would have fired, by start."""

    plan: Plan
    lines: tuple[Line, ...]
    episodes: tuple[Episode, ...]

    @property
    def fired(self) -> int:
        """How often somebody would have been told."""
        return len(self.episodes)


def plan(rule: Rule, window: Window) -> Plan:
    """How to repeat the rule's evaluations over a window, with the last one at its end.

    Evaluations of a running rule are seconds apart; here they are a sixth of its window apart, or more
    where the range is long. An episode shorter than that can be missed.
    """
    width_ns = rule.window_s * SECOND_NS
    wanted = max(1, -(-(window.end_ns - window.start_ns) // width_ns))
    buckets = min(wanted, MAX_MOMENTS)
    phases = max(1, min(_MAX_PHASES, rule.window_s // _MIN_STEP_S, MAX_MOMENTS // buckets))
    step_ns = -(-width_ns // phases)
    queries = tuple(
        SeriesQuery(
            Window(window.end_ns - shift - buckets * width_ns, window.end_ns - shift),
            rule.service,
            by="service",
            buckets=buckets,
        )
        for shift in range(0, phases * step_ns, step_ns)
    )
    moments = buckets * phases
    start_ns = window.end_ns - (moments - 1) * step_ns
    return Plan(start_ns, window.end_ns, step_ns, width_ns, queries, wanted > MAX_MOMENTS)


def backtest(rule: Rule, plan: Plan, series: Iterable[Sequence[SeriesPoint]]) -> Backtest:
    """Run the rule over the answers to the plan's queries."""
    readings = _readings(rule, plan, series)
    lines = tuple(_line(service, of_service) for service, of_service in sorted(readings.items()))
    episodes = [
        episode
        for service, of_service in readings.items()
        for episode in _episodes(rule, service, plan, of_service)
    ]
    return Backtest(plan, lines, tuple(sorted(episodes, key=lambda e: (e.start_ns, e.service))))


def _readings(
    rule: Rule, plan: Plan, series: Iterable[Sequence[SeriesPoint]]
) -> dict[str, dict[int, Reading]]:
    """By function, then by evaluation moment: the end of the bucket that was read."""
    found: dict[str, dict[int, Reading]] = {}
    for points in series:
        for point in points:
            reading = read_signal(rule, Sample.of_point(point))
            if reading is not None:
                moment_ns = _nearest(plan, point.start_ns + plan.width_ns)
                found.setdefault(point.group, {})[moment_ns] = reading
    return found


def _nearest(plan: Plan, moment_ns: int) -> int:
    """The plan's moment a reading belongs to: steps do not always divide the window to the nanosecond."""
    behind = round((plan.end_ns - moment_ns) / plan.step_ns)
    return plan.end_ns - behind * plan.step_ns


def _line(service: str, readings: Mapping[int, Reading]) -> Line:
    return Line(service, tuple((moment, readings[moment].value) for moment in sorted(readings)))


def _episodes(rule: Rule, service: str, plan: Plan, readings: Mapping[int, Reading]) -> list[Episode]:
    episodes: list[Episode] = []
    alert: Alert | None = None
    for moment_ns in plan.moments:
        alert = advance(rule, service, alert, readings.get(moment_ns), moment_ns)
        if alert is not None and alert.fired_ns == moment_ns:
            episodes.append(Episode(service, moment_ns, None))
        elif alert is not None and alert.resolved_ns == moment_ns:
            episodes[-1] = Episode(service, episodes[-1].start_ns, moment_ns)
    return episodes
