"""Whether a difference between two counts may be chance."""

from __future__ import annotations

import math

# Two-sided 99 %: a difference beyond this many standard errors is hardly chance.
Z_99 = 2.576
# The smallest factor worth a sentence; below it the figures themselves say enough.
WORTH_SAYING = 1.5


def share_factor(hits: int, of: int, base_hits: int, base_of: int) -> float | None:
    """How many times the base's share; inf where the base has none; None if it may be chance, or is less.

    A two-proportion z-test at 99 %: three calls prove nothing.
    """
    if not of or not base_of:
        return None
    pooled = (hits + base_hits) / (of + base_of)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / base_of))
    share, base_share = hits / of, base_hits / base_of
    if not deviation or (share - base_share) / deviation < Z_99:
        return None
    factor = share / base_share if base_share else math.inf
    return factor if factor >= WORTH_SAYING else None
