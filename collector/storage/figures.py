"""Figures over time, of whatever rows: what spanseries.py and logs.py answer with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FigurePoint:
    start_ns: int
    value: float


@dataclass(frozen=True, slots=True)
class FigureLine:
    group: str  # "" where nothing is grouped, and for rows that say nothing there
    points: tuple[FigurePoint, ...]  # buckets without such rows are left out


@dataclass(frozen=True, slots=True)
class Figures:
    """The lines with most rows first, then by group; `left_out` says how many more there were."""

    lines: tuple[FigureLine, ...]
    left_out: int = 0
