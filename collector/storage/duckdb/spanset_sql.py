"""Sets of spans as SQL: structure from the query object, every value and key a bound parameter.

`steps` become common table expressions of traces.sql, each with (trace_id, span_id, parent_span_id) of the
spans in its set; the last one is the whole set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from collector.storage.duckdb.sql import pointer
from collector.storage.spanset import (
    INTRINSICS,
    PATTERNS,
    RESOURCE_FIELDS,
    SPAN_FIELDS,
    All,
    Comparison,
    Condition,
    Field,
    Filtered,
    Spans,
    Spanset,
)

# Columns where "" stands for an absent attribute; in the others it is NULL.
_TEXT = frozenset({*SPAN_FIELDS.values(), *RESOURCE_FIELDS.values()} - {"http_status", "coldstart"})
_COLUMN_TYPES: dict[str, type] = {"http_status": int, "coldstart": bool}
_INTRINSIC_TEXTS = {
    "name": "name",
    "statusMessage": "status_message",
    "status": "['unset', 'ok', 'error'][status + 1]",
    "kind": "['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1]",
}
_TRUTHS = "WHEN 'true' THEN true WHEN 'false' THEN false"
# Characters that always stand for themselves in JSON; and from where on whole doubles may have an exponent.
_PLAIN = re.compile(r"[A-Za-z0-9_.:\- ]*")
_WRITTEN_OUT = 10**15


@dataclass(frozen=True, slots=True)
class Step:
    """One expression: `spans` with a condition, two earlier steps brought together, or what is kept of the
    one on the left where `condition` holds of a trace's spans, measured by `measured`."""

    name: str
    kind: Literal["spans", "child", "descendant", "and", "or", "filtered"]
    condition: str = ""
    left: str = ""
    right: str = ""
    measured: str = ""


@dataclass(slots=True)
class Compiled:
    """`origins` are the conditions on resources' attributes, by name; `values` the parameters."""

    steps: list[Step] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def recursive(self) -> bool:
        return any(step.kind == "descendant" for step in self.steps)


def compile_spanset(asked: Spanset) -> Compiled:
    compiled = Compiled()
    _step(asked, compiled)
    return compiled


def _step(asked: Spanset, out: Compiled) -> str:
    """Adds the steps of a set; the name of its last."""
    if isinstance(asked, Spans):
        step = Step(f"set_{len(out.steps)}", "spans", _condition(asked.where, out))
    elif isinstance(asked, Filtered):
        left = _step(asked.of, out)
        having, figured = _having(asked, out), _figured(asked, out)
        step = Step(f"set_{len(out.steps)}", "filtered", having, left, measured=figured)
    else:
        left, right = _step(asked.left, out), _step(asked.right, out)
        step = Step(f"set_{len(out.steps)}", asked.relation, left=left, right=right)
    out.steps.append(step)
    return step.name


def _having(asked: Filtered, out: Compiled) -> str:
    figure = {"avg": "fsum(figure) / count(figure)", "sum": "fsum(figure)"}.get(
        asked.figure, f"{asked.figure}(figure)"
    )
    operator = "<>" if asked.operator == "!=" else asked.operator
    return f"{figure} {operator} {_bind(float(asked.value), out)}"


def _figured(asked: Filtered, out: Compiled) -> str:
    return measured(asked.field, out) if asked.field else "1"


def measured(field: Field, out: Compiled) -> str:
    """The number that a span says in a field that figures are made of; NULL if it says none."""
    if field.scope == "intrinsic":
        return "duration_ns::DOUBLE"
    column = SPAN_FIELDS.get(field.name)
    if column:
        return f"{column}::DOUBLE" if _COLUMN_TYPES.get(column) is int else "NULL::DOUBLE"
    said = f"json_extract(nullif(attributes, ''), {_bind(pointer(field.name), out)})"
    number = f"try_cast({said}::VARCHAR AS DOUBLE)"  # a string keeps its quotes here, and is no number
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def grouped_by(field: Field, out: Compiled) -> str:
    """What a span says in a field, as text: "" if nothing. Resources' attributes are the column `sent_by`."""
    if field.scope == "intrinsic":
        return _INTRINSIC_TEXTS[field.name]
    sides = []
    if field.scope in ("span", "any"):
        sides.append(_text(SPAN_FIELDS, "attributes", field.name, out))
    if field.scope in ("resource", "any"):
        sides.append(_text(RESOURCE_FIELDS, "sent_by", field.name, out))
    return f"coalesce({', '.join(sides)}, '')"


def _text(columns: dict[str, str], attributes: str, key: str, out: Compiled) -> str:
    if key in columns:
        return f"nullif({columns[key]}::VARCHAR, '')"
    return f"json_extract_string(nullif({attributes}, ''), {_bind(pointer(key), out)})"


