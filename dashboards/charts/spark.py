"""Sparklines: calls as bars with their failed part in red, small enough for a table cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.i18n import _

HEIGHT = 20


@dataclass(frozen=True, slots=True)
class Spark:
    """Two SVG paths in a box of `width` x HEIGHT, one unit a bucket. `label` says it in words."""

    width: int
    calls: str
    errors: str
    label: str


def spark(calls: Sequence[int], errors: Sequence[int]) -> Spark:
    """Bars scaled to the highest; a bucket with anything in it is at least one unit high: it shows."""
    top = max(calls, default=0) or 1
    label = _(
        "%(calls)s calls, at most %(most)s a bar, %(failed)s failed",
        calls=sum(calls),
        most=max(calls, default=0),
        failed=sum(errors),
    )
    return Spark(len(calls), _bars(calls, top), _bars(errors, top), label)


def _bars(values: Sequence[int], top: int) -> str:
    return "".join(_bar(index, max(value / top * HEIGHT, 1.0)) for index, value in enumerate(values) if value)


def _bar(index: int, height: float) -> str:
    return f"M{index}.1 {HEIGHT}v-{height:.4g}h.8V{HEIGHT}z"
