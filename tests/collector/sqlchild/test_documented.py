"""docs/sql.md lists every view and every column, in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.sqlchild.views import VIEWS

DOCS = (Path(__file__).parents[3] / "docs" / "sql.md").read_text()


def test_every_view_is_documented_and_no_other() -> None:
    assert re.findall(r"^### `(\w+)`$", DOCS, re.M) == list(VIEWS)


@pytest.mark.parametrize("name", VIEWS)
def test_every_column_is_documented_as_it_is(name: str) -> None:
    section = DOCS.partition(f"### `{name}`\n")[2].partition("\n### ")[0]
    told = re.findall(r"^\| `(\w+)` \| (\S+) \| (.*) \|$", section, re.M)
    assert told == [(column.name, column.type, column.meaning) for column in VIEWS[name].columns]
