"""Axes: round steps people can read, for figures and for time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collector.storage.base import Window
from dashboards import format

Unit = Literal["count", "duration", "percent", "rate", "bytes", "number"]

FORMATS: dict[Unit, Callable[[float], str]] = {
    "count": format.count,
    "duration": format.duration,
    "percent": format.percent,
    "rate": format.rate,
    "bytes": format.size,
    "number": format.number,
}

# The least an axis goes up to; of counts, one a step.
_FLOORS: dict[Unit, float] = {"duration": 1e6, "percent": 0.01, "rate": 0.01, "bytes": 4096.0, "number": 1e-6}
_SECOND = 10**9
# Steps are round: 40.0 ms on an axis is 40 ms.
_NEEDLESS_ZEROS = re.compile(r"\.0+(?=\D|$)|(?<=\.\d)0+(?=\D|$)")
# Steps of a time axis in seconds, and how a tick of that step is written.
_TIME_STEPS = (
    (1, "%H:%M:%S"), (2, "%H:%M:%S"), (5, "%H:%M:%S"), (10, "%H:%M:%S"), (15, "%H:%M:%S"), (30, "%H:%M:%S"),
    (60, "%H:%M"), (120, "%H:%M"), (300, "%H:%M"), (600, "%H:%M"), (900, "%H:%M"), (1800, "%H:%M"),
    (3600, "%H:%M"), (7200, "%H:%M"), (10800, "%H:%M"), (21600, "%H:%M"), (43200, "%-d %b %H:%M"),
    (86400, "%-d %b"), (172800, "%-d %b"), (432000, "%-d %b"), (864000, "%-d %b"), (2592000, "%b %Y"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tick:
    """`at` is the share of the axis, 0..1 from its start; `stamp` an ISO moment on time axes."""

    at: float
    label: str
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis from zero to `top`, which is a tick."""

    top: float
    ticks: tuple[Tick, ...]

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the bottom to 1 at the top; beyond the top is cut."""
        return min(max(value / self.top, 0.0), 1.0)


def value_axis(highest: float, unit: Unit, steps: int = 4) -> Axis:
    """An axis from zero that holds `highest`, with about `steps` round steps."""
    highest = max(highest, float(steps) if unit == "count" else _FLOORS[unit])
    if unit == "percent":
        highest = min(highest, 1.0)
    step = (
        _nice(highest / steps, whole=unit == "count") if unit != "bytes" else _power_of_two(highest / steps)
    )
    number = math.ceil(highest / step - 1e-9)
    ticks = tuple(
        Tick(i / number, _NEEDLESS_ZEROS.sub("", FORMATS[unit](i * step))) for i in range(number + 1)
    )
    return Axis(step * number, ticks)


def _power_of_two(step: float) -> float:
    """The smallest that is not below `step`: memory is bought and read in such steps."""
    return 2.0 ** math.ceil(math.log2(step) - 1e-9)


def _nice(step: float, whole: bool) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    factors = (1, 2, 5, 10) if whole and power <= 1 else (1, 2, 2.5, 5, 10)
    found = next(factor * power for factor in factors if factor * power >= step * (1 - 1e-9))
    return max(found, 1.0) if whole else found


def time_ticks(window: Window, most: int = 6) -> tuple[Tick, ...]:
    """At most `most` ticks on round moments (UTC), away from the very edges where labels would be cut."""
    length = window.end_ns - window.start_ns
    for seconds, pattern in _TIME_STEPS:
        if length <= seconds * _SECOND * most:
            return _ticks(window, seconds * _SECOND, pattern)
    return ()


def _ticks(window: Window, step: int, pattern: str) -> tuple[Tick, ...]:
    length = window.end_ns - window.start_ns
    first = -(-window.start_ns // step) * step
    moments = ((moment, (moment - window.start_ns) / length) for moment in range(first, window.end_ns, step))
    return tuple(
        Tick(at, format.utc(moment).strftime(pattern), format.iso(moment))
        for moment, at in moments
        if 0.04 <= at <= 0.96
    )
