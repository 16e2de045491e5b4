"""Queries that people keep."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from collector.sqlchild import SavedQueries, SavedQuery, SqlRefused
from collector.triage.store import TriageStore


def test_queries_survive_a_restart_beside_other_decisions(tmp_path: Path) -> None:
    path = tmp_path / "control.sqlite"
    with closing(TriageStore.open(path)), closing(SavedQueries.open(path, clock=lambda: 7)) as saved:
        first = saved.save("b", "SELECT 1")
        second = saved.save("A", "SELECT 2")
        assert saved.save(" b2 ", "SELECT 3", first) == first
        saved.delete(saved.save("gone", "SELECT 4"))
    with closing(SavedQueries.open(path)) as saved:
        assert saved.all() == (SavedQuery(second, "A", "SELECT 2", 7), SavedQuery(first, "b2", "SELECT 3", 7))
        assert saved.one(first + 100) is None


@pytest.mark.parametrize(
    ("name", "sql"), [("", "SELECT 1"), ("x" * 101, "SELECT 1"), ("x", " "), ("x", "y" * 20_001)]
)
def test_what_cannot_be_kept_is_refused(tmp_path: Path, name: str, sql: str) -> None:
    with closing(SavedQueries.open(tmp_path / "c.sqlite")) as saved, pytest.raises(SqlRefused):
        saved.save(name, sql)