def _condition(condition: Condition, out: Compiled) -> str:
    if isinstance(condition, Comparison):
        return _comparison(condition, out)
    joint, none = (" AND ", "true") if isinstance(condition, All) else (" OR ", "false")
    return (
        "(" + joint.join(_condition(part, out) for part in condition.conditions) + ")"
        if (condition.conditions)
        else none
    )


def _comparison(asked: Comparison, out: Compiled) -> str:
    scope, name = asked.field.scope, asked.field.name
    if scope == "intrinsic":
        return _column(INTRINSICS[name][0], asked, out)
    sides = []
    if scope in ("span", "any"):
        sides.append(_of_span(name, asked, out))
    if scope in ("resource", "any"):
        sides.append(_of_resource(name, asked, out))
    absent = asked.value is None and asked.operator == "="
    return "(" + (" AND " if absent else " OR ").join(sides) + ")"


def _of_span(key: str, asked: Comparison, out: Compiled) -> str:
    return _column(SPAN_FIELDS[key], asked, out) if key in SPAN_FIELDS else _json(key, asked, out)


def _of_resource(key: str, asked: Comparison, out: Compiled) -> str:
    if key in RESOURCE_FIELDS:
        return _column(RESOURCE_FIELDS[key], asked, out)
    name = f"origin_{len(out.origins)}"
    out.origins[name] = _json(key, asked, out)
    return f"resource_id IN (FROM {name})"


def _column(column: str, asked: Comparison, out: Compiled) -> str:
    """Of a column, where there is one of the type asked for."""
    if asked.value is None:
        there = f"{column} <> ''" if column in _TEXT else f"{column} IS NOT NULL"
        return there if asked.operator == "!=" else f"NOT ({there})"
    held = str if column in _TEXT else _COLUMN_TYPES.get(column) or _intrinsic_type(column)
    if _kind(asked.value) is not held:
        return "false"
    there = f"{column} <> '' AND " if column in _TEXT else ""
    number = f"{column}::DOUBLE" if held is int else column
    return f"({there}coalesce({_operation(number, asked, out)}, false))"


def _intrinsic_type(column: str) -> type:
    return next(kind for name, kind in INTRINSICS.values() if name == column)


def _json(key: str, asked: Comparison, out: Compiled) -> str:
    """Of an attribute in JSON. NaN, bytes, lists and maps are other types, which nothing is compared with."""
    path = _bind(pointer(key), out)
    held = f"json_type(nullif(attributes, ''), {path})"
    if asked.value is None:
        return f"coalesce({held}, 'NULL') {'<>' if asked.operator == '!=' else '='} 'NULL'"
    kind = _kind(asked.value)
    said = f"json_extract(nullif(attributes, ''), {path})::VARCHAR"
    if kind is str:  # with its quotes and escapes
        text = f"json_extract_string(nullif(attributes, ''), {path})"
        compared = f"{held} = 'VARCHAR' AND coalesce({_operation(text, asked, out)}, false)"
    else:  # a text keeps its quotes in `said`, so it is neither a number nor a truth
        cast = f"try_cast({said} AS DOUBLE)" if kind is int else f"CASE {said} {_TRUTHS} END"
        compared = _operation(cast, asked, out)
    # Finding bytes costs a fifth of reading JSON. CASE, because both sides of an AND may be worked out.
    there = _bind(_bytes_of(key, asked), out)
    return f"CASE WHEN contains(attributes, {there}) THEN coalesce({compared}, false) ELSE false END"


def _bytes_of(key: str, asked: Comparison) -> str:
    """What attributes that match hold, as collector.jsonvalue writes them: the key, and of the value as much
    as is written in one way only."""
    if not _PLAIN.fullmatch(key):
        return ""
    value = asked.value
    found = f'"{key}":'
    if asked.operator != "=":
        return found
    if isinstance(value, bool):
        return found + str(value).lower()
    if isinstance(value, str):
        return f'{found}"{value}"' if _PLAIN.fullmatch(value) else found
    if isinstance(value, (int, float)) and value and abs(value) < _WRITTEN_OUT and value == int(value):
        return found + str(int(value))  # 77, 77.0 (and 770): both numbers begin like that
    return found


def _operation(left: str, asked: Comparison, out: Compiled) -> str:
    value = asked.value
    bound = _bind(float(value) if _kind(value) is int else value, out)  # type: ignore[arg-type]
    if asked.operator in PATTERNS:
        match = f"regexp_full_match({left}, {bound})"
        return match if asked.operator == "=~" else f"NOT {match}"
    return f"{left} {'<>' if asked.operator == '!=' else asked.operator} {bound}"


def _kind(value: object) -> type:
    if isinstance(value, bool):
        return bool
    return str if isinstance(value, str) else int


def _bind(value: object, out: Compiled) -> str:
    name = f"asked_{len(out.values)}"
    out.values[name] = value
    return f"${name}"
