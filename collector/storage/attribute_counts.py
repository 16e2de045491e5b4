"""How often keys and values of attributes occur in some spans; the same for every engine."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeGuard

from collector.model import Attributes
from collector.storage.base import AttributesQuery

Scalar = str | int | float | bool
# Longer texts are no choice that anybody reads.
LONGEST = 200


def count(said: Iterable[Attributes], query: AttributesQuery) -> tuple[tuple[Scalar, int], ...]:
    """Of the attributes of each span of the sample, as AttributesQuery says. Equal numbers of different types
    and true are different values."""
    counts: Counter[tuple[str, Scalar]] = Counter()
    for attributes in said:
        found: Iterable[Any] = [attributes.get(query.key)] if query.key else attributes
        counts.update((type(value).__name__, value) for value in found if is_choice(value))
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], str(entry[0][1]), entry[0][0]))
    return tuple((value, times) for (_, value), times in ordered[: query.limit])


def is_choice(value: object) -> TypeGuard[Scalar]:
    """Whether it is a value that somebody may want to choose from a list."""
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST
    return isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value))
