"""Attributes as SQL reads them: which keys the JSON columns of the views hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from collector.storage.base import SpanReader
from collector.storage.keys import KeySource, KeysQuery

# Of a column, those of most rows.
SHOWN = 30
MOST = 10_000
_COLUMNS: dict[KeySource, tuple[tuple[str, str], ...]] = {
    "span": (("spans", "attributes"),),
    "log": (("logs", "attributes"),),
    "metric": (("metrics", "attributes"),),
    "resource": (("spans", "resource"), ("logs", "resource"), ("metrics", "resource")),
}


@dataclass(frozen=True, slots=True)
class ReadKey:
    """What stands in a query for the value of a key, and its types."""

    sql: str
    types: str


def keys_by_column(reader: SpanReader) -> dict[tuple[str, str], tuple[ReadKey, ...]]:
    """By view and column, those of most rows first. Of resources, whichever signal they sent."""
    types: dict[KeySource, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in reader.keys(KeysQuery(limit=MOST)):  # once: what is not gathered yet, it looks at itself
        if not one.key.startswith(("$", "/")):  # for DuckDB, a path
            types[one.of][one.key].append(one.type)
    return {
        (view, column): tuple(
            ReadKey(f"{column} ->> '{key.replace(chr(39), chr(39) * 2)}'", ", ".join(kinds))
            for key, kinds in list(types[source].items())[:SHOWN]
        )
        for source, columns in _COLUMNS.items()
        for view, column in columns
    }
