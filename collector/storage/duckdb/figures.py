"""Rows of figures over time as the contract's lines (collector/storage/figures.py)."""

from __future__ import annotations

from typing import Any

from collector.storage.base import Window, bucket_start
from collector.storage.figures import FigureLine, FigurePoint, Figures


def parameters(window: Window, buckets: int, groups: int, q: float) -> dict[str, Any]:
    """What queries/_figures.sql and the part of a row are bound to."""
    return {
        "start_ns": window.start_ns,
        "end_ns": window.end_ns,
        "width_ns": window.end_ns - window.start_ns,
        "buckets": buckets,
        "groups": groups,
        "quantile": q,
    }


def figures(rows: list[tuple[Any, ...]], window: Window, buckets: int, statistic: str) -> Figures:
    """Of (line, part, figure, how many lines there are), in their order."""
    found: dict[str, list[FigurePoint]] = {}
    seconds = window.seconds / buckets if statistic == "rate" else 1.0
    for line, part, figure, _ in rows:
        point = FigurePoint(bucket_start(window, buckets, part), float(figure) / seconds)
        found.setdefault(line, []).append(point)
    lines = tuple(FigureLine(line, tuple(points)) for line, points in found.items())
    return Figures(lines, (rows[0][-1] if rows else 0) - len(lines))
