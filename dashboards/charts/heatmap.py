"""A heatmap of durations over time: how many calls took how long, when. Cells stand on whole numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from collector.storage.base import Window, bucket_index
from collector.storage.usage import HeatmapCell
from dashboards import format
from dashboards.charts.scale import Tick
from dashboards.charts.timeseries import Line, TimeChart, line_chart
from dashboards.i18n import _

BUCKETS = 60
# Round durations, ten to a factor of ten, from a microsecond to some hours.
_STEPS = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)
BOUNDS = tuple(step * 10**power for power in range(2, 13) for step in _STEPS)
# Which of the ten are kept where there would be too many rows; coarser each time, round all the same.
_COARSER = (range(10), (0, 2, 4, 6, 8), (0, 3, 7), (0,))
MOST_ROWS = 22
LEVELS = 6
TICKS = 5

Counts = dict[tuple[int, int], int]


def heatmap(title: str, window: Window, cells: Sequence[HeatmapCell], buckets: int = BUCKETS) -> TimeChart:
    """Cells of BOUNDS as a chart: the darker, the more calls. Few enough rows to see, the longest on top."""
    lows, counts = _merged(window, cells, buckets)
    rows = list(pairwise(lows))
    names = [f"{format.duration(low)} – {format.duration(high)}" for low, high in rows]
    calls = sum(cell.calls for cell in cells)
    summary = _heat_summary(calls, lows) if calls else ""
    chart = grid(title, window, names, counts, buckets, summary)
    data = {**chart.data, "heat": [[low, high] for low, high in reversed(rows)]}
    return replace(chart, y_ticks=ticks([format.duration(low) for low in lows]), data=data)


def _heat_summary(calls: int, lows: Sequence[float]) -> str:
    low, high = format.duration(lows[0]), format.duration(lows[-1])
    return _("%(calls)s calls from %(low)s to %(high)s", calls=calls, low=low, high=high)


def grid(
    title: str,
    window: Window,
    names: Sequence[str],
    counts: Counts,
    buckets: int,
    summary: str,
) -> TimeChart:
    """How many where and when: `names` of the rows from the bottom, counts by (row, part). The axis is to be
    set by whoever knows the edges of the rows."""
    lines = [
        Line(names[row], "c-accent", tuple(counts.get((row, part)) for part in range(buckets)))
        for row in reversed(range(len(names)))
    ]
    return replace(
        line_chart(title, window, lines, "count"),
        summary=summary or _("no data"),
        y_ticks=(),
        paths=(),
        legend=(),
        cells=_paths(counts, len(names)),
        grid=(buckets, max(len(names), 1)),
    )


def ticks(edges: Sequence[str]) -> tuple[Tick, ...]:
    """Some of the edges of rows, one more than rows, from the bottom."""
    rows = len(edges) - 1
    step = max(-(-rows // TICKS), 1)
    return tuple(Tick(row / rows, edges[row]) for row in range(0, rows + 1, step) if rows)


def _merged(window: Window, cells: Sequence[HeatmapCell], buckets: int) -> tuple[list[int], Counts]:
    """Bounds of the rows that are drawn, one more than rows, and calls by (row, part)."""
    if not cells:
        return [0], {}
    first, last = min(cell.row for cell in cells), max(cell.row for cell in cells)
    for kept in _COARSER:
        bounds = [0, *(bound for index, bound in enumerate(BOUNDS) if index % 10 in kept), BOUNDS[-1] * 10]
        rows = [_row(bounds, row) for row in range(len(BOUNDS) + 1)]
        if rows[last] - rows[first] < MOST_ROWS:
            break
    counts: Counts = defaultdict(int)
    for cell in cells:
        part = bucket_index(window, buckets, cell.start_ns)
        counts[rows[cell.row] - rows[first], part] += cell.calls
    return bounds[rows[first] : rows[last] + 2], dict(counts)


def _row(bounds: Sequence[int], row: int) -> int:
    """Where a row of BOUNDS lies among fewer bounds: the last one that begins no later."""
    low = BOUNDS[row - 1] if row else 0
    return max(index for index, bound in enumerate(bounds[:-1]) if bound <= low)


def _paths(counts: Counts, rows: int) -> tuple[tuple[float, str], ...]:
    """One path for each level of darkness: (opacity, SVG path data) in a box of buckets x rows."""
    most = max(counts.values(), default=1)
    levels: dict[int, list[str]] = defaultdict(list)
    for (row, part), calls in sorted(counts.items()):
        # By the square root: single calls stay visible beside hundreds.
        level = max(1, -int(-LEVELS * (calls / most) ** 0.5 // 1))
        levels[level].append(f"M{part} {rows - 1 - row}h1v1h-1z")
    return tuple(
        (round(0.1 + 0.9 * level / LEVELS, 2), "".join(cells)) for level, cells in sorted(levels.items())
    )
