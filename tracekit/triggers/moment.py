"""Moments as platforms write them: Unix seconds or milliseconds, numbers or text, and ISO 8601.

Without datetime and strptime, which a cold start should not pay for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138, as milliseconds 1973
_MICROSECONDS_FROM = 1e14
_LATEST = 4102444800000.0  # 2100-01-01; later ones are no moments


def epoch_ms(value: Any) -> float | None:
    """Unix milliseconds; None for what is no moment."""
    try:
        found = _number(float(value)) if not isinstance(value, str) or "T" not in value else _iso(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0 < found < _LATEST else None


def earliest(values: Iterable[Any]) -> float | None:
    """The earliest of several moments, in Unix milliseconds; None where none is one."""
    found = [moment for moment in map(epoch_ms, values) if moment is not None]
    return min(found) if found else None


def _number(value: float) -> float:
    if value >= _MICROSECONDS_FROM:
        return value / 1000
    return value if value >= _MILLISECONDS_FROM else value * 1000


def _iso(text: str) -> float:
    """`2024-02-27T02:00:00.123Z`, or with an offset such as +08:00. ValueError for anything else."""
    date, _, clock = text.strip().partition("T")
    year, month, day = [int(part) for part in date.split("-")]
    clock, offset = _offset(clock)
    hours, minutes, seconds = clock.split(":")
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise ValueError(text)
    of_day = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return (_days(year, month, day) * 86400 + of_day - offset) * 1000


def _offset(clock: str) -> tuple[str, int]:
    """The time of day and its distance from UTC in seconds."""
    if clock.endswith(("Z", "z")):
        return clock[:-1], 0
    for sign, factor in (("+", 60), ("-", -60)):
        time, found, zone = clock.partition(sign)
        if found:
            hours, _, minutes = zone.partition(":")
            return time, factor * (int(hours[:2]) * 60 + int(minutes or hours[2:] or 0))
    return clock, 0


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of the Gregorian calendar; years begin in March, so that leap days come last."""
    year -= month <= 2
    since_march = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + since_march - 719468
