"""What a TracesQuery may ask of a trace's spans: conditions on one span, and how spans stand to each other.

Plain data that every engine reads; collector.analysis.traceql writes it from text. A condition is about what
a span says: an attribute that is absent fulfils none but `= None`, and a value of another type than the
one compared with none at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

Scope = Literal["intrinsic", "span", "resource", "any"]
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "=~", "!~"]
Value = str | int | float | bool | None

ORDERED: tuple[Operator, ...] = ("<", "<=", ">", ">=")
PATTERNS: tuple[Operator, ...] = ("=~", "!~")

# The field of a span (collector.model.Span) behind an intrinsic, and the type that it is compared with.
INTRINSICS: dict[str, tuple[str, type]] = {
    "name": ("name", str),
    "statusMessage": ("status_message", str),
    "duration": ("duration_ns", int),
    "status": ("status", int),
    "kind": ("kind", int),
}
# Attributes that are read from a column of the store, under their old name of the semantic conventions too;
# all other ones are read from the attributes as they were sent.
SPAN_FIELDS: dict[str, str] = {
    "db.system.name": "db_system",
    "db.system": "db_system",
    "http.request.method": "http_method",
    "http.method": "http_method",
    "http.response.status_code": "http_status",
    "http.status_code": "http_status",
    "messaging.system": "messaging_system",
    "messaging.destination.name": "messaging_destination",
    "faas.trigger": "trigger",
    "faas.coldstart": "coldstart",
    "tracekit.phase": "phase",
}
RESOURCE_FIELDS: dict[str, str] = {
    "service.name": "service",
    "service.version": "version",
    "cloud.platform": "platform",
    "cloud.region": "region",
}


@dataclass(frozen=True, slots=True)
class Field:
    """An intrinsic by its name in INTRINSICS, or an attribute by its key: of the span, of its resource, or
    (`any`) of either."""

    scope: Scope
    name: str

    def __post_init__(self) -> None:
        if not self.name or (self.scope == "intrinsic" and self.name not in INTRINSICS):
            raise ValueError(
                f"there is no field {self.name!r}: use {', '.join(INTRINSICS)}, span., resource. or ."
            )


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`. Numbers compare as doubles. `=~` and `!~` match a whole text with a regular
    expression in the syntax that RE2 and Python share. ValueError where the three do not go together."""

    field: Field
    operator: Operator
    value: Value

    def __post_init__(self) -> None:
        if self.operator in PATTERNS:
            check_pattern(self.value)
        elif self.operator in ORDERED and (isinstance(self.value, (str, bool)) or self.value is None):
            raise ValueError(f"{self.operator} compares numbers and durations")
        if self.field.scope == "intrinsic" and not isinstance(self.value, INTRINSICS[self.field.name][1]):
            raise ValueError(f"{self.field.name} cannot be compared with {self.value!r}")


@dataclass(frozen=True, slots=True)
class All:
    """Every condition holds; without any, of every span."""

    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One condition or more holds."""

    conditions: tuple[Condition, ...]


Condition = Comparison | All | AnyOf


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of a trace that fulfil a condition."""

    where: Condition


@dataclass(frozen=True, slots=True)
class Related:
    """Two sets of spans of one trace, brought together:

    child, descendant - those of `right` whose parent, or one of whose ancestors, is in `left`. and - both
    sets if neither is empty, else none. or - both sets. Where parents go round in a circle, a span is its
    own descendant.
    """

    relation: Literal["child", "descendant", "and", "or"]
    left: Spanset
    right: Spanset


Figure = Literal["count", "avg", "min", "max", "sum"]


@dataclass(frozen=True, slots=True)
class Filtered:
    """Of a set, the spans of those traces in which a figure of the set's spans compares so: how many they
    are, or what they say in `field` (see check_measured). A span that says no number does not count, and a
    trace without any is left out. ValueError where these do not go together."""

    of: Spanset
    figure: Figure
    field: Field | None  # None for `count`
    operator: Operator
    value: float

    def __post_init__(self) -> None:
        if self.operator in PATTERNS:
            raise ValueError(f"{self.figure}() is compared with a number")
        if (self.figure == "count") != (self.field is None):
            raise ValueError("count() takes no field, the others need one")
        if self.field is not None:
            check_measured(self.field)


# A trace matches when the set is not empty.
Spanset = Spans | Related | Filtered


def check_measured(field: Field) -> None:
    """ValueError if spans are not measured by it: `duration`, in nanoseconds, and attributes of the span,
    where they are finite numbers, are what figures can be made of."""
    if field.scope == "resource" or (field.scope == "intrinsic" and field.name != "duration"):
        raise ValueError("figures are made of duration, and of numbers in attributes of the span")


def narrowed(asked: Spanset, condition: Condition) -> Spanset:
    """Those spans of a set that fulfil a condition besides; figures within are of these."""
    if isinstance(asked, Spans):
        return Spans(All((asked.where, condition)))
    if isinstance(asked, Filtered):
        return replace(asked, of=narrowed(asked.of, condition))
    right = narrowed(asked.right, condition)
    if asked.relation in ("child", "descendant"):
        return replace(asked, right=right)
    return replace(asked, left=narrowed(asked.left, condition), right=right)


_LONGEST_PATTERN = 256
# What one of RE2 and Python does not know, or reads otherwise: groups with (?...) but (?:...), references,
# possessive repetition, escapes of letters beyond these (word boundaries among them: \b is a backspace in
# Python's brackets, and \B no place in an empty text), $ before the end, where Python lets a newline follow.
_FOREIGN = re.compile(r"\(\?(?!:)|\\(?![dDwWsSnrt\W])|[*+?}]\+|\{\d{4,}|\{,|,\d{4,}\}|(?<!\\)\$(?![|)]|\Z)")


def check_pattern(pattern: object) -> None:
    """ValueError if this is no regular expression that all engines read alike."""
    if not isinstance(pattern, str):
        raise ValueError("=~ and !~ need a pattern in quotes")
    if len(pattern) > _LONGEST_PATTERN or _FOREIGN.search(pattern):
        raise ValueError(f"the pattern {pattern[:40]!r} is too long, or uses what not every engine knows")
    try:
        re.compile(pattern)
    except (re.error, RecursionError) as error:
        raise ValueError(f"the pattern {pattern[:40]!r} cannot be read: {error}") from None
