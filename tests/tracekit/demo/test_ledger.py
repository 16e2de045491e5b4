"""The ledger counts what happened and is written whole."""

from __future__ import annotations

import json
from pathlib import Path

from tracekit.demo.ledger import Ledger


def test_calls_are_counted_by_caller_callee_and_kind(ledger: Ledger) -> None:
    for caller in ("a", "a", "b"):
        ledger.call(caller, "shop", "http")
    assert ledger.snapshot()["calls"] == [
        {"caller": "a", "callee": "shop", "kind": "http", "count": 2},
        {"caller": "b", "callee": "shop", "kind": "http", "count": 1},
    ]


def test_a_process_that_failed_to_initialize_has_served_nobody(ledger: Ledger) -> None:
    for instance, outcome in (("i-1", "ok"), ("i-1", "error"), ("i-2", "init_error")):
        ledger.process_started("shop") if outcome != "error" else None
        ledger.invocation("shop", "1", instance, outcome)
    assert ledger.snapshot()["processes"] == {"shop": {"started": 2, "served": 1}}


def test_the_file_holds_the_snapshot(ledger: Ledger, tmp_path: Path) -> None:
    ledger.bucket("photos", "written")
    ledger.write(tmp_path / "ledger.json")
    assert json.loads((tmp_path / "ledger.json").read_text()) == ledger.snapshot()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.json"]
