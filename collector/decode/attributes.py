"""Attributes while decoding: each becomes a JSON fragment at once; a value is kept if a column wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from collector import jsonvalue
from collector.decode.promote import PROMOTED_KEYS, scalar_text

# Deeper values are dropped and counted. upb stops near 48 levels, a JSON parser at some hundreds:
# one bound for both, so that the two decoders agree.
MAX_DEPTH = 32
# Of one span, event or link; the rest are dropped and counted.
MAX_ATTRIBUTES = 10_000
# Inside one attribute's arrays and maps; with more of them it is dropped and counted.
MAX_VALUES = 100_000

# A lone key that is one of these marks would read back as something else (jsonvalue).
MARKS = ("$bytes", "$double", "$map")


class Entry(NamedTuple):
    """One attribute. `fragment` is `"key":value` as JSON, `wanted` its value as text if a column needs it."""

    key: str
    fragment: str
    wanted: str | None


# Stands for an attribute that cannot be read: it is counted as dropped.
UNREADABLE = Entry("", "", None)


def entry(key: str, value: Any) -> Entry:
    """An attribute with a key and a readable value (collector.model.Attributes says which those are)."""
    if not key:
        return UNREADABLE
    wanted = scalar_text(value) if key in PROMOTED_KEYS else None
    text = encode_basestring(value) if type(value) is str else jsonvalue.dumps(value)
    del value  # it may be large: no more copies of it at once than must be
    return Entry(key, f"{encode_basestring(key)}:{text}", wanted)


class AttributeSet(NamedTuple):
    """Attributes of one span, event, link or resource. `fragments` is by key: the last of equal keys wins."""

    fragments: dict[str, str]
    wanted: dict[str, str]
    dropped: int

    @property
    def json(self) -> str:
        return object_json(self.fragments)


def attribute_set(entries: Sequence[Entry], dropped: int = 0) -> AttributeSet:
    fragments: dict[str, str] = {}
    wanted: dict[str, str] = {}
    for key, fragment, value in entries:
        fragments[key] = fragment
        if value:
            wanted[key] = value
    if fragments.pop("", None) is not None:
        dropped += sum(1 for e in entries if not e.key)
    return AttributeSet(fragments, wanted, dropped)


def object_json(fragments: dict[str, str]) -> str:
    """The JSON text `jsonvalue.dumps` would write for the whole; "" for none."""
    if not fragments:
        return ""
    text = f"{{{','.join(fragments.values())}}}"  # one copy: `+` would make another of a large value
    return f'{{"$map":{text}}}' if len(fragments) == 1 and next(iter(fragments)) in MARKS else text


def clean(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate becomes U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def array_json(parts: Iterable[str]) -> str:
    """A JSON array of ready texts; "" for none."""
    text = ",".join(parts)
    return f"[{text}]" if text else ""
