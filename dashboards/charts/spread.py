"""How measurements of a histogram spread over time: its own buckets as rows, the darker the more."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from collector.storage.base import Window, bucket_index
from collector.storage.metrics import SpreadCell
from dashboards.charts.heatmap import Counts, grid, ticks
from dashboards.charts.scale import FORMATS, Unit
from dashboards.charts.timeseries import TimeChart

Row = tuple[float, float]
# So many empty rows are drawn between filled ones: the metric does not say how many there are.
MOST_BETWEEN = 24


def spread_chart(
    title: str, window: Window, cells: Sequence[SpreadCell], buckets: int, unit: Unit, factor: float
) -> TimeChart:
    """Cells of one SpreadQuery with so many buckets; values are written in `unit`, multiplied by `factor`."""
    rows = _rows(cells)
    place = {row: index for index, row in enumerate(rows)}
    counts: Counts = defaultdict(int)
    for cell in cells:
        counts[place[cell.low, cell.high], bucket_index(window, buckets, cell.start_ns)] += cell.count

    def write(value: float) -> str:
        return FORMATS[unit](value * factor) if math.isfinite(value) else "∞" if value > 0 else "-∞"

    total = sum(cell.count for cell in cells)
    summary = f"{total} measurements from {write(rows[0][0])} to {write(rows[-1][1])}" if rows else ""
    names = [f"{write(low)} – {write(high)}" if high > low else write(low) for low, high in rows]
    edges = [write(low) for low, _ in rows] + [write(high) for _, high in rows[-1:]]
    return replace(grid(title, window, names, dict(counts), buckets, summary), y_ticks=ticks(edges))


def _rows(cells: Sequence[SpreadCell]) -> list[Row]:
    """All buckets from the lowest to the highest that is filled, without holes."""
    filled = sorted({(cell.low, cell.high) for cell in cells})
    growth = min((high / low for low, high in filled if 0 < low < high < math.inf), default=2.0)
    rows: list[Row] = []
    for low, high in filled:
        if rows:
            rows += _between(rows[-1][1], low, growth)
        rows.append((low, high))
    return rows


def _between(start: float, end: float, growth: float) -> list[Row]:
    """Rows for a stretch without measurements, as wide as the others where they grow alike."""
    found: list[Row] = []
    while start < end * (1 - 1e-9):
        is_last = start <= 0 or len(found) == MOST_BETWEEN - 1
        top = end if is_last else min(start * growth, end)
        found.append((start, top if top < end * (1 - 1e-9) else end))
        start = found[-1][1]
    return found
