"""SQL files of this folder. Templates choose structure only; every value is a bound parameter.

What is stored lies in several files (parts.py). A query says which rows of a table it wants, in one of these
ways:

    FROM {{ within('spans') }}       of the parts that have any in [$start_ns, $end_ns);
                                     within('spans', 'a', 'b'): in [$a, $b)
    FROM {{ counted('spans') }}      the same, each span as often as it counts: what is kept of a sampled part
                                     stands for what is not. For counts and quantiles. `nth` tells the copies
                                     of one span apart, where is_weighted('spans')
    FROM {{ everywhere('spans') }}   of all parts
    FROM {{ beside('metrics', 'metric_points', 'a', 'b') }}
                                     what these rows refer to: of the parts that hold them
    {% for spans in each('spans') %} one part after the other, of those of `within`: ORDER BY ... LIMIT is not
                                     pushed through a UNION ALL, so it must stand in every branch
    {% for spans in every('spans') %} the same of all parts

A single part is named plainly, so that the engine can do all it can with a table.

    {{ part_of('start_ns') }}        which of $buckets parts of the $width_ns from $start_ns on a moment is in
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.storage.duckdb.parts import Catalogue, Part

HERE = Path(__file__).parent
_QUERIES = Environment(
    loader=FileSystemLoader(HERE / "queries"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # SQL, not HTML
)
_MOST = 2**63 - 1
_PARAMETER = re.compile(r"\$([a-z]\w*)")


def render(name: str, parts: Catalogue, values: Mapping[str, Any], **structure: Any) -> str:
    """`values` are the parameters: their bounds say which parts a query needs."""
    return _QUERIES.get_template(f"{name}.sql").render(**_tables(parts, values), **structure)


def used(sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values the statement names: DuckDB refuses ones it does not know."""
    names = set(_PARAMETER.findall(sql))
    return {name: value for name, value in values.items() if name in names}


def pointer(key: str) -> str:
    """An attribute's place in a JSON object, as DuckDB's JSON functions take it (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


@lru_cache
def query(name: str) -> str:
    """A statement without any structure to choose, on the newest part."""
    return (HERE / "queries" / f"{name}.sql").read_text()


def schema() -> str:
    return (HERE / "schema.sql").read_text()


def migrations() -> Iterator[tuple[int, str]]:
    """(version it leads to, SQL), in order."""
    for path in sorted((HERE / "migrations").glob("*.sql")):
        yield int(path.name[:4]), path.read_text()


def _tables(parts: Catalogue, values: Mapping[str, Any]) -> dict[str, Any]:
    def holding(table: str, start: str, end: str) -> tuple[Part, ...]:
        return parts.holding(table, values[start], values[end])

    def within(table: str, start: str = "start_ns", end: str = "end_ns") -> str:
        return _union(table, holding(table, start, end))

    def counted(table: str, start: str = "start_ns", end: str = "end_ns") -> str:
        return _united([_as_counted(part, table) for part in holding(table, start, end)])

    def is_weighted(table: str, start: str = "start_ns", end: str = "end_ns") -> bool:
        return any(part.is_weighted for part in holding(table, start, end))

    def each(table: str, start: str = "start_ns", end: str = "end_ns") -> list[str]:
        return [f"{part.sql}.{table}" for part in holding(table, start, end)]

    def every(table: str) -> list[str]:
        return [f"{part.sql}.{table}" for part in parts.all]

    def everywhere(table: str) -> str:
        return _union(table, parts.all)

    def beside(table: str, referring: str, start: str = "start_ns", end: str = "end_ns") -> str:
        return _union(table, holding(referring, start, end))

    def part_of(moment: str) -> str:
        """The same arithmetic as base.bucket_index, in as many bits as it may take: dividing 128 takes ten
        times as long as dividing 64, and most of the time of a heatmap."""
        wide = "::HUGEINT" if values["width_ns"] * values["buckets"] > _MOST else ""
        return f"(({moment} - $start_ns){wide} * $buckets // $width_ns)::BIGINT"

    return {
        "part_of": part_of,
        "within": within,
        "counted": counted,
        "is_weighted": is_weighted,
        "each": each,
        "every": every,
        "everywhere": everywhere,
        "beside": beside,
    }


def _union(table: str, found: tuple[Part, ...]) -> str:
    return _united([f"{part.sql}.{table}" for part in found])


def _united(tables: list[str]) -> str:
    if len(tables) == 1:
        return tables[0]
    return "(" + " UNION ALL BY NAME ".join(f"FROM {table}" for table in tables) + ")"


def _as_counted(part: Part, table: str) -> str:
    """Copies are as quick to count as the rows they stand for would be, and every aggregate takes them."""
    rows = f"{part.sql}.{table}"
    return f"(SELECT *, unnest(range(adjusted_count)) AS nth FROM {rows})" if part.is_weighted else rows
