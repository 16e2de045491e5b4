"""Which colour a service has: by traffic, so that the busiest ones are told apart best."""

from __future__ import annotations

from collections.abc import Iterable

COLOURS = 8


def colour_classes(names: Iterable[str]) -> dict[str, str]:
    """CSS classes `s1` to `s8` for names in order of traffic; `s0`, grey, from the ninth on."""
    unique = dict.fromkeys(names)
    return {name: f"s{rank}" if rank <= COLOURS else "s0" for rank, name in enumerate(unique, 1)}
