"""SQL files of this folder. Templates choose structure only; every value is a bound parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
_QUERIES = Environment(
    loader=FileSystemLoader(HERE / "queries"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # SQL, not HTML
)
_PARAMETER = re.compile(r"\$([a-z]\w*)")


def render(name: str, **structure: Any) -> str:
    return _QUERIES.get_template(f"{name}.sql").render(**structure)


def used(sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values the statement names: DuckDB refuses ones it does not know."""
    names = set(_PARAMETER.findall(sql))
    return {name: value for name, value in values.items() if name in names}


@lru_cache
def query(name: str) -> str:
    """A query without any structure to choose."""
    return (HERE / "queries" / f"{name}.sql").read_text()


def schema() -> str:
    return (HERE / "schema.sql").read_text()


def migrations() -> Iterator[tuple[int, str]]:
    """(version it leads to, SQL), in order."""
    for path in sorted((HERE / "migrations").glob("*.sql")):
        yield int(path.name[:4]), path.read_text()
