"""docs/collector.md names every path the collector answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.api.export_api import ROUTES as EXPORTS
from collector.api.keys_api import PATH
from collector.api.operations import ALL
from collector.app import ROUTES

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "collector.md").read_text()


@pytest.mark.parametrize("path", [*EXPORTS, PATH, *ALL, *(route.path for route in ROUTES)])
def test_every_path_is_documented(path: str) -> None:
    assert f"`{path}`" in DOCS or f"`POST {path}`" in DOCS
