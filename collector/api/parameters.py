"""Parameters of a query string, checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import parse_qs

from collector.storage.base import InvalidQuery


def given(query: str, known: Collection[str]) -> dict[str, str]:
    """By name, the last of equal ones. InvalidQuery for one that is not known."""
    try:
        found = {name: values[-1] for name, values in parse_qs(query, max_num_fields=20).items()}
    except ValueError as error:
        raise InvalidQuery("too many parameters") from error
    unknown = found.keys() - set(known)
    if unknown:
        raise InvalidQuery(f"there is no parameter {sorted(unknown)[0][:50]!r}")
    return found


def whole(given: Mapping[str, str], name: str, default: int, highest: int) -> int:
    """A whole number that is not negative, or the default. InvalidQuery."""
    text = given.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > highest:
        raise InvalidQuery(f"{name} must be a whole number up to {highest}")
    return int(text)
