"""What a page costs to load. The limits are UI.md's, in bytes after gzip."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.assets import FOLDER, served

KB = 1024


def weight(content: bytes) -> int:
    return len(gzip.compress(content, 6))


def test_scripts_and_styles_of_all_pages_together_stay_within_40_kb() -> None:
    files: list[Path] = [*FOLDER.rglob("*.js"), *FOLDER.rglob("*.css")]
    assert files
    assert sum(weight(served(file)) for file in files) <= 40 * KB


@pytest.mark.parametrize("path", ["/functions", "/functions/checkout", "/slow?what=operations"])
def test_overviews_of_a_hundred_functions_stay_within_100_kb(client: TestClient, path: str) -> None:
    assert weight(client.get(path).content) <= 100 * KB


def test_static_files_are_kept_for_good_only_under_a_versioned_address(client: TestClient) -> None:
    page = client.get("/functions").text
    versioned = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert "immutable" in client.get(versioned).headers["cache-control"]
    assert client.get(versioned.partition("?")[0]).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["js/app.js", "css/app.css"])
def test_scripts_and_styles_are_served_without_comments_and_not_twice(client: TestClient, name: str) -> None:
    first = client.get(f"/static/{name}")
    assert "/*" not in first.text and len(first.content) < (FOLDER / name).stat().st_size
    assert first.headers["content-type"].startswith(("text/javascript", "text/css"))
    again = client.get(f"/static/{name}", headers={"If-None-Match": f"W/{first.headers['etag']}"})
    assert again.status_code == 304 and not again.content
    assert client.get(f"/static/{name}", headers={"If-None-Match": '"other"'}).status_code == 200
