"""What the instances of a function used over time: how many there were, how busy, memory, processor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.storage.base import Window, bucket_index
from collector.storage.usage import Usage
from dashboards import format
from dashboards.charts.timeseries import Line, TimeChart, line_chart
from dashboards.colours import colour_classes
from dashboards.i18n import _

BUCKETS = 60
# More lines than colours cannot be told apart.
DRAWN = 8
LISTED = 12


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One instance over the whole window."""

    name: str
    calls: int
    busy: float  # how many of its calls ran at once on average while it was seen
    at_once: int | None
    memory_bytes: int | None
    limit_bytes: int | None
    cpu: float | None
    timeouts: int
    first_ns: int
    css: str

    @property
    def memory_share(self) -> float | None:
        return share(self.memory_bytes, self.limit_bytes)

    @property
    def label(self) -> str:
        return short(self.name, 30)


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """All calls of the scope. None where none told."""

    memory_bytes: int | None
    limit_bytes: int | None
    cpu: float | None
    timeouts: int
    gb_seconds: float
    busy_ns: int

    @property
    def memory_share(self) -> float | None:
        return share(self.memory_bytes, self.limit_bytes)


def share(used: int | None, limit: int | None) -> float | None:
    """How full it is; None where either is unknown."""
    return used / limit if used and limit else None


def usage_totals(points: Sequence[Usage], one_in: int = 1) -> UsageTotals:
    """`one_in` as the points were sampled: sums stand for so many times as much."""
    cpu = [(p.cpu, p.calls) for p in points if p.cpu is not None]
    calls = sum(n for _, n in cpu)
    return UsageTotals(
        memory_bytes=_most(p.memory_bytes for p in points),
        limit_bytes=_most(p.limit_bytes for p in points),
        cpu=sum(mean * n for mean, n in cpu) / calls if calls else None,
        timeouts=sum(p.timeouts for p in points) * one_in,
        gb_seconds=sum(p.gb_seconds for p in points) * one_in,
        busy_ns=sum(p.busy_ns for p in points) * one_in,
    )


def instance_rows(points: Sequence[Usage], window: Window, one_in: int = 1) -> list[InstanceRow]:
    """Those with most calls first; the first DRAWN have the colours of the charts."""
    parts: dict[str, list[Usage]] = defaultdict(list)
    for point in points:
        parts[point.group].append(point)
    ordered = sorted(parts, key=lambda name: (-sum(p.calls for p in parts[name]), name))
    css = colour_classes(ordered[:DRAWN])
    width = (window.end_ns - window.start_ns) / BUCKETS
    return [_instance(name, parts[name], width, css.get(name, "s0"), one_in) for name in ordered]


def _instance(name: str, parts: Sequence[Usage], width: float, css: str, one_in: int) -> InstanceRow:
    totals = usage_totals(parts, one_in)
    return InstanceRow(
        name=name,
        calls=sum(p.calls for p in parts) * one_in,
        busy=totals.busy_ns / (len(parts) * width),
        at_once=_most(p.at_once for p in parts),
        memory_bytes=totals.memory_bytes,
        limit_bytes=totals.limit_bytes,
        cpu=totals.cpu,
        timeouts=totals.timeouts,
        first_ns=min(p.start_ns for p in parts),
        css=css,
    )


def usage_charts(
    points: Sequence[Usage], rows: Sequence[InstanceRow], window: Window, one_in: int = 1
) -> list[TimeChart]:
    """Instances, calls at once in each, memory against the limit, processor; without what nobody told."""
    width = (window.end_ns - window.start_ns) / BUCKETS
    drawn = [row for row in rows if row.css != "s0"]
    charts = [line_chart(_("Instances"), window, [_instances(points, window)], "count")]
    busy = _by_instance(points, drawn, window, lambda p: max(p.busy_ns * one_in / width, p.at_once or 0))
    charts.append(line_chart(_("Calls at once, by instance"), window, busy, "count"))
    memory = _by_instance(points, drawn, window, lambda p: p.memory_bytes)
    limit = _most(row.limit_bytes for row in rows)
    if memory:
        levels = [(float(limit), _("limit %(size)s", size=format.size(limit)))] if limit else []
        charts.append(line_chart(_("Memory, by instance"), window, memory, "bytes", levels))
    cpu = _by_instance(points, drawn, window, lambda p: p.cpu)
    if cpu:
        charts.append(line_chart(_("Processor, cores by instance"), window, cpu, "number"))
    return charts


def _instances(points: Iterable[Usage], window: Window) -> Line:
    """How many there were in each part: an instance is there from its first call to its last."""
    seen: dict[str, list[int]] = defaultdict(list)
    for point in points:
        seen[point.group].append(bucket_index(window, BUCKETS, point.start_ns))
    counts = [sum(min(parts) <= part <= max(parts) for parts in seen.values()) for part in range(BUCKETS)]
    return Line(_("between first and last call"), "s6", tuple(counts))


def _by_instance(
    points: Sequence[Usage],
    rows: Sequence[InstanceRow],
    window: Window,
    measure: Callable[[Usage], float | None],
) -> list[Line]:
    """A line for each instance that told anything."""
    values: Mapping[str, list[float | None]] = {row.name: [None] * BUCKETS for row in rows}
    for point in points:
        if point.group in values:
            values[point.group][bucket_index(window, BUCKETS, point.start_ns)] = measure(point)
    return [
        Line(short(row.name), row.css, tuple(values[row.name]))
        for row in rows
        if any(value is not None for value in values[row.name])
    ]


def short(name: str, length: int = 14) -> str:
    """The end of an instance's name: that is where they differ."""
    return (name if len(name) <= length else f"…{name[1 - length :]}") or _("unnamed")


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
