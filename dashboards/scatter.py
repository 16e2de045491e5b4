"""Traces as dots: when they started against how long they took. Arithmetic only, in percent of the plot.

The duration axis is logarithmic, because a page of traces spans milliseconds to minutes and the slow ones
are the point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from collector.storage.base import TraceSummary, Window

# Room inside the plot so that no dot is cut at an edge, in percent.
_PAD = 4.0
_DECADES = tuple(10**power for power in range(20))


@dataclass(frozen=True, slots=True)
class Dot:
    trace: TraceSummary
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Scatter:
    """Dots by start, gridlines as (percent from the top, nanoseconds). `window` is what the width shows."""

    dots: tuple[Dot, ...]
    grid: tuple[tuple[float, int], ...]
    window: Window


def scatter(traces: Sequence[TraceSummary]) -> Scatter | None:
    """Dots of some traces; None for fewer than two, which say nothing."""
    if len(traces) < 2:
        return None
    window = _window(traces)
    low, high = _decades(traces)
    dots = [Dot(t, _across(t.start_ns, window), _down(t.duration_ns, low, high)) for t in traces]
    grid = [(_down(ns, low, high), ns) for ns in _DECADES if low <= ns <= high]
    step = -(-len(grid) // 4)
    return Scatter(tuple(sorted(dots, key=lambda dot: dot.x)), tuple(grid[::step]), window)


def _window(traces: Sequence[TraceSummary]) -> Window:
    starts = [trace.start_ns for trace in traces]
    return Window(min(starts), max(starts) + 1)


def _decades(traces: Sequence[TraceSummary]) -> tuple[int, int]:
    """Powers of ten around all durations, at least one decade apart."""
    durations = [max(trace.duration_ns, 1) for trace in traces]
    low = max(decade for decade in _DECADES if decade <= min(durations))
    high = next((decade for decade in _DECADES if decade >= max(durations)), _DECADES[-1])
    return low, max(high, low * 10)


def _across(start_ns: int, window: Window) -> float:
    share = (start_ns - window.start_ns) / max(window.end_ns - window.start_ns - 1, 1)
    return round(_PAD / 4 + share * (100 - _PAD / 2), 2)


def _down(ns: int, low: int, high: int) -> float:
    share = (log10(max(ns, 1)) - log10(low)) / (log10(high) - log10(low))
    return round(100 - _PAD - share * (100 - 2 * _PAD), 2)
