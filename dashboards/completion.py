"""What may follow in a TraceQL query that is being typed: words of the language, and what spans say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock

from fastapi import Request

from collector.analysis.traceql import KINDS, OPERATORS, STATUSES, Token, quoted, tokens
from collector.analysis.traceql_series import FUNCTIONS
from collector.storage.base import AttributesQuery, SpanReader, Window
from collector.storage.keys import KeysQuery
from collector.storage.spanset import INTRINSICS, ORDERED, RESOURCE_FIELDS, SPAN_FIELDS
from dashboards.ui import ui_of

# As many as a list under a field shows.
MOST = 30
# How long what spans say may be remembered while somebody types.
KEPT_S = 10.0
_AFTER_SET = ("&&", "||", ">>", ">")
_INSIDE = ("&&", "||", "}")
# What may follow a bar, each with the field that is meant most often.
_FIGURES = (
    "rate()", "count() >", "avg(duration) >", "max(duration) >", "sum(duration) >", "count_over_time()",
    "avg_over_time(duration)", "quantile_over_time(duration, 0.95)", "max_over_time(duration)",
    "min_over_time(duration)", "sum_over_time(duration)",
)  # fmt: skip

Choices = Callable[[AttributesQuery], Iterable[str | int | float | bool]]


class Vocabulary:
    """What spans say, asked of the store once in a while. Thread-safe."""

    def __init__(self, reader: SpanReader) -> None:
        self._reader = reader
        self._lock = Lock()
        self._kept: dict[AttributesQuery, tuple[float, tuple[str | int | float | bool, ...]]] = {}

    def __call__(self, query: AttributesQuery) -> tuple[str | int | float | bool, ...]:
        now = time.monotonic()
        with self._lock:
            self._kept = {key: kept for key, kept in self._kept.items() if now - kept[0] < KEPT_S}
            if query in self._kept:
                return self._kept[query][1]
        found = self._ask(query)
        with self._lock:
            self._kept[query] = now, found
        return found

    def _ask(self, query: AttributesQuery) -> tuple[str | int | float | bool, ...]:
        """Keys are in the catalogue, of all spans; values are those of the newest ones."""
        if query.key or query.of == "names":
            return tuple(value for value, _ in self._reader.attributes(query))
        window = query.window
        known = self._reader.keys(KeysQuery(query.of, "", window.start_ns, window.end_ns))
        return tuple(dict.fromkeys(one.key for one in known))


def vocabulary_of(request: Request) -> Vocabulary:
    """The one of this running UI."""
    state = request.app.state
    if not hasattr(state, "vocabulary"):
        state.vocabulary = Vocabulary(ui_of(request).reader)
    vocabulary: Vocabulary = state.vocabulary
    return vocabulary


def complete(typed: str, window: Window, choices: Choices) -> list[str]:
    """Whole queries that begin with what was typed and go on with one word or mark more."""
    before, start = _split(typed)
    stem = typed[start:]
    wanted = stem.lstrip('"').lower()
    found = _next(before, window, choices)
    kept = [word for word in found if word != stem and word.lstrip('"').lower().startswith(wanted)]
    gap = "" if not stem and (not typed or typed.endswith((" ", "("))) else ("" if stem else " ")
    return [typed[:start] + gap + word for word in dict.fromkeys(kept)][:MOST]


def _split(typed: str) -> tuple[list[Token], int]:
    """The tokens that are complete, and where the one begins that is being typed."""
    found = tokens(typed)[:-1]
    for place, token in enumerate(found):
        if token.text == '"':  # a text that is still open
            return found[:place], token.at
    if found and typed == typed.rstrip() and found[-1].kind in ("key", "word", "wrong", "text", "number"):
        return found[:-1], found[-1].at
    return found, len(typed)


def _next(before: list[Token], window: Window, choices: Choices) -> list[str]:
    """What may stand after these tokens."""
    texts = [token.text for token in before]
    if texts.count("{") <= texts.count("}"):
        return _outside(texts, window, choices)
    if texts[-1] in ("{", "(", "&&", "||"):
        return _fields(window, choices)
    if texts[-1] in OPERATORS and len(texts) > 1:
        return _values(texts[-2], texts[-1], window, choices)
    if len(texts) > 1 and texts[-2] in OPERATORS:
        return list(_INSIDE)
    return list(OPERATORS) if before[-1].kind in ("key", "word") else list(_INSIDE)


def _outside(texts: list[str], window: Window, choices: Choices) -> list[str]:
    """Between sets, and in a figure of them after a bar."""
    if "|" not in texts:
        return [*_AFTER_SET, "|"] if texts and texts[-1] in ("}", ")") else ["{"]
    figure = texts[len(texts) - texts[::-1].index("|") :]
    if not figure:
        return list(_FIGURES)
    if figure[-2:] == ["by", "("]:
        return [f"{field})" for field in _fields(window, choices) if field != "duration"]
    if figure[-1] != ")" or "by" in figure:
        return []
    return ["by ("] if figure[0] in FUNCTIONS else list(ORDERED)


def _fields(window: Window, choices: Choices) -> list[str]:
    ours = [f"resource.{key}" for key in RESOURCE_FIELDS] + [f"span.{key}" for key in SPAN_FIELDS]
    said = [
        f"{of}.{_key(str(key))}"
        for of in ("span", "resource")
        for key in choices(AttributesQuery(window, of))
    ]
    return [*INTRINSICS, *said, *ours]


def _key(key: str) -> str:
    return key if tokens(f".{key}")[0].text == f".{key}" else quoted(key)


def _values(field: str, operator: str, window: Window, choices: Choices) -> list[str]:
    if field in ("status", "kind"):
        return list(STATUSES if field == "status" else KINDS)
    if field == "duration":
        return ["100ms", "500ms", "1s", "5s"]
    if field == "name":
        return [quoted(str(name)) for name in choices(AttributesQuery(window, "names"))]
    scope, dot, key = field.partition(".")
    if not dot:
        return []
    key = key[1:-1] if key.startswith('"') else key
    asked = [scope] if scope else ["span", "resource"]
    found = [v for of in asked for v in choices(AttributesQuery(window, of, key))]  # type: ignore[arg-type]
    return [*map(_literal, found), *(["nil"] if operator in ("=", "!=") else [])]


def _literal(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else repr(value)
