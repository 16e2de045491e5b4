"""Durations as people type them into a filter: ">500ms", "<2s", "100ms-2s"."""

from __future__ import annotations

import re
from decimal import Decimal

from collector.storage.base import InvalidQuery

UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
LONGEST_NS = 2**63 - 1

_AMOUNT = r"(\d{1,9}(?:\.\d{1,9})?) ?(ns|us|µs|μs|ms|s|m|h)?"
_SINGLE = re.compile(rf"(>=|<=|≥|≤|>|<)? ?{_AMOUNT}")
_RANGE = re.compile(rf"{_AMOUNT} ?(?:-|–|\.\.) ?{_AMOUNT}")


def duration_bounds(text: str) -> tuple[int, int]:
    """(shortest, longest) in nanoseconds, both included, 0 where there is no bound.

    A bare amount is a lower bound and a number without unit counts milliseconds. InvalidQuery if
    unreadable, or if nothing can lie between the bounds.
    """
    text = text.strip()
    if not text:
        return 0, 0
    if found := _RANGE.fullmatch(text):
        shortest, longest = _ns(found[1], found[2] or found[4]), _ns(found[3], found[4])
    elif found := _SINGLE.fullmatch(text):
        shortest, longest = _one_sided(found[1] or ">=", _ns(found[2], found[3]))
    else:
        raise InvalidQuery(f"cannot read the duration {text[:40]!r}: write >500ms, <2s or 100ms-2s")
    if longest and longest < shortest:
        raise InvalidQuery(f"no duration lies within {text[:40]!r}")
    return shortest, longest


def _one_sided(sign: str, ns: int) -> tuple[int, int]:
    if sign in (">", ">=", "≥"):
        return ns + (sign == ">"), 0
    longest = ns - (sign == "<")
    if longest < 1:
        raise InvalidQuery("no duration is that short")
    return 0, longest


def _ns(amount: str, unit: str | None) -> int:
    return min(int(Decimal(amount) * UNITS[unit or "ms"]), LONGEST_NS)
