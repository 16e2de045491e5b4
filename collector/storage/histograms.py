"""Merging histograms, and reading quantiles from them: the same arithmetic in every engine.

Explicit buckets merge exactly over the bounds they share. Exponential buckets merge exactly at the lowest of
their scales: lowering a scale by one joins two neighbours (OpenTelemetry metrics data model,
"ExponentialHistogram: Scale"), base = 2^(2^-scale).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeVar


class Estimate(NamedTuple):
    """A quantile, and the edges of the bucket it was found in."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """Between `low` and `high`; `at(fraction)` of the way through it by the histogram's own measure."""

    low: float
    high: float
    count: float
    geometric: bool = False

    def at(self, fraction: float) -> float:
        if self.low == -math.inf or self.high == math.inf:  # open: the edge that is known
            return self.high if self.low == -math.inf else self.low
        if not self.geometric:
            return self.low + (self.high - self.low) * fraction
        grown = self.high / self.low
        if not math.isfinite(grown) or grown <= 0:
            return self.high
        found: float = self.low * grown**fraction
        return found


def quantile(buckets: Iterable[Bucket], q: float) -> Estimate | None:
    """The q-quantile over buckets in rising order; None if they are empty."""
    filled = [bucket for bucket in buckets if bucket.count > 0]
    if not filled:
        return None
    rank = q * math.fsum(bucket.count for bucket in filled)
    ends = accumulate(bucket.count for bucket in filled)
    for bucket, end in zip(filled, ends):
        if rank <= end:
            fraction = (rank - (end - bucket.count)) / bucket.count
            return Estimate(bucket.at(fraction), bucket.low, bucket.high)
    return Estimate(filled[-1].at(1.0), filled[-1].low, filled[-1].high)


# ---------------------------------------------------------------- explicit bounds

Counts = Mapping[tuple[float, ...], Sequence[int]]  # bounds -> counts, one more of them


def explicit_buckets(merged: Counts) -> list[Bucket]:
    """Histograms with bounds of their own as one, over the bounds that all of them have.

    The lowest bucket begins at 0 where its end is positive, as durations and sizes do; else it is open.
    """
    if not merged:
        return []
    shared = sorted(set.intersection(*(set(bounds) for bounds in merged)))
    totals: Counter[int] = Counter()
    for bounds, counts in merged.items():
        for index, count in enumerate(counts):
            upper = bounds[index] if index < len(bounds) else math.inf
            totals[_first_at_least(shared, upper)] += count
    edges = [0.0 if shared and shared[0] > 0 else -math.inf, *shared, math.inf]
    return [Bucket(low, high, totals[index]) for index, (low, high) in enumerate(pairwise(edges))]


def _first_at_least(ordered: Sequence[float], value: float) -> int:
    return sum(1 for edge in ordered if edge < value)


K = TypeVar("K")


def aligned_explicit(parts: Mapping[K, Counts]) -> dict[K, list[Bucket]]:
    """Several merged histograms over the bounds that all of them have."""
    nothing = {bounds: [0] * (len(bounds) + 1) for counts in parts.values() for bounds in counts}
    return {part: explicit_buckets({**nothing, **counts}) for part, counts in parts.items()}


# ---------------------------------------------------------------- exponential


@dataclass(slots=True)
class Exponential:
    """Exponential buckets of one scale: index -> count on either side of zero."""

    scale: int
    zero_count: int = 0
    zero_threshold: float = 0.0
    positive: Counter[int] = field(default_factory=Counter)
    negative: Counter[int] = field(default_factory=Counter)

    def lowered(self, scale: int) -> Exponential:
        """The same at this lower scale."""
        by = self.scale - scale
        if not by:
            return self
        positive, negative = _joined(self.positive, by), _joined(self.negative, by)
        return Exponential(scale, self.zero_count, self.zero_threshold, positive, negative)

    def add(self, other: Exponential, sign: int = 1) -> None:
        """Take up another of the same scale; take it away again with sign -1."""
        assert other.scale == self.scale
        self.zero_count += sign * other.zero_count
        self.zero_threshold = max(self.zero_threshold, other.zero_threshold)
        for mine, others in ((self.positive, other.positive), (self.negative, other.negative)):
            for index, count in others.items():
                mine[index] += sign * count

    def buckets(self) -> list[Bucket]:
        """In rising order. What lies within the zero threshold counts as zero."""
        zeros = self.zero_count
        below: list[Bucket] = []
        above: list[Bucket] = []
        for counts, into in ((self.negative, below), (self.positive, above)):
            for index in sorted(counts):
                low, high = bucket_edges(self.scale, index)
                if high <= self.zero_threshold:
                    zeros += counts[index]
                else:
                    into.append(Bucket(low, high, counts[index], geometric=True))
        mirrored = [Bucket(-b.high, -b.low, b.count, geometric=True) for b in reversed(below)]
        middle = Bucket(-self.zero_threshold if below else 0.0, self.zero_threshold if above else 0.0, zeros)
        return [*mirrored, middle, *above]


def aligned_exponential(parts: Mapping[K, Exponential], rows: int) -> dict[K, list[Bucket]]:
    """Several at one scale, so low that the buckets of either sign span at most `rows`."""
    if not parts:
        return {}
    scale = min(found.scale for found in parts.values())
    threshold = max(found.zero_threshold for found in parts.values())
    while _spanned([found.lowered(scale) for found in parts.values()]) > rows:
        scale -= 1
    lowered = {part: replace(found.lowered(scale), zero_threshold=threshold) for part, found in parts.items()}
    return {part: found.buckets() for part, found in lowered.items()}


def _spanned(found: Sequence[Exponential]) -> int:
    """How many buckets of either sign lie between the first and the last that is filled in any."""
    sides = ([each.positive for each in found], [each.negative for each in found])
    filled = ([index for counts in side for index, n in counts.items() if n] for side in sides)
    return max((max(indices) - min(indices) + 1 for indices in filled if indices), default=0)


def _joined(counts: Mapping[int, int], by: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for index, count in counts.items():
        found[index >> by] += count
    return found


def bucket_edges(scale: int, index: int) -> tuple[float, float]:
    """(base^index, base^(index + 1)], as far as doubles reach."""
    return _power(index, scale), _power(index + 1, scale)


def _power(index: int, scale: int) -> float:
    """2^(index * 2^-scale)."""
    exponent = math.ldexp(index, -scale)
    if exponent >= 1024:
        return math.inf
    return 2.0**exponent if exponent > -1075 else 0.0


def merged(parts: Sequence[tuple[int, Exponential]]) -> Exponential | None:
    """Signed histograms as one at the lowest of their scales; None for none."""
    if not parts:
        return None
    scale = min(part.scale for _, part in parts)
    total = Exponential(scale)
    for sign, part in parts:
        total.add(part.lowered(scale), sign)
    return total
