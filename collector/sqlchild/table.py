"""What asking in SQL gives, and how it fails: the contract that pages and boards are written against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from collector.storage.base import Window

Parameters = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """`type` is DuckDB's name of it, such as BIGINT, TIMESTAMP or VARCHAR[]."""

    name: str
    type: str

    @property
    def is_number(self) -> bool:
        return self.type.partition("(")[0] in _NUMBERS

    @property
    def is_time(self) -> bool:
        return self.type.startswith("TIMESTAMP")


_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = frozenset(
    {*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "BIGNUM", "FLOAT", "DOUBLE", "DECIMAL"}
)


@dataclass(frozen=True, slots=True)
class Table:
    """A result. Values are None, bool, int, float and str, and lists and dicts of these; moments are ISO 8601
    text in UTC, such as 2026-11-21T07:00:00.000000, and durations of DuckDB (INTERVAL) its own text.

    `truncated`: there are more rows than these. `snapshot_ns`: when what was asked was read from the store.
    `read_from_ns`: where the range held too much to be read whole, the start of the stretch that was read.
    """

    columns: tuple[ResultColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool
    elapsed_ms: float
    snapshot_ns: int
    read_from_ns: int | None = None


class SqlFailed(Exception):
    """A query that gave no result. The message is for people, DuckDB's own words where it spoke; `advice`
    says what to do, and may be empty."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class SqlRefused(SqlFailed):
    """The query is not one that may run, or not SQL: nothing was run."""


class SqlStopped(SqlFailed):
    """The query took more time or memory than it may have."""


class SqlBusy(SqlFailed):
    """As many queries as may run at once are running, and others wait. Worth another try."""


class SqlRunner(Protocol):
    """Runs SQL over the documented views (docs/sql.md) away from the server's process. Cancelling the task
    ends the query."""

    async def run(self, sql: str, parameters: Parameters, window: Window) -> Table:
        """One SELECT over what the views hold of `window`. `$name` in it stands for a value of `parameters`;
        `$from` and `$to` are the window's bounds, TIMESTAMP. Raises SqlFailed."""
        ...
