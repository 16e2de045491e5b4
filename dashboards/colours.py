"""Which colour a service has: by traffic, so that the busiest ones are told apart best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

COLOURS = 8


def colour_classes(names: Iterable[str]) -> dict[str, str]:
    """CSS classes `s1` to `s8` for names in order of traffic; `s0`, grey, from the ninth on."""
    unique = dict.fromkeys(names)
    return {name: f"s{rank}" if rank <= COLOURS else "s0" for rank, name in enumerate(unique, 1)}


def told_apart(classes: Mapping[str, str], shown: Iterable[str]) -> dict[str, str]:
    """The classes on a page that shows few services, where grey ones would look alike: in their order they
    take the colours that nothing else on the page has."""
    names = list(dict.fromkeys(shown))
    taken = {classes.get(name) for name in names}
    free = [f"s{rank}" for rank in range(1, COLOURS + 1) if f"s{rank}" not in taken]
    grey = [name for name in names if classes.get(name, "s0") == "s0"]
    return {**classes, **dict(zip(grey, free, strict=False))}
