"""A figure against the same figure of the period before, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dashboards import format
from dashboards.i18n import _

Direction = Literal["up", "down", "same"]


@dataclass(frozen=True, slots=True)
class Change:
    """`text` such as "+12%" or "-1.2 pp"; `before` the earlier figure, as shown on hover."""

    text: str
    direction: Direction
    before: str


def relative(now: float, before: float, shown_before: str) -> Change | None:
    """The change in percent, in factors from five times on; None where there was nothing before."""
    if not before:
        return None
    ratio = now / before
    if ratio >= 5:
        return Change(f"×{format.count(ratio)}", "up", shown_before)
    return _signed((ratio - 1) * 100, "%", shown_before, digits=0)


def points(now: float | None, before: float | None) -> Change | None:
    """The change of a ratio in percentage points; None where either is unknown."""
    if now is None or before is None:
        return None
    return _signed((now - before) * 100, " pp", format.percent(before), digits=1)


def _signed(value: float, unit: str, before: str, digits: int) -> Change:
    shown = round(value, digits)
    if not shown:
        return Change(_("no change"), "same", before)
    return Change(f"{shown:+.{digits}f}{unit}", "up" if shown > 0 else "down", before)
