"""A rule over recent calls: its signal drawn against the threshold, and how often it would have fired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.alerts.backtest import Backtest, Episode, Plan, backtest, plan
from collector.alerts.backtest import Line as SignalLine
from collector.alerts.rule import Rule, signal_info
from collector.alerts.wording import value_text
from collector.storage.base import SpanReader, Window
from dashboards.alert_words import signal_title
from dashboards.charts.timeseries import Line, TimeChart, line_chart

MOST_LINES = 8  # as many as there are colours


@dataclass(frozen=True, slots=True)
class Strip:
    """When one function would have fired: (left, width) in percent of the chart, a minimum width kept."""

    service: str
    bars: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What the page shows of a backtest."""

    result: Backtest
    chart: TimeChart
    strips: tuple[Strip, ...]
    functions: int  # with data, those that are not drawn included
    window: Window

    @property
    def fired(self) -> int:
        return self.result.fired

    @property
    def step_s(self) -> float:
        """How far apart the repeated evaluations are."""
        return self.result.plan.step_ns / 1e9


def run(reader: SpanReader, rule: Rule, window: Window) -> Backtest:
    """Repeat the rule over what is stored."""
    wanted = plan(rule, window)
    return backtest(rule, wanted, (reader.series(query) for query in wanted.queries))


def shown_services(result: Backtest) -> tuple[str, ...]:
    """The functions worth drawing: those that fired, then those that came highest."""
    fired = {episode.service for episode in result.episodes}
    ranked = sorted(result.lines, key=lambda line: (line.service not in fired, -_highest(line), line.service))
    return tuple(line.service for line in ranked[:MOST_LINES])


def preview(rule: Rule, result: Backtest, colours: Mapping[str, str]) -> Preview:
    """Place a backtest's outcome for templates/alerts_preview.html."""
    services = shown_services(result)
    drawn = Window(result.plan.start_ns - result.plan.step_ns, result.plan.end_ns)
    by_service = {line.service: dict(line.points) for line in result.lines}
    factor = 1.0 if signal_info(rule.signal).unit == "ratio" else 1e6  # charts draw nanoseconds
    lines = [_line(s, colours.get(s, "s0"), by_service[s], result.plan, factor) for s in services]
    chart = line_chart(
        signal_title(rule.signal),
        drawn,
        lines,
        "percent" if signal_info(rule.signal).unit == "ratio" else "duration",
        levels=[(rule.threshold * factor, f"{rule.op} {value_text(rule.signal, rule.threshold)}")],
    )
    strips = tuple(
        Strip(service, bars) for service in services if (bars := _bars(result.episodes, service, drawn))
    )
    return Preview(result, chart, strips, len(result.lines), drawn)


def _line(service: str, css: str, points: Mapping[int, float], plan: Plan, factor: float) -> Line:
    values = (points.get(moment) for moment in plan.moments)
    return Line(service, css, tuple(None if value is None else value * factor for value in values))


def _bars(episodes: tuple[Episode, ...], service: str, window: Window) -> tuple[tuple[float, float], ...]:
    length = window.end_ns - window.start_ns
    bars = []
    for episode in episodes:
        if episode.service == service:
            end_ns = window.end_ns if episode.end_ns is None else episode.end_ns
            left = 100 * (episode.start_ns - window.start_ns) / length
            bars.append((round(left, 2), round(max(100 * (end_ns - episode.start_ns) / length, 0.4), 2)))
    return tuple(bars)


def _highest(line: SignalLine) -> float:
    return max((value for _, value in line.points), default=0.0)
