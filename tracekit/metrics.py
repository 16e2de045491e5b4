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
from tracekit.otlp_metrics import COUNTER, GAUGE, HISTOGRAM, Metric, Point, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

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
        if not config.get().disabled and not pipeline.get().channel("metrics", encode, METER.collect).off:
            METER.record(name, value, kind, unit, attributes)
    except Exception as error:
        guard.report(error, "metric")


class Meter:
    """Adds up what is measured until it is collected."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._series: dict[tuple[str, str, str, Any], Point] = {}
        self._since = time_ns()

    def record(
        self, name: str, value: float, kind: str, unit: str, attributes: Mapping[str, Any] | None
    ) -> None:
        """Adds one measurement. Raises ValueError or TypeError for one that makes no sense."""
        number = _number(value)
        if kind not in _KINDS:
            raise ValueError(f"{name!r}: {kind!r} is no kind; use one of {', '.join(_KINDS)}")
        if kind == COUNTER and number < 0:
            raise ValueError(f"{name!r}: a counter cannot go down; use a gauge")
        cleaned, _ = values.clean_mapping(attributes)
        # repr tells 1 from True and "1", and lists can be no keys.
        identity = repr(sorted(cleaned.items())) if cleaned else ""
        with self._lock:
            point = self._point(values.clean_key(name), kind, values.clean_key(unit), identity, cleaned)
            _add(point, number, kind)

    def collect(self) -> list[Metric]:
        """What was measured since the last time."""
        with self._lock:
            series, self._series = self._series, {}
            since, self._since = self._since, max(time_ns(), self._since + 1)
        found: dict[tuple[str, str, str], Metric] = {}
        for (name, kind, unit, _), point in series.items():
            point.start, point.end = since, self._since
            found.setdefault((name, kind, unit), Metric(name, kind, unit, [])).points.append(point)
        return list(found.values())

    def _point(self, name: str, kind: str, unit: str, identity: str, attributes: dict[str, Any]) -> Point:
        key: tuple[str, str, str, Any] = (name, kind, unit, identity)
        point = self._series.get(key)
        if point is None:
            if len(self._series) >= MAX_SERIES:
                key, attributes = (name, kind, unit, None), dict(_OVERFLOW)
            bounds = _BOUNDS.get(unit, _ANY) if kind == HISTOGRAM else ()
            point = self._series.setdefault(key, Point(attributes, 0, bounds))
        return point


def _number(value: Any) -> int | float:
    if isinstance(value, int):
        return int.__int__(value)
    number = float(value)
    if number - number != 0:  # not a number, or infinite: one of them would spoil the sum
        raise ValueError(f"{number} cannot be added up")
    return number


def _add(point: Point, value: int | float, kind: str) -> None:
    if kind == GAUGE:
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
    os.register_at_fork(after_in_child=METER.__init__)  # type: ignore[misc]
