"""SQL laid out for reading: a line per clause, conditions indented. Words, spacing inside strings and
comments are never changed, so what is shown can be copied and run."""

from __future__ import annotations

import re

# Beyond this a statement is shown as it came: nobody reads it, and formatting must stay instant.
LONGEST = 20_000

_TOKEN = re.compile(
    r"""'(?:[^']|'')*'?|"[^"]*"?|`[^`]*`?|--[^\n]*|/\*.*?(?:\*/|\Z)|[A-Za-z_][\w$]*|\s+|.""", re.DOTALL
)
_CLAUSES = {
    "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "UNION", "EXCEPT", "INTERSECT",
    "VALUES", "SET", "RETURNING", "INSERT", "UPDATE", "DELETE", "WITH", "WINDOW",
}  # fmt: skip
_JOINS = {"JOIN", "LEFT", "RIGHT", "INNER", "OUTER", "CROSS", "FULL", "NATURAL"}
_CONDITIONS = {"AND", "OR"}
# Words after which a clause's word is not a clause: DELETE FROM, ON CONFLICT DO UPDATE SET, FOR UPDATE ...
_HELD = {("DELETE", "FROM"), ("DO", "UPDATE"), ("FOR", "UPDATE"), ("UNION", "ALL"), ("DISTINCT", "FROM")}


def format_sql(statement: str) -> str:
    """The statement with clauses on lines of their own. One that is broken into lines already is kept."""
    if len(statement) > LONGEST or "\n" in statement.strip():
        return statement
    return _Layout().lay_out(statement)


class _Layout:
    """Writes tokens one by one; remembers how deep in brackets it is and the word before."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.depth = 0
        self.before = ""
        self.between = False

    def lay_out(self, statement: str) -> str:
        for found in _TOKEN.finditer(statement):
            self._put(found.group())
        return "".join(self.out).strip()

    def _put(self, token: str) -> None:
        word = token.upper()
        if token.isspace():
            token = " "
        elif self.depth == 0 and self._breaks(word):
            self._new_line("  " if word in _CONDITIONS else "")
        self.depth = max(0, self.depth + (token == "(") - (token == ")"))
        self.out.append(token)
        if not token.isspace():
            self.between = word == "BETWEEN" or (self.between and word != "AND")
            self.before = word

    def _breaks(self, word: str) -> bool:
        if (self.before, word) in _HELD:
            return False
        if word in _CONDITIONS:
            return not (word == "AND" and self.between)
        return word in _CLAUSES or (word in _JOINS and self.before not in _JOINS)

    def _new_line(self, indent: str) -> None:
        while self.out and self.out[-1].isspace():
            self.out.pop()
        if self.out:
            self.out.append("\n" + indent)
