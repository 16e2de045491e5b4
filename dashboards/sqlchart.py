"""The chart that a result of SQL suggests by its columns: lines over time, or bars by name."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from collector.sqlchild import ResultColumn, Table
from collector.storage.base import Window
from dashboards.charts.timeseries import Line, TimeChart, line_chart
from dashboards.colours import colour_classes

MOST_LINES = 8
MOST_POINTS = 500
MOST_BARS = 30


@dataclass(frozen=True, slots=True)
class Bar:
    """`share` of the longest, 0 to 1."""

    name: str
    value: float
    share: float


@dataclass(frozen=True, slots=True)
class Bars:
    title: str
    bars: tuple[Bar, ...]


def chart_of(table: Table) -> TimeChart | Bars | None:
    """Lines for (time, number, …) or (time, text, number); bars for (text, number, …); None for any other
    result, or one of a single row."""
    kinds = table.columns
    if len(table.rows) < 2 or len(kinds) < 2:
        return None
    if kinds[0].is_time:
        return _lines(table)
    if kinds[0].type == "VARCHAR" and kinds[1].is_number and len(table.rows) <= MOST_BARS:
        return _bars(table)
    return None


def _bars(table: Table) -> Bars | None:
    found = [(str(row[0]), row[1]) for row in table.rows if row[1] is not None and row[1] >= 0]
    longest = max((value for _, value in found), default=0)
    if not longest or len(found) < len(table.rows):
        return None
    bars = tuple(Bar(name or "(empty)", value, value / longest) for name, value in found)
    return Bars(f"{table.columns[1].name} by {table.columns[0].name}", bars)


def _lines(table: Table) -> TimeChart | None:
    series = _series(table.columns, table.rows)
    moments = sorted({moment for points in series.values() for moment in points})
    if len(moments) < 2:
        return None
    step = _step(moments)
    buckets = (moments[-1] - moments[0]) // step + 1
    if buckets > MOST_POINTS:
        step, buckets = (moments[-1] - moments[0]) // MOST_POINTS + 1, MOST_POINTS
    window = Window(moments[0], moments[0] + buckets * step)
    names = sorted(series, key=lambda name: -sum(series[name].values()))[:MOST_LINES]
    css = colour_classes(names)
    lines = [Line(name, css[name], _placed(series[name], window, step, buckets)) for name in names]
    more = f", {MOST_LINES} of {len(series)} lines" if len(series) > MOST_LINES else ""
    return line_chart(f"{_title(table.columns)}{more}", window, lines, "number")


def _title(columns: Sequence[ResultColumn]) -> str:
    return ", ".join(column.name for column in columns[1:] if column.is_number)[:100]


def _series(columns: Sequence[ResultColumn], rows: Iterable[Sequence[Any]]) -> dict[str, dict[int, float]]:
    """Values by moment (ns), by line: the numeric columns, told apart by the first column of text."""
    numbers = [i for i, column in enumerate(columns) if column.is_number]
    text = next((i for i, column in enumerate(columns) if column.type == "VARCHAR"), None)
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        if row[0] is None:
            continue
        for i in numbers:
            if row[i] is not None and row[i] >= 0:
                told = [str(row[text])] if text is not None else []
                told += [columns[i].name] if len(numbers) > 1 or text is None else []
                found.setdefault(" ".join(told), {})[_ns(row[0])] = float(row[i])
    return found


def _ns(moment: str) -> int:
    return round(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 10**6) * 1_000


def _step(moments: Sequence[int]) -> int:
    """The greatest that all distances are multiples of; at least a second."""
    distances = (after - before for before, after in itertools.pairwise(moments))
    return max(math.gcd(*distances), 10**9)


def _placed(points: dict[int, float], window: Window, step: int, buckets: int) -> tuple[float | None, ...]:
    values: list[float | None] = [None] * buckets
    for moment, value in points.items():
        values[min((moment - window.start_ns) // step, buckets - 1)] = value
    return tuple(values)
