"""Sets of spans in the reference engine: the contract of spanset.py, span by span."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from collector import jsonvalue
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
    Filtered,
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
    return bool(select(spans, asked))


def select(spans: Sequence[Span], asked: Spanset) -> set[str]:
    """Span ids of the set, among the spans of one trace."""
    if isinstance(asked, Spans):
        return {span.span_id for span in spans if _holds(span, asked.where)}
    if isinstance(asked, Filtered):
        chosen = select(spans, asked.of)
        return chosen if _compares_figure([s for s in spans if s.span_id in chosen], asked) else set()
    left, right = select(spans, asked.left), select(spans, asked.right)
    if asked.relation == "or":
        return left | right
    if asked.relation == "and":
        return left | right if left and right else set()
    parents = {span.span_id: span.parent_span_id for span in spans}
    if asked.relation == "child":
        return {span_id for span_id in right if parents[span_id] in left}
    return {span_id for span_id in right if _ancestors(span_id, parents) & left}


_FIGURES: dict[str, Callable[[list[float]], float]] = {
    "count": len,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "sum": math.fsum,
}


def _compares_figure(spans: list[Span], asked: Filtered) -> bool:
    said = [measured(span, asked.field) if asked.field else 1.0 for span in spans]
    values = [value for value in said if value is not None]
    return bool(values) and _COMPARE[asked.operator](_FIGURES[asked.figure](values), asked.value)


def measured(span: Span, field: Field) -> float | None:
    """The number that a span says in a field that figures are made of; None if it says none."""
    if field.scope == "intrinsic":
        return float(span.duration_ns)
    return jsonvalue.number(attribute(span, field.name, SPAN_FIELDS, span.attributes))


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
        found.append(attribute(span, field.name, SPAN_FIELDS, span.attributes))
    if field.scope in ("resource", "any"):
        found.append(attribute(span, field.name, RESOURCE_FIELDS, span.resource))
    if condition.operator == "=" and condition.value is None:
        return [None] if all(value is None for value in found) else []
    return found


def attribute(span: Span, key: str, fields: dict[str, str], attributes: dict[str, Any]) -> Any:
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
