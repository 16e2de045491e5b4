"""A heatmap of durations over time: how many calls took how long, when. Cells stand on whole numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from collector.storage.base import Window, bucket_index
from collector.storage.usage import HeatmapCell
from dashboards import format
from dashboards.charts.scale import Tick
from dashboards.charts.timeseries import Line, TimeChart, line_chart

BUCKETS = 60
# Round durations, ten to a factor of ten, from a microsecond to some hours.
_STEPS = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)
BOUNDS = tuple(step * 10**power for power in range(2, 13) for step in _STEPS)
# Which of the ten are kept where there would be too many rows; coarser each time, round all the same.
_COARSER = (range(10), (0, 2, 4, 6, 8), (0, 3, 7), (0,))
MOST_ROWS = 22
LEVELS = 6
TICKS = 5


def heatmap(title: str, window: Window, cells: Sequence[HeatmapCell], buckets: int = BUCKETS) -> TimeChart:
    """Cells of BOUNDS as a chart: the darker, the more calls. Few enough rows to see, the longest on top."""
    lows, counts = _merged(window, cells, buckets)
    lines = [
        Line(_between(lows, row), "c-accent", tuple(counts.get((row, part)) for part in range(buckets)))
        for row in reversed(range(len(lows) - 1))
    ]
    chart = line_chart(title, window, lines, "count")
    calls = sum(cell.calls for cell in cells)
    return replace(
        chart,
        summary=f"{calls} calls from {format.duration(lows[0])} to {format.duration(lows[-1])}"
        if calls
        else "no data",
        y_ticks=_ticks(lows),
        paths=(),
        legend=(),
        cells=_paths(counts, len(lows) - 1),
        grid=(buckets, max(len(lows) - 1, 1)),
        data={**chart.data, "heat": [[lows[row], lows[row + 1]] for row in reversed(range(len(lows) - 1))]},
    )


Counts = dict[tuple[int, int], int]


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


def _between(lows: Sequence[int], row: int) -> str:
    return f"{format.duration(lows[row])} – {format.duration(lows[row + 1])}"


def _ticks(lows: Sequence[int]) -> tuple[Tick, ...]:
    rows = len(lows) - 1
    step = max(-(-rows // TICKS), 1)
    return tuple(Tick(row / rows, format.duration(lows[row])) for row in range(0, rows + 1, step) if rows)


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
