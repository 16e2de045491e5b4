"""control.sqlite: every table and column of it stands in docs/schema.md."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from collector.alerts.store import AlertStore
from collector.sqlchild import SavedQueries
from collector.triage.store import TriageStore
from collector.views import SavedViews

DOCS = (Path(__file__).parents[2] / "docs" / "schema.md").read_text()


def test_every_table_and_column_is_documented_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "control.sqlite"
    for store in (AlertStore, TriageStore, SavedQueries, SavedViews):
        store.open(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = {name for (name,) in names if not name.startswith("sqlite_")}
        found = {
            table: {(name, kind) for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")}
            for table in tables
        }
    assert found == documented()


def documented() -> dict[str, set[tuple[str, str]]]:
    sections = [section.partition("\n") for section in DOCS.split("\n## `control.")[1:]]
    tables = {head.rstrip("`"): body.partition("\n## ")[0] for head, _, body in sections}
    return {
        table: {
            (cells[1].strip(" `"), cells[2].strip())
            for cells in (line.split("|") for line in body.splitlines() if line.startswith("| `"))
        }
        for table, body in tables.items()
    }
