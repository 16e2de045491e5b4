"""Charts over time: lines and stacked bars, placed for templates/charts.html.

Lines are drawn in a box of WIDTH x HEIGHT that the page stretches; bars are shares of the plot, so that a
hatch keeps its angle. Either way nothing here knows how wide the page is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from collector.storage.base import Window, bucket_index
from dashboards.charts.scale import FORMATS, Axis, Tick, Unit, time_ticks, value_axis
from dashboards.i18n import _

WIDTH, HEIGHT = 1000, 100


class Point(Protocol):
    """What was measured in a part of the window."""

    @property
    def start_ns(self) -> int: ...


P = TypeVar("P", bound=Point)


@dataclass(frozen=True, slots=True)
class Line:
    """One series, a value a bucket; None where nothing was measured. `css` is its colour class."""

    name: str
    css: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Rect:
    """A bar, in percent of the plot from its top left."""

    css: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line at a value, such as an alert's threshold."""

    y: float  # percent from the top
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth a line from top to bottom, such as the first call of a version."""

    x: float  # percent from the left
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One measurement that leads somewhere, such as an exemplar to its trace."""

    at_ns: int
    value: float
    href: str
    label: str


@dataclass(frozen=True, slots=True)
class PlacedDot:
    """Percent from the top left of the plot."""

    x: float
    y: float
    href: str
    label: str


@dataclass(frozen=True, slots=True)
class TimeChart:
    """A placed chart. `paths` are (css, SVG path data); `data` is what charts.js reads. `cells` are (opacity,
    SVG path data) in a box of `grid` columns and rows."""

    title: str
    summary: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    paths: tuple[tuple[str, str], ...]
    rects: tuple[Rect, ...]
    levels: tuple[Level, ...]
    legend: tuple[tuple[str, str, str], ...]  # (css, name, latest value; of bars the sum)
    data: Mapping[str, Any]
    marks: tuple[Mark, ...] = ()
    cells: tuple[tuple[float, str], ...] = ()
    grid: tuple[int, int] = (1, 1)
    dots: tuple[PlacedDot, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.paths or self.rects or self.cells)


def marked(chart: TimeChart, window: Window, moments: Sequence[tuple[int, str]]) -> TimeChart:
    """With a line at each of these moments (ns, label) that lie within the window."""
    length = window.end_ns - window.start_ns
    marks = (Mark(round(100 * (at - window.start_ns) / length, 2), label) for at, label in moments)
    return replace(chart, marks=tuple(mark for mark in marks if 0 < mark.x < 100))


def line_chart(
    title: str,
    window: Window,
    lines: Sequence[Line],
    unit: Unit,
    levels: Sequence[tuple[float, str]] = (),
    dots: Sequence[Dot] = (),
) -> TimeChart:
    """Lines over the window, from zero. `levels` are (value, label) drawn dashed, `dots` stand on the lines'
    scale."""
    values = [value for line in lines for value in line.values if value is not None]
    highest = [*values, *(value for value, _ in levels), *(dot.value for dot in dots)]
    axis = value_axis(max(highest, default=0), unit)
    paths = tuple((line.css, path(line.values, axis)) for line in lines if _has_values(line))
    paths += tuple((f"{line.css} lone", drawn) for line in lines if (drawn := lone(line.values, axis)))
    chart = _chart(title, window, lines, unit, axis, paths=paths, levels=levels)
    return replace(chart, dots=tuple(_placed(dot, window, axis) for dot in dots))


def _placed(dot: Dot, window: Window, axis: Axis) -> PlacedDot:
    x = 100 * (dot.at_ns - window.start_ns) / (window.end_ns - window.start_ns)
    return PlacedDot(round(x, 2), round(100 * (1 - axis.share(dot.value)), 2), dot.href, dot.label)


