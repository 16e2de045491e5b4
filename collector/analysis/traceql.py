"""TraceQL, the part of it that docs/dashboards.md lists: text to the query that engines read, and back.

    { resource.service.name = "checkout" && duration > 1s } >> { span.db.system.name = "postgresql" }

Written from the grammar in Grafana's documentation of TraceQL. `>` and `>>` bind closer than `&&`, that
closer than `||`, between braces as inside of them; `|` and a figure come last.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeVar, get_args

from collector.model import Kind, Status
from collector.storage.base import InvalidQuery
from collector.storage.spanset import (
    INTRINSICS,
    All,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Figure,
    Filtered,
    Operator,
    Related,
    Scope,
    Spans,
    Spanset,
    Value,
)

T = TypeVar("T")

# More is no question a person asks, and bounds what an engine has to join.
MOST_SETS = 8
MOST_COMPARISONS = 32
DEEPEST = 20

# Words for the numbers of OTLP. TraceQL calls unset status and kind so, too.
STATUSES = {status.name.lower(): int(status) for status in Status}
KINDS = {kind.name.lower(): int(kind) for kind in Kind}
WORDS = {"status": STATUSES, "kind": KINDS}
UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
FIGURES: tuple[Figure, ...] = get_args(Figure)
OPERATORS: tuple[Operator, ...] = ("=", "!=", ">=", "<=", ">", "<", "=~", "!~")

# Where a number is expected, what is read as the key of an attribute elsewhere.
_FRACTION = re.compile(r"\.\d{1,20}")
_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<text>"(?:[^"\\]|\\.)*" | `[^`]*`)
    | (?P<key>(?:span|resource)?\.(?:"(?:[^"\\]|\\.)+" | [^\s{}()="'`!<>~&|,]+))
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?P<unit>ns|us|µs|ms|s|m|h)?(?![\w.]))
    | (?P<mark>&&|\|\||>>|=~|!~|!=|>=|<=|[{}()=<>|,])
    | (?P<word>[A-Za-z]\w*)
    | (?P<wrong>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str) -> Spanset:
    """The query. InvalidQuery says what is wrong, and where (counted from 1)."""
    parser = Parser(tokens(text))
    found = parser.piped(0)
    parser.expect_end()
    return found


def tokens(text: str) -> list[Token]:
    """Without blanks; the last one is of kind `end`. What is no token is of kind `wrong`."""
    found = [
        Token("number" if match.lastgroup == "unit" else str(match.lastgroup), match[0], match.start())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "space"
    ]
    return [*found, Token("end", "", len(text))]


def is_traceql(text: str) -> bool:
    """Whether somebody means a query, and not words to look for."""
    return text.lstrip("( \t\n").startswith("{")


@dataclass(slots=True)
class Parser:
    """Recursive descent over tokens."""

    tokens: list[Token]
    place: int = 0
    sets: int = 0
    comparisons: int = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    def take(self, *texts: str) -> str:
        """The mark here if it is one of these, taken; else ""."""
        token = self.here
        if token.kind == "mark" and token.text in texts:
            self.place += 1
            return token.text
        return ""

    def expect(self, mark: str, what: str) -> None:
        if not self.take(mark):
            raise self.problem(what)

    def expect_end(self) -> None:
        if self.here.kind != "end":
            raise self.problem("&&, ||, > or >> and another { }, | and a figure, or the end")

    def problem(self, expected: str) -> InvalidQuery:
        token = self.here
        found = "the query ends" if token.kind == "end" else f"{token.text[:40]!r} stands"
        return InvalidQuery(f"at character {token.at + 1} {found}, where {expected} is expected")

    # ---------------------------------------------------------------- sets of spans

    def piped(self, depth: int, ends: Collection[str] = ()) -> Spanset:
        """A set, narrowed by figures of it, up to a `|` before one of the words `ends`."""
        found = self.spansets(depth)
        while self.here.text == "|" and self.tokens[self.place + 1].text not in ends:
            self.place += 1
            found = self.narrowed(found)
        return found

    def narrowed(self, found: Spanset) -> Spanset:
        start = self.here
        self.count_comparison()
        figure = self.word(*FIGURES)
        self.expect("(", "an opening (")
        field = None if figure == "count" else self.field()
        self.expect(")", "a closing )")
        operator = self.operator()
        value = self.number()
        try:
            return Filtered(found, figure, field, operator, value)  # type: ignore[arg-type]
        except ValueError as error:
            raise InvalidQuery(f"at character {start.at + 1}: {error}") from None

    def word(self, *words: str) -> str:
        token = self.here
        if token.kind != "word" or token.text not in words:
            raise self.problem(f"one of {', '.join(f'{word}()' for word in words)}")
        self.place += 1
        return token.text

    def number(self) -> float:
        token = self.here
        found = float(token.text) if _FRACTION.fullmatch(token.text) else _value(token, {})
        if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
            raise self.problem("a number or a duration")
        self.place += 1
        return float(found)

    def spansets(self, depth: int) -> Spanset:
        return self.chain("||", lambda: self.joined(depth), "or")

    def joined(self, depth: int) -> Spanset:
        return self.chain("&&", lambda: self.structure(depth), "and")

    def chain(self, mark: str, read: Callable[[], Spanset], relation: str) -> Spanset:
        left = read()
        while self.take(mark):
            left = Related(relation, left, read())  # type: ignore[arg-type]
        return left

    def structure(self, depth: int) -> Spanset:
        left = self.one_set(depth)
        while mark := self.take(">", ">>"):
            left = Related("child" if mark == ">" else "descendant", left, self.one_set(depth))
        return left

    def one_set(self, depth: int) -> Spanset:
        self.bound(depth)
        if self.take("("):
            inside = self.piped(depth + 1)
            self.expect(")", "a closing )")
            return inside
        self.expect("{", "{ and conditions")
        self.sets += 1
        if self.sets > MOST_SETS:
            raise InvalidQuery(f"at most {MOST_SETS} pairs of braces can be brought together")
        where: Condition = All() if self.here.text == "}" else self.conditions(depth)
        self.expect("}", "&&, || or a closing }")
        return Spans(where)

    def bound(self, depth: int) -> None:
        if depth > DEEPEST:
            raise InvalidQuery(f"brackets stand in one another more than {DEEPEST} deep")

    # ---------------------------------------------------------------- conditions

    def conditions(self, depth: int) -> Condition:
        return _one_or(AnyOf, self.listed("||", lambda: self.all_of(depth)))

    def all_of(self, depth: int) -> Condition:
        return _one_or(All, self.listed("&&", lambda: self.condition(depth)))

    def listed(self, mark: str, read: Callable[[], T]) -> list[T]:
        found = [read()]
        while self.take(mark):
            found.append(read())
        return found

    def condition(self, depth: int) -> Condition:
        self.bound(depth)
        if self.take("("):
            inside = self.conditions(depth + 1)
            self.expect(")", "a closing )")
            return inside
        self.count_comparison()
        return self.comparison()

    def count_comparison(self) -> None:
        self.comparisons += 1
        if self.comparisons > MOST_COMPARISONS:
            raise InvalidQuery(f"at most {MOST_COMPARISONS} comparisons fit one query")

    def comparison(self) -> Comparison:
        start = self.here
        field = self.field()
        operator = self.operator()
        value = self.value(field)
        try:
            return Comparison(field, operator, value)
        except ValueError as error:
            raise InvalidQuery(f"at character {start.at + 1}: {error}") from None

    def field(self) -> Field:
        token = self.here
        if token.kind == "key":
            self.place += 1
            scope, _, name = token.text.partition(".")
            return Field(_SCOPES[scope], _unquoted(name) if name.startswith('"') else name)
        if token.kind == "word" and token.text in INTRINSICS:
            self.place += 1
            return Field("intrinsic", token.text)
        raise self.problem(f"span.…, resource.…, .… or one of {', '.join(INTRINSICS)}")

    def operator(self) -> Operator:
        for operator in OPERATORS:
            if self.take(operator):
                return operator
        raise self.problem(f"one of {' '.join(OPERATORS)}")

    def value(self, field: Field) -> Value:
        token = self.here
        words = WORDS.get(field.name, {}) if field.scope == "intrinsic" else {}
        found = _value(token, words)
        if found is _NO_VALUE:
            raise self.problem(f"one of {', '.join(words)}" if words else _ANY_VALUE)
        self.place += 1
        return found  # type: ignore[return-value]


_SCOPES: dict[str, Scope] = {"": "any", "span": "span", "resource": "resource"}
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "nil": None}
_NO_VALUE = object()
_ANY_VALUE = 'a "text", number, duration, true, false or nil'


def _value(token: Token, words: dict[str, int]) -> object:
    if words:
        return words.get(token.text, _NO_VALUE) if token.kind == "word" else _NO_VALUE
    if token.kind == "text":
        return token.text[1:-1] if token.text.startswith("`") else _unquoted(token.text)
    if token.kind == "number":
        return _number(token.text)
    return _CONSTANTS.get(token.text, _NO_VALUE) if token.kind == "word" else _NO_VALUE


def _number(text: str) -> Value:
    """A duration as nanoseconds; 64-bit integers exactly; else a double."""
    digits = text.rstrip("nuµmsh")
    if unit := text[len(digits) :]:
        return int(Decimal(digits) * UNITS[unit])
    number = Decimal(digits)
    return int(digits) if digits.lstrip("-").isdigit() and abs(number) < 2**63 else float(number)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1], flags=re.DOTALL)


def _one_or(kind: type[All] | type[AnyOf], found: list[Condition]) -> Condition:
    return found[0] if len(found) == 1 else kind(tuple(found))


# -------------------------------------------------------------------- back to text


def write(asked: Spanset) -> str:
    """The query as text that `parse` reads as the same query."""
    if isinstance(asked, Spans):
        inside = _written(asked.where)
        return f"{{ {inside} }}" if inside else "{ }"
    if isinstance(asked, Filtered):
        field = written_field(asked.field) if asked.field else ""
        before = write(asked.of) if isinstance(asked.of, Filtered) else _as_side(asked.of)
        return f"{before} | {asked.figure}({field}) {asked.operator} {asked.value!r}"
    mark = {"child": ">", "descendant": ">>", "and": "&&", "or": "||"}[asked.relation]
    return f" {mark} ".join(map(_as_side, (asked.left, asked.right)))


def _as_side(asked: Spanset) -> str:
    return write(asked) if isinstance(asked, Spans) else f"({write(asked)})"


def _written(condition: Condition) -> str:
    if isinstance(condition, Comparison):
        return f"{written_field(condition.field)} {condition.operator} {_literal(condition)}"
    parts = (
        _written(part) if isinstance(part, Comparison) else f"({_written(part)})"
        for part in condition.conditions
    )
    return (" && " if isinstance(condition, All) else " || ").join(parts)


def written_field(field: Field) -> str:
    """A field as a query has it."""
    if field.scope == "intrinsic":
        return field.name
    scope = "" if field.scope == "any" else field.scope
    plain = re.fullmatch(r"""[^\s{}()="'`!<>~&|,\\]+""", field.name)
    return f"{scope}.{field.name if plain else quoted(field.name)}"


def _literal(condition: Comparison) -> str:
    value, words = condition.value, WORDS.get(condition.field.name, {})
    if condition.field.scope == "intrinsic" and words:
        return next(word for word, number in words.items() if number == value)
    if isinstance(value, str):
        return quoted(value)
    return (
        {True: "true", False: "false", None: "nil"}[value]
        if value is None or isinstance(value, bool)
        else repr(value)
    )


def quoted(text: str) -> str:
    """Text as a query has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'
