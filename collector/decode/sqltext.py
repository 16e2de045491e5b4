"""SQL text without its values, so that the same statement with other numbers is the same statement.

One pass over tokens, linear in the text: every alternative of the scanner consumes at least one
character and repeats possessively, so no input makes it backtrack.
"""

from __future__ import annotations

import re
from functools import lru_cache

# A statement's shape shows early; what a generated IN list adds after 16 KB are only more literals.
_MAX_INPUT = 16 * 1024
MAX_LENGTH = 4096  # characters kept

# These treat "..." as a string; elsewhere it names a column.
_DOUBLE_QUOTED_STRINGS = {"mysql", "mariadb", "bigquery", "clickhouse", "spark"}

# A backslash counts as an escape in every dialect: at worst too much is hidden, never a value shown.
_TOKEN = re.compile(
    r"""
      (?P<space>\s++ | --[^\n]*+ | /\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z) )
    | (?P<string>(?:[NnEeXxBb]|[Uu]&)?'(?:[^'\\]++|''|\\.)*+(?:'|\\?\Z) )
    | (?P<quoted>"(?:[^"\\]++|""|\\.)*+(?:"|\\?\Z) )
    | (?P<dollar>\$(?:[A-Za-z_]\w*+)?\$ )
    | (?P<name>`[^`]*+(?:`|\Z) | [^\W\d][\w$]*+ | ::\w*+ | [:@]{1,2}\w++ )
    | (?P<number>0[xX][0-9a-fA-F]++ | (?:\d++(?:\.\d*+)? | \.\d++)(?:[eE][+-]?\d++)? )
    | (?P<parameter>\$\d++ | %s | %\(\w++\)s | \? )
    | (?P<mark><=|>=|<>|!=|\|\||->>|->|[\x00-\x7f]|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# After these a sign belongs to the number that follows.
_BEFORE_SIGN = {"=", "<", ">", "<=", ">=", "<>", "!=", "(", ",", "+", "-", "*", "/", "||", "%"} | {
    *("between", "and", "or", "in", "values", "set", "limit", "offset")
}
_NO_SPACE_BEFORE = {",", ")", ";", "."}
_NO_SPACE_AFTER = {"(", "."}


@lru_cache(maxsize=4096)
def normalise(text: str, system: str = "") -> str:
    """`text` with literals and positional parameters as `?`, without comments, single-spaced.

    Lists after IN become `(?)` and repeated VALUES rows one row, whatever their length. Identifiers, case
    and named parameters stay. At most MAX_LENGTH characters; a longer result ends in `…`.
    """
    tokens = _fold_lists(_tokens(text[:_MAX_INPUT], system.lower() in _DOUBLE_QUOTED_STRINGS))
    shape = _spaced(tokens)
    return shape if len(shape) <= MAX_LENGTH else shape[: MAX_LENGTH - 1] + "…"


def _tokens(text: str, double_quoted_strings: bool) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None, "the last alternative matches any character"
        at = token.end()
        kind = token.lastgroup
        if kind == "space":
            continue
        if kind == "dollar":  # $tag$ ... $tag$: to the same tag again, or to the end
            closing = text.find(token[0], at)
            at = len(text) if closing < 0 else closing + len(token[0])
        if kind in ("name", "mark") or (kind == "quoted" and not double_quoted_strings):
            found.append(token[0])
        else:
            _add_literal(found)
    return found


def _add_literal(found: list[str]) -> None:
    signed = len(found) >= 2 and found[-1] in ("-", "+") and found[-2].lower() in _BEFORE_SIGN
    if signed:
        found.pop()
    found.append("?")


def _fold_lists(tokens: list[str]) -> list[str]:
    """IN (?, ?, ?) to IN (?), and VALUES (?, ?), (?, ?) to VALUES (?, ?)."""
    folded: list[str] = []
    at = 0
    while at < len(tokens):
        folded.append(tokens[at])
        word = tokens[at].lower()
        at += 1
        if word == "in" and (end := _literal_list(tokens, at)):
            folded += ["(", "?", ")"]
            at = end
        elif word in ("values", "value") and (end := _row(tokens, at)):
            folded += tokens[at:end]
            at = _skip_equal_rows(tokens, end)
    return folded


def _literal_list(tokens: list[str], at: int) -> int:
    """End of a parenthesised list of nothing but literals (or cut off in one), 0 if it is none."""
    if tokens[at : at + 2] != ["(", "?"]:
        return 0
    at += 2
    while tokens[at : at + 2] == [",", "?"]:
        at += 2
    if at >= len(tokens) or tokens[at:] == [","]:
        return len(tokens)
    return at + 1 if tokens[at] == ")" else 0


def _row(tokens: list[str], at: int) -> int:
    """End of the parenthesised group that starts here, 0 if none starts or it never ends."""
    if at >= len(tokens) or tokens[at] != "(":
        return 0
    depth = 0
    for i in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[i], 0)
        if depth == 0:
            return i + 1
    return 0


def _skip_equal_rows(tokens: list[str], at: int) -> int:
    while at < len(tokens) and tokens[at] == ",":
        end = _row(tokens, at + 1)
        if not end:
            # the text was cut inside a row: nothing follows that could differ
            return len(tokens) if tokens[at + 1 : at + 2] in ([], ["("]) else at
        at = end
    return at


def _spaced(tokens: list[str]) -> str:
    parts: list[str] = []
    before = ""
    for token in tokens:
        tight = (
            not parts
            or token in _NO_SPACE_BEFORE
            or before in _NO_SPACE_AFTER
            or token.startswith("::")
            or (token == "(" and _calls(before))
        )
        parts.append(token if tight else " " + token)
        before = token
    return "".join(parts)


_KEYWORDS_BEFORE_PARENTHESIS = {
    *("in", "values", "value", "and", "or", "not", "on", "from", "join", "where", "using", "as", "select"),
    *("over", "exists", "any", "all", "union", "into", "set"),
}


def _calls(before: str) -> bool:
    """Whether an opening parenthesis after this token belongs to it, as in count(*)."""
    word = before[:1].isalpha() or before[:1] == "_"
    return word and before.lower() not in _KEYWORDS_BEFORE_PARENTHESIS