def bar_chart(title: str, window: Window, lines: Sequence[Line], unit: Unit = "count") -> TimeChart:
    """Bars a bucket, the first line at the bottom and the others stacked on it; the legend adds them up."""
    axis = value_axis(max((sum(v or 0 for v in column) for column in _columns(lines)), default=0), unit)
    rects = tuple(_bars(lines, axis))
    return replace(
        _chart(title, window, lines, unit, axis, rects=rects),
        legend=tuple(
            (line.css, line.name, FORMATS[unit](sum(v or 0 for v in line.values))) for line in lines
        ),
    )


def _chart(
    title: str,
    window: Window,
    lines: Sequence[Line],
    unit: Unit,
    axis: Axis,
    paths: tuple[tuple[str, str], ...] = (),
    rects: tuple[Rect, ...] = (),
    levels: Sequence[tuple[float, str]] = (),
) -> TimeChart:
    shown = [line for line in lines if _has_values(line)]
    legend = tuple((line.css, line.name, FORMATS[unit](_latest(line))) for line in shown)
    return TimeChart(
        title,
        "; ".join(f"{name} {value}" for _, name, value in legend) or _("no data"),
        time_ticks(window),
        axis.ticks,
        paths,
        rects,
        tuple(Level(100 * (1 - axis.share(value)), label) for value, label in levels),
        legend,
        _data(window, lines, unit),
    )


def _data(window: Window, lines: Sequence[Line], unit: Unit) -> dict[str, Any]:
    """What the pointer needs: epochs in ms, and values with three to four digits."""
    return {
        "start": window.start_ns // 10**6,
        "end": -(-window.end_ns // 10**6),
        "unit": unit,
        "lines": [
            {"name": line.name, "css": line.css, "values": [_short(value) for value in line.values]}
            for line in lines
        ],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _has_values(line: Line) -> bool:
    return any(value is not None for value in line.values)


def _latest(line: Line) -> float:
    return next(value for value in reversed(line.values) if value is not None)


def _columns(lines: Sequence[Line]) -> list[tuple[float | None, ...]]:
    return list(zip(*(line.values for line in lines), strict=True))


def path(values: Sequence[float | None], axis: Axis) -> str:
    """SVG path data through the middles of buckets, broken where values are missing."""
    width = WIDTH / len(values)
    parts: list[str] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        x, y = (index + 0.5) * width, HEIGHT * (1 - axis.share(value))
        starts = index == 0 or values[index - 1] is None
        parts.append(f"{'M' if starts else 'L'}{x:.1f} {y:.2f}")
    return "".join(parts)


def lone(values: Sequence[float | None], axis: Axis) -> str:
    """Values without neighbours as dots: steps of no length, which a round line cap makes visible."""
    width = WIDTH / len(values)
    beside = [None, *values, None]
    return "".join(
        f"M{(index + 0.5) * width:.1f} {HEIGHT * (1 - axis.share(value)):.2f}h0"
        for index, value in enumerate(values)
        if value is not None and beside[index] is None and beside[index + 2] is None
    )


def _bars(lines: Sequence[Line], axis: Axis) -> list[Rect]:
    rects: list[Rect] = []
    columns = _columns(lines)
    width = 100 / max(len(columns), 1)
    for index, column in enumerate(columns):
        below = 0.0
        for line, value in zip(lines, column, strict=True):
            if value:
                height = 100 * axis.share(value)
                x, y = (index + 0.12) * width, 100 - below - height
                rects.append(Rect(line.css, round(x, 2), round(y, 2), round(width * 0.76, 2), height))
                below += height
    return rects


def lines_of(
    points: Sequence[P],
    window: Window,
    buckets: int,
    measures: Sequence[tuple[str, str, Callable[[P], float | None]]],
    missing: float | None = None,
) -> list[Line]:
    """Lines of one group: (name, css, measure) each, with `missing` in buckets without calls."""
    by_bucket = {bucket_index(window, buckets, point.start_ns): point for point in points}
    return [
        Line(
            name,
            css,
            tuple(measure(by_bucket[i]) if i in by_bucket else missing for i in range(buckets)),
        )
        for name, css, measure in measures
    ]
