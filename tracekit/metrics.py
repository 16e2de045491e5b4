"""Numbers of the user's own, added up in the process and sent with the next flush.

One function for the three kinds there are. What was measured between two flushes leaves as deltas, so that
neither a frozen instance nor a forked one has a total to keep.
"""

from __future__ import annotations

import os
from _bisect import bisect_left
from _thread import allocate_lock
from time import time_ns

from tracekit import config, guard, pipeline, values
from tracekit.otlp_metrics import COUNTER, GAUGE, HISTOGRAM, UP_DOWN, Metric, Point, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Scope = tuple[str, str] | None
    _Series = tuple[str, str, str, Scope]
    # A metric, and which of its series: attributes as text, None for the one of all that are too many.
    _Key = tuple[_Series, str | None]

_KINDS = (COUNTER, GAUGE, HISTOGRAM)
# Distinct attribute sets in one process between two flushes; what is beyond goes into one series of its
# metric, marked as OpenTelemetry's specification says.
MAX_SERIES = 1000
_OVERFLOW = {"otel.metric.overflow": True}

# Upper bounds of buckets by unit: seconds as the FaaS conventions advise, bytes in powers of four from 1 KiB
# to 16 GiB, and OpenTelemetry's default for the rest.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_BYTES = tuple(float(1024 * 4**power) for power in range(13))
_ANY = (0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0)
_BOUNDS = {"s": _SECONDS, "By": _BYTES}


def metric(
    name: str,
    value: float = 1,
    *,
    kind: str = COUNTER,
    unit: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Measures something: `metric("shop.orders", attributes={"country": "de"})`.

    `kind`: "counter" adds `value` (not negative) to what was counted, "gauge" keeps the last one,
    "histogram" sorts it into buckets (by `unit`: s, By, or OpenTelemetry's default). Any thread may call it.
    Never raises; what makes no sense is left out and named once on stderr.
    """
    try:
        if kind not in _KINDS:
            raise ValueError(f"{name!r}: {kind!r} is no kind; use one of {', '.join(_KINDS)}")
    except Exception as error:
        guard.report(error, "metric")
        return
    measure(name, value, kind, unit, attributes)


def measure(
    name: str,
    value: float,
    kind: str,
    unit: str,
    attributes: Mapping[str, Any] | None,
    scope: Scope = None,
    bounds: tuple[float, ...] | None = None,
) -> None:
    """As `metric`, for whoever measures in the name of another: `scope` is the instrumentation's name and
    version, None for tracekit's own; `bounds` are those of a histogram's buckets. Never raises."""
    try:
        if takes():
            METER.record(name, value, kind, unit, attributes, scope, bounds)
    except Exception as error:
        guard.report(error, "metric")


def takes() -> bool:
    """Whether measurements go anywhere; from then on they are collected."""
    return (
        not config.get().disabled
        and not pipeline.get().delivery.channel("metrics", encode, METER.collect).off
    )


class Meter:
    """Adds up what is measured until it is collected."""

    def __init__(self) -> None:
        self._askers: list[Callable[[], None]] = []
        self._begin()

    def _begin(self) -> None:
        self._lock = allocate_lock()
        self._series: dict[_Key, Point] = {}
        # Of what goes up and down a total is kept: what it changed by says nothing.
        self._levels: dict[_Key, int | float] = {}
        self._began = self._since = time_ns()

    def forked(self) -> None:
        """In a child, whose parent sends what was measured before. Who is asked is asked by both."""
        self._begin()

    def when_collected(self, ask: Callable[[], None]) -> None:
        """Calls `ask` before each collection: it measures then. It must not raise."""
        self._askers.append(ask)

    def record(
        self,
        name: str,
        value: float,
        kind: str,
        unit: str,
        attributes: Mapping[str, Any] | None,
        scope: Scope = None,
        bounds: tuple[float, ...] | None = None,
    ) -> None:
        """Adds one measurement. Raises ValueError or TypeError for one that makes no sense."""
        number = _number(value)
        if kind == COUNTER and number < 0:
            raise ValueError(f"{name!r}: a counter cannot go down; use a gauge")
        cleaned, _ = values.clean_mapping(attributes)
        # repr tells 1 from True and "1", and lists can be no keys.
        identity = repr(sorted(cleaned.items())) if cleaned else ""
        series = (values.clean_key(name), kind, values.clean_key(unit), scope)
        with self._lock:
            key, point = self._point(series, identity, cleaned, bounds)
            if kind == UP_DOWN:
                self._levels[key] = number = self._levels.get(key, 0) + number
            _add(point, number, kind)

    def collect(self) -> list[Metric]:
        """What was measured since the last time."""
        for ask in self._askers:
            ask()
        with self._lock:
            series, self._series = self._series, {}
            since, self._since = self._since, max(time_ns(), self._since + 1)
        found: dict[_Series, Metric] = {}
        for (metric_, _), point in series.items():
            name, kind, unit, scope = metric_
            point.start, point.end = self._began if kind == UP_DOWN else since, self._since
            found.setdefault(metric_, Metric(name, kind, unit, [], scope)).points.append(point)
        return list(found.values())

    def _point(
        self, series: _Series, identity: str, attributes: dict[str, Any], bounds: tuple[float, ...] | None
    ) -> tuple[_Key, Point]:
        key: _Key = (series, identity)
        point = self._series.get(key)
        if point is None:
            _, kind, unit, _ = series
            if len(self._series) >= MAX_SERIES or (len(self._levels) >= MAX_SERIES and kind == UP_DOWN):
                key, attributes = (series, None), dict(_OVERFLOW)
            bounds = (bounds or _BOUNDS.get(unit, _ANY)) if kind == HISTOGRAM else ()
            point = self._series.setdefault(key, Point(attributes, 0, bounds))
        return key, point


def _number(value: Any) -> int | float:
    if isinstance(value, int):
        return int.__int__(value)
    number = float(value)
    if number - number != 0:  # not a number, or infinite: one of them would spoil the sum
        raise ValueError(f"{number} cannot be added up")
    return number


def _add(point: Point, value: int | float, kind: str) -> None:
    if kind in (GAUGE, UP_DOWN):
        point.value = value
    elif kind == COUNTER:
        point.value += value
    else:
        first = not any(point.buckets)
        point.min = float(value) if first else min(point.min, value)
        point.max = float(value) if first else max(point.max, value)
        point.value += value
        point.buckets[bisect_left(point.bounds, value)] += 1


METER = Meter()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=METER.forked)
