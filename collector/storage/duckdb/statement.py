"""Running a statement on rows that are handed over as Arrow memory."""

from __future__ import annotations

from typing import Any


def run_with(
    connection: Any, name: str, stream: Any, statement: str, values: dict[str, Any] | None = None
) -> list[Any]:
    """Run a statement that reads the Arrow stream under that name; its rows, all fetched, because an open
    result would keep the next stream from being registered."""
    connection.register(name, stream)
    try:
        rows: list[Any] = connection.execute(statement, values or {}).fetchall()
        return rows
    finally:
        connection.unregister(name)
