"""The storage contract of the key catalogue: which attribute keys there are, with types and examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from collector.storage.attribute_counts import Scalar, is_choice

# Attributes of what. `event` are those of span events, `metric` those of series, by data points; `resource`
# and `scope` are counted by the rows of all signals that came from them.
KeySource = Literal["span", "event", "resource", "scope", "log", "metric"]
SOURCES: tuple[KeySource, ...] = get_args(KeySource)
# OTLP's kinds of AnyValue.
KeyType = Literal["string", "int", "double", "bool", "bytes", "array", "map", "empty"]
# Of one key and type.
MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class KeysQuery:
    """Keys of `of`, every source for "", that contain the text, ignoring case. With `start_ns` and `end_ns`:
    those of which some row lies before `end_ns` and some at or after `start_ns`."""

    of: KeySource | Literal[""] = ""
    text: str = ""
    start_ns: int = -(2**63)
    end_ns: int = 2**63 - 1
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class AttributeKey:
    """One key, no longer than attribute_counts.LONGEST, with values of one type: a key of two types is two of
    these. `rows` that are stored say it (a row that stands for others counts once), from `first_ns` to
    `last_ns`. `examples` are some of its values where they are short, no two equal; which ones is the
    engine's choice."""

    of: KeySource
    key: str
    type: KeyType
    rows: int
    first_ns: int
    last_ns: int
    examples: tuple[Scalar, ...] = ()


def type_of(value: Any) -> KeyType:
    """Of an OTLP value as collector.model.Attributes holds it."""
    for kinds, name in _TYPES:
        if isinstance(value, kinds):
            return name
    return "empty"


_TYPES: tuple[tuple[type | tuple[type, ...], KeyType], ...] = (
    (bool, "bool"),  # before int, which a bool is too
    (int, "int"),
    (float, "double"),
    (str, "string"),
    (bytes, "bytes"),
    ((list, tuple), "array"),
    (Mapping, "map"),
)


def merged(found: Iterable[AttributeKey], query: KeysQuery) -> tuple[AttributeKey, ...]:
    """Partial entries added up, those that the query means, in order."""
    whole: dict[tuple[str, str, str], AttributeKey] = {}
    for one in found:
        place = one.of, one.key, one.type
        known = whole.get(place)
        whole[place] = _added(known, one) if known else one
    matching = [one for one in whole.values() if _matches(one, query)]
    matching.sort(key=lambda one: (-one.rows, SOURCES.index(one.of), one.key, one.type))
    return tuple(matching[: query.limit])


def _added(one: AttributeKey, other: AttributeKey) -> AttributeKey:
    examples = {(type(value), value): value for value in (*one.examples, *other.examples)}
    return replace(
        one,
        rows=one.rows + other.rows,
        first_ns=min(one.first_ns, other.first_ns),
        last_ns=max(one.last_ns, other.last_ns),
        examples=tuple(examples.values())[:MOST_EXAMPLES],
    )


def _matches(one: AttributeKey, query: KeysQuery) -> bool:
    within = one.first_ns < query.end_ns and one.last_ns >= query.start_ns
    return (
        is_choice(one.key)
        and within
        and query.of in ("", one.of)
        and query.text.casefold() in one.key.casefold()
    )
