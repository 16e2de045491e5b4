"""What a query may be, read from the syntax tree that DuckDB's own parser made of it, and what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collector.sqlchild.functions import FUNCTIONS, TABLE_FUNCTIONS
from collector.sqlchild.table import SqlRefused

# Whatever is not in these lists is refused: what a later DuckDB adds, too.
_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLES = frozenset(
    {
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "TABLE_FUNCTION",
        "EXPRESSION_LIST",
        "EMPTY",
        "PIVOT",
        "SHOW_REF",
        "CTE",
    }
)
_SHOWN = frozenset({"DESCRIBE", "SUMMARY"})
# Names that DuckDB gives its own tables: a WITH that takes one could be left for it elsewhere in the query.
_RESERVED = ("duckdb_", "pragma_", "sqlite_", "pg_")

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Use:
    """What a query needs: the views it names, and every word in it, among which are the columns it names.
    `everything` is set where it takes columns without naming them. `parameters` are the names after `$`."""

    views: frozenset[str]
    words: frozenset[str]
    everything: bool
    parameters: frozenset[str]


def use_of(tree: Node, views: Iterable[str]) -> Use:
    """Raises SqlRefused, saying why, for anything but one SELECT over `views` with known functions."""
    if tree.get("error"):
        raise _unparsed(tree)
    statements = tree["statements"]
    if len(statements) != 1:
        raise SqlRefused(
            f"This is {len(statements)} statements.", "Run one at a time, without a semicolon between."
        )
    nodes = list(nodes_of(statements[0]))
    named = {name.lower(): name for name in _with_names(nodes)}
    for name in named:
        if name.startswith(_RESERVED):
            raise SqlRefused(f"WITH may not be called {named[name]!r}.", "Choose another name.")
    known = {name.lower() for name in views}
    for node in nodes:
        _check_query(node)
        _check_function(node)
        _check_table(node, known | named.keys())
    tables = {str(node.get("table_name", "")).lower() for node in nodes if "table_name" in node}
    used = tables & known
    aliases = {str(node["alias"]).lower() for node in nodes if _is_table(node)} | tables
    return Use(
        frozenset(used),
        frozenset(word.lower() for node in nodes for word in _words(node)),
        any(_takes_everything(node, aliases) for node in nodes),
        frozenset(entry["key"] for entry in statements[0].get("named_param_map", ())),
    )


def nodes_of(tree: Any) -> Iterator[Node]:
    """Every object of the tree; without recursion, for trees are as deep as who wrote them likes."""
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _words(node: Node) -> Iterator[str]:
    for value in node.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


def _with_names(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        entries = node.get("cte_map", {})
        if isinstance(entries, dict):
            yield from (str(entry["key"]) for entry in entries.get("map", ()))
        if node.get("type") == "RECURSIVE_CTE_NODE" and "cte_name" in node:
            yield str(node["cte_name"])


def _is_table(node: Node) -> bool:
    return "sample" in node and "alias" in node


def _check_query(node: Node) -> None:
    kind = node.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _QUERIES:
        raise SqlRefused("Only SELECT may be run here: this changes something.", _READ_ONLY)


def _check_function(node: Node) -> None:
    name = node.get("function_name")
    if name is not None and str(name) not in FUNCTIONS | TABLE_FUNCTIONS:
        raise SqlRefused(
            f"The function {str(name)[:60]}() is not available here.",
            "Functions that read files, settings or the environment are not; those that compute are.",
        )


def _check_table(node: Node, known: Iterable[str]) -> None:
    if not _is_table(node):
        return
    kind = node["type"]
    if kind not in _TABLES or (kind == "SHOW_REF" and not _is_described(node)):
        raise SqlRefused("This kind of table is not available here.", _VIEWS)
    if kind == "TABLE_FUNCTION" and node["function"].get("function_name") not in TABLE_FUNCTIONS:
        raise SqlRefused(
            f"The function {str(node['function'].get('function_name'))[:60]}() is not available here.", _VIEWS
        )
    if kind == "BASE_TABLE":
        qualified = node.get("catalog_name") or node.get("schema_name")
        if qualified or node.get("at_clause") or str(node["table_name"]).lower() not in known:
            name = ".".join(filter(None, (qualified, node["table_name"])))
            raise SqlRefused(f"There is no view {name[:60]!r}.", _VIEWS)


def _is_described(node: Node) -> bool:
    return node.get("show_type") in _SHOWN and node.get("query") is not None and not node.get("table_name")


def _takes_everything(node: Node, aliases: set[str]) -> bool:
    """`*`, COLUMNS(...), a whole row by its table's name, joins by equal names, PIVOT."""
    if node.get("class") == "STAR" or node.get("ref_type") == "NATURAL" or node.get("type") == "PIVOT":
        return True
    names = node.get("column_names")
    return isinstance(names, list) and len(names) == 1 and str(names[0]).lower() in aliases


def _unparsed(tree: Node) -> SqlRefused:
    message = str(tree.get("error_message", ""))
    if tree.get("error_type") == "not implemented":
        return SqlRefused("Only SELECT may be run here.", _READ_ONLY)
    at = str(tree.get("position", ""))
    place = f", at character {int(at) + 1}" if at.isdecimal() else ""
    return SqlRefused(f"{message[:1].upper()}{message[1:]}{place}.", "This is not SQL that DuckDB can read.")


_READ_ONLY = "What is stored cannot be changed from here."
_VIEWS = "The views and their columns are listed beside the query, and in docs/sql.md."
