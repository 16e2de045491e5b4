"""Figures over time in the reference engine: of rows that are a moment, a group and a number."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from collector.storage.base import Window, bucket_index, bucket_start
from collector.storage.figures import FigureLine, FigurePoint, Figures

Placed = tuple[int, str, float]  # moment, group, number


def figures(
    placed: Iterable[Placed], window: Window, buckets: int, statistic: str, q: float, groups: int
) -> Figures:
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for moment_ns, group, value in placed:
        found[group][bucket_index(window, buckets, moment_ns)].append(value)
    ranked = sorted(found, key=lambda group: (-sum(map(len, found[group].values())), group))
    seconds = window.seconds / buckets

    def line(group: str) -> FigureLine:
        return FigureLine(
            group,
            tuple(
                FigurePoint(bucket_start(window, buckets, part), _figure(values, statistic, q, seconds))
                for part, values in sorted(found[group].items())
            ),
        )

    lines = tuple(line(group) for group in ranked[:groups])
    return Figures(lines, len(ranked) - len(lines))


_FIGURES: dict[str, Callable[[list[float]], float]] = {
    "count": len,
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
}


def _figure(values: list[float], statistic: str, q: float, seconds: float) -> float:
    if statistic == "quantile":
        return quantile(sorted(values), q)
    if statistic == "rate":
        return len(values) / seconds
    return float(_FIGURES[statistic](values))


def quantile(ordered: Sequence[float], q: float) -> float:
    """By linear interpolation between closest ranks, as SQL's quantile_cont."""
    position = q * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (position - low))
