"""What a query asks of the rows of a view whatever else it does: only those are copied for it.

Of `WHERE kind = 'consumer' AND …` the first half is such a test, if `kind` can only be the view's. A query
that names a view twice needs what either of them asks for. Where anything is in doubt all rows are copied:
the query itself runs as it was written, on fewer rows or on all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.sqlchild.check import Node, nodes_of
from collector.sqlchild.table import Parameters
from collector.sqlchild.views import VIEWS, View, ViewColumn

# What is asked of one use of a view: conditions in SQL of the stored table, all of which hold.
_Asked = frozenset[str]

_JOINS = frozenset({"INNER", "LEFT", "CROSS"})
_REFERENCES = frozenset({"REGULAR", "CROSS"})
_COMPARED = {"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>"}
_MOMENTS = ("from", "to")
_LONGEST = 200


def filters_of(tree: Node, parameters: Parameters) -> dict[str, str]:
    """By stored table a condition that all its rows meet which the query can need; without those of which it
    may need any. `tree` has been checked (check.py)."""
    nodes = list(nodes_of(tree["statements"][0]))
    shadowed = set(_with_names(nodes))
    asked: dict[int, _Asked] = {}
    for node in nodes:
        if node.get("type") == "SELECT_NODE":
            asked |= _of_select(node, parameters)
    uses: dict[str, set[_Asked]] = {}
    for node in nodes:
        name = str(node.get("table_name", "")).lower()
        if node.get("type") == "BASE_TABLE" and name in VIEWS:
            found = frozenset[str]() if name in shadowed else asked.get(id(node), frozenset())
            uses.setdefault(VIEWS[name].source, set()).add(found)
    return {table: _either(each) for table, each in uses.items() if frozenset() not in each}


def _either(uses: Iterable[_Asked]) -> str:
    return " OR ".join(sorted(f"({' AND '.join(sorted(use))})" for use in uses))


def _with_names(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        entries = node.get("cte_map") or {}
        yield from (str(entry["key"]).lower() for entry in entries.get("map", ()))
        if "cte_name" in node:
            yield str(node["cte_name"]).lower()


def _of_select(node: Node, parameters: Parameters) -> dict[int, _Asked]:
    """What one SELECT asks of each table that it names, by the table's node."""
    tables = list(_tables(node.get("from_table") or {}))
    aliases = [_called(table) for table in tables]
    if not node.get("where_clause") or None in aliases or len(set(aliases)) < len(aliases):
        return {}
    # WHERE may name what SELECT makes; and of several tables a plain name may be any's.
    made = {str(column.get("alias", "")).lower() for column in node.get("select_list", ())}
    found = {}
    for table, alias in zip(tables, aliases, strict=True):
        view = VIEWS.get(str(table.get("table_name", "")).lower())
        if view is None or view.group or table.get("sample") or table.get("column_name_alias"):
            continue
        of_view = _OfView(view, str(alias), made if len(tables) == 1 else None, parameters)
        tests = (of_view.test(part) for part in _parts(node["where_clause"], "CONJUNCTION_AND"))
        found[id(table)] = frozenset(test for test in tests if test)
    return found


def _tables(node: Node) -> Iterator[Node]:
    """The tables of a FROM; one without a name where rows may come about in another way than by joining."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.get("type") != "JOIN":
            yield found
        elif found["join_type"] in _JOINS and found["ref_type"] in _REFERENCES:
            waiting += [found["left"], found["right"]]
        else:
            yield {}


def _called(table: Node) -> str | None:
    return str(table.get("alias") or table.get("table_name") or "").lower() or None


def _parts(node: Node, kind: str) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.get("type") == kind:
            waiting += found["children"]
        else:
            yield found


class _OfView:
    """Reads tests of one view's columns. `made` are names that stand for something else where a column's is
    given alone; None where it says nothing alone."""

    def __init__(self, view: View, alias: str, made: set[str] | None, parameters: Parameters) -> None:
        own = f"{view.source}."
        self._columns = {c.name: c for c in view.columns if all(read.startswith(own) for read in c.reads)}
        self._alias = alias
        self._made = made
        self._parameters = parameters

    def test(self, node: Node) -> str:
        """The condition in SQL of the stored table; "" if it is none that every row has to meet by itself.
        All are of values: a row that an outer join made up meets none of them."""
        if node.get("type") == "CONJUNCTION_OR":
            return self._of_choices(list(_parts(node, "CONJUNCTION_OR")))
        column = self._column(node)
        if column is not None:
            return column.sql if column.type == "BOOLEAN" else ""
        if node.get("type") == "OPERATOR_IS_NOT_NULL":
            column = self._column(node["children"][0])
            return f"{column.reads[0]} IS NOT NULL" if column and column.is_stored else ""
        if node.get("type") in _COMPARED:
            return self._comparison(_COMPARED[str(node["type"])], node["left"], node["right"])
        return ""

    def _of_choices(self, choices: list[Node]) -> str:
        """`$name = '' OR service = $name`: what is left of it once the parameter is known."""
        left = [choice for choice in choices if self._known(choice) is not False]
        return self.test(left[0]) if len(left) == 1 and self._known(left[0]) is None else ""

    def _known(self, node: Node) -> bool | None:
        """Whether a comparison of two given texts holds; None for anything else."""
        if node.get("type") not in _COMPARED:
            return None
        one, other = self._text(node["left"]), self._text(node["right"])
        return None if one is None or other is None else (one == other) is (node["type"] == "COMPARE_EQUAL")

    def _comparison(self, operator: str, left: Node, right: Node) -> str:
        column, text = self._column(left), self._text(right)
        if column is None:
            column, text = self._column(right), self._text(left)
        if column is None or text is None:
            return ""
        if column.names:
            known = text in column.names and text and operator == "="
            return f"{column.reads[0]} = {column.names.index(text)}" if known else ""
        # (A dollar would look like a parameter, where this is put.)
        if column.type != "VARCHAR" or not column.is_stored or len(text) > _LONGEST or {"$", "\0"} & {*text}:
            return ""
        return f"{column.reads[0]} {operator} '{text.replace(chr(39), 2 * chr(39))}'"

    def _column(self, node: Node) -> ViewColumn | None:
        names = [str(name).lower() for name in node.get("column_names", ())]
        if node.get("class") != "COLUMN_REF":
            return None
        if len(names) == 2 and names[0] == self._alias:
            return self._columns.get(names[1])
        if len(names) == 1 and self._made is not None and names[0] not in self._made:
            return self._columns.get(names[0])
        return None

    def _text(self, node: Node) -> str | None:
        if node.get("class") == "PARAMETER":
            name = str(node.get("identifier"))
            value = self._parameters.get(name) if name not in _MOMENTS else None
            return value if isinstance(value, str) else None
        literal = node.get("literal") or {}
        if node.get("class") == "CONSTANT" and literal.get("kind") == "STRING":
            return str(literal.get("text", ""))
        return None
