"""Attributes of a span by their shape: what is made at one place in a program has the same keys in the same
order each time, and what follows from the keys alone is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from collector.decode.attributes import MARKS, Entry, attribute_set, object_json
from collector.decode.memo import Memo
from collector.decode.promote import INVOCATION, NOTHING, PROMOTED_KEYS, SpanColumns, columns_of, span_columns

Keys = tuple[str, ...]
# JSON text, columns without the invocation's id, that id, and how many could not be kept.
Attributes = tuple[str, SpanColumns, str, int]


class Shape(NamedTuple):
    """Of keys that differ: each attribute stands for itself."""

    wanted: Keys  # those that columns are made of, but for the invocation's id, which is new in every call
    pick: Callable[[Sequence[Any]], Any]  # their values, from those of all
    invocation_at: int  # place of the invocation's id, -1 without one


def read(entries: Sequence[Entry], kind: int, exception_type: str) -> Attributes:
    """Of a span of this kind; `exception_type` is of its last exception event, "" without one."""
    if not entries:
        return "", span_columns(kind, {}, exception_type), "", 0
    keys, fragments, texts = zip(*entries)
    shape = _SHAPES[keys]
    if shape is None:
        return _unusual(entries, kind, exception_type)
    columns = NOTHING
    if shape.wanted or exception_type:
        columns = columns_of(kind, shape.wanted, shape.pick(texts), exception_type)
    invocation_id = texts[shape.invocation_at] or "" if shape.invocation_at >= 0 else ""
    return f"{{{','.join(fragments)}}}", columns, invocation_id, 0


def _unusual(entries: Sequence[Entry], kind: int, exception_type: str) -> Attributes:
    found = attribute_set(entries)
    columns = span_columns(kind, found.wanted, exception_type)
    return object_json(found.fragments), columns, columns.invocation_id, found.dropped


def _shape(keys: Keys) -> Shape | None:
    """None where a key comes twice or is empty, or stands alone and would read as a mark."""
    ids = [place for place, key in enumerate(keys) if key in INVOCATION]
    if len(set(keys)) < len(keys) or "" in keys or len(ids) > 1 or (len(keys) == 1 and keys[0] in MARKS):
        return None
    places = [place for place, key in enumerate(keys) if key in PROMOTED_KEYS and place not in ids]
    wanted = tuple(keys[place] for place in places)
    return Shape(wanted, _picker(places), ids[0] if ids else -1)


def _picker(places: Sequence[int]) -> Callable[[Sequence[Any]], Any]:
    if len(places) < 2:  # itemgetter of one gives no tuple
        return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))
    return itemgetter(*places)


def _length(keys: Keys) -> int:
    return len(keys) + sum(map(len, keys))


_SHAPES: Memo[Keys, Shape | None] = Memo(_shape, 1_024, longest=4_096, measure=_length)
