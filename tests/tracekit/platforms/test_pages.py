"""Every platform has a page, and what the pages tell to copy is valid."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tracekit
from tracekit import outgoing, platforms

PAGES = Path(tracekit.__path__[0]).parent / "docs" / "platforms"
INDEX = (PAGES / "README.md").read_text()
EACH = sorted(page for page in PAGES.glob("*.md") if page.name != "README.md")


def test_every_adapter_and_every_page_is_in_the_index() -> None:
    adapters = {name for name, _ in platforms.PLATFORMS} | {"generic", "snapstart"}
    named = set(re.findall(r"`([a-z_]+)`(?=[^\n]*\|[^|\n]*\|$)", INDEX, re.M))
    assert adapters <= named
    assert {page.name for page in EACH} == set(re.findall(r"\]\(([a-z-]+\.md)\)", INDEX))


@pytest.mark.parametrize("page", EACH, ids=lambda page: page.stem)
def test_the_code_to_copy_is_python_and_imports_what_there_is(page: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module in ("tracekit", "tracekit.outgoing"):
                home = tracekit if node.module == "tracekit" else outgoing
                assert all(hasattr(home, alias.name) for alias in node.names)


def test_the_variables_named_are_settings() -> None:
    settings = (PAGES.parent / "sdk.md").read_text()
    for page in EACH:
        for name in re.findall(r"\b((?:OTEL|TRACEKIT)_[A-Z_]+)", page.read_text()):
            assert f"`{name}`" in settings, (page.name, name)
