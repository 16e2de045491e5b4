"""Sets of spans in the reference engine: the contract of spanset.py, span by span."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from collector.model import Span
from collector.storage.spanset import (
    INTRINSICS,
    RESOURCE_FIELDS,
    SPAN_FIELDS,
    All,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Spans,
    Spanset,
)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
    "=~": lambda text, pattern: bool(re.fullmatch(pattern, text, re.ASCII)),
    "!~": lambda text, pattern: not re.fullmatch(pattern, text, re.ASCII),
}  # fmt: skip


def has_spanset(spans: Sequence[Span], asked: Spanset) -> bool:
    """Whether a trace with these spans matches."""
    return bool(_select(spans, asked))


def _select(spans: Sequence[Span], asked: Spanset) -> set[str]:
    """Span ids of the set."""
    if isinstance(asked, Spans):
        return {span.span_id for span in spans if _holds(span, asked.where)}
    left, right = _select(spans, asked.left), _select(spans, asked.right)
    if asked.relation == "or":
        return left | right
    if asked.relation == "and":
        return left | right if left and right else set()
    parents = {span.span_id: span.parent_span_id for span in spans}
    if asked.relation == "child":
        return {span_id for span_id in right if parents[span_id] in left}
    return {span_id for span_id in right if _ancestors(span_id, parents) & left}


def _ancestors(span_id: str, parents: dict[str, str]) -> set[str]:
    above: set[str] = set()
    at = parents[span_id]
    while at and at not in above:
        above.add(at)
        at = parents.get(at, "")
    return above


def _holds(span: Span, condition: Condition) -> bool:
    if isinstance(condition, All):
        return all(_holds(span, part) for part in condition.conditions)
    if isinstance(condition, AnyOf):
        return any(_holds(span, part) for part in condition.conditions)
    return any(_compares(value, condition) for value in _values(span, condition.field, condition))


def _values(span: Span, field: Field, condition: Comparison) -> list[Any]:
    """What the span says; None for an absent attribute. An attribute of either is absent if both are."""
    if field.scope == "intrinsic":
        return [getattr(span, INTRINSICS[field.name][0])]
    found = []
    if field.scope in ("span", "any"):
        found.append(_attribute(span, field.name, SPAN_FIELDS, span.attributes))
    if field.scope in ("resource", "any"):
        found.append(_attribute(span, field.name, RESOURCE_FIELDS, span.resource))
    if condition.operator == "=" and condition.value is None:
        return [None] if all(value is None for value in found) else []
    return found


def _attribute(span: Span, key: str, fields: dict[str, str], attributes: dict[str, Any]) -> Any:
    if key in fields:
        value = getattr(span, fields[key])
        return None if value == "" else value
    return attributes.get(key)


def _compares(value: Any, condition: Comparison) -> bool:
    asked = condition.value
    if asked is None:
        return (value is None) == (condition.operator == "=")
    if isinstance(asked, bool) or isinstance(value, bool):
        alike = isinstance(asked, bool) and isinstance(value, bool)
    elif isinstance(asked, str):
        alike = isinstance(value, str)
    else:
        alike = isinstance(value, (int, float)) and math.isfinite(value)
        value, asked = (float(value), float(asked)) if alike else (value, asked)
    return alike and _COMPARE[condition.operator](value, asked)
