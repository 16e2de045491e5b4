"""The imports of a cold start as a table of text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dashboards.importtable import import_table
from tests.dashboards.stored import at


def table(**attributes: Any) -> dict[str, str] | None:
    given = {"tracekit." + name.replace("__", "."): value for name, value in attributes.items()}
    return import_table(replace(at("1", "", 0, 1, "shop", "FunctionInitialization"), attributes=given))


def test_modules_stand_indented_below_what_imported_them() -> None:
    shown = table(imports="0 json 2500 500 1024\n1 json.decoder 2000 2000 -4", imports__count=2)
    assert shown is not None
    assert shown["title"] == "Imports (2)"
    head, first, second = shown["text"].split("\n")
    assert head.split() == ["total", "self", "memory", "module"]
    assert first.endswith("  json") and second.endswith("    json.decoder")
    assert first.index("json") == head.index("module") == second.index("json") - 2


def test_the_title_says_how_many_there_were_and_how_long_they_took() -> None:
    shown = table(imports="0 a 1 1 0", imports__count=1412, imports__duration_ms=320.0)
    assert shown is not None
    assert shown["title"].startswith("Imports (1,412), the 1 heaviest · 320")


def test_what_is_not_of_the_form_is_left_out() -> None:
    assert table() is None
    assert table(imports=5) is None
    assert table(imports="<script>\n1 2\n" + "9" * 40 + " a 1 1 1") is None
    shown = table(imports="x\n0 fine 1 1 1", imports__count="many", imports__duration_ms=float("nan"))
    assert shown is not None and shown["title"] == "Imports (1)"
    assert len(table(imports="0 a 1 1 1\n" * 9999)["text"]) < 20_000  # type: ignore[index]
