"""Decisions about errors outlive the process and share their file with the alert rules."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collector.alerts.store import AlertStore
from collector.storage.base import IncompatibleSchema, RetryLater
from collector.triage.store import Decision, TriageStore


def test_decisions_survive_a_restart_beside_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "control.sqlite"
    with closing(AlertStore.open(path)), closing(TriageStore.open(path, clock=lambda: 7)) as store:
        store.decide("a", "resolved")
        store.decide("b", "ignored")
        store.decide("b", "resolved")
        store.decide("c", "ignored")
        store.reopen("c")
        store.reopen("never heard of")
    with closing(TriageStore.open(path)) as store:
        assert store.decisions() == {key: Decision(key, "resolved", 7) for key in "ab"}


def test_what_is_no_decision_is_not_stored(tmp_path: Path) -> None:
    with closing(TriageStore.open(tmp_path / "c.sqlite")) as store:
        with pytest.raises(sqlite3.IntegrityError):
            store.decide("a", "gone")  # type: ignore[arg-type]
        assert store.decisions() == {}


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sqlite"
    TriageStore.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE schema_versions SET version = 99")
        connection.commit()
    with pytest.raises(IncompatibleSchema, match=r"errors in control.* by a newer tracekit"):
        TriageStore.open(path)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = TriageStore.open(tmp_path / "c.sqlite")
    store.close()
    with pytest.raises(RetryLater, match="closed"):
        store.decisions()
