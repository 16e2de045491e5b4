"""The first page: what to copy is what docs/platforms say, and it turns green with the first span."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.settings import UiSettings
from dashboards.starts import ENDPOINT, STARTS, Start
from tests.dashboards import traffic

PLATFORMS = Path(__file__).parents[2] / "docs" / "platforms"


@pytest.fixture
def empty() -> TestClient:
    settings = UiSettings(otlp_endpoint="http://127.0.0.1:4444", now_ns=lambda: traffic.NOW_NS)
    return TestClient(build_app(MemoryStorage().reader, settings=settings), base_url="http://localhost")


def test_an_empty_store_begins_here_and_one_that_is_not_does_not(
    empty: TestClient, client: TestClient
) -> None:
    assert empty.get("/", follow_redirects=False).headers["location"] == "/start"
    assert client.get("/", follow_redirects=False).headers["location"].startswith("/overview")


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.key)
def test_each_platform_says_what_to_copy_with_this_servers_address(empty: TestClient, start: Start) -> None:
    page = empty.get(f"/start?platform={start.key}").text
    assert "http://127.0.0.1:4444" in page and ENDPOINT not in page
    assert page.count('class="snippet"') == len(start.steps) and start.page in page
    assert re.search(rf'platform={start.key}" aria-current="page"', page)
    assert 'data-live="2s"' in page and "Waiting" in page


@pytest.mark.parametrize(
    "start", [start for start in STARTS if start.key != "otel"], ids=lambda start: start.key
)
def test_what_is_to_be_copied_stands_in_the_platforms_page(start: Start) -> None:
    said = (PLATFORMS / start.page).read_text() + (PLATFORMS / "README.md").read_text()
    for step in start.steps:
        for line in step.text.replace(f"={ENDPOINT}", "").replace(f" {ENDPOINT}", "").splitlines():
            words = line.strip().removeprefix("export ").partition("  #")[0].removesuffix(" ...")
            if words not in ("", "...", "pip install tracekit", "handler({}, None)", "environment:"):
                assert words in said, f"{start.page} does not say {words!r}"


def test_with_the_first_spans_it_turns_green_and_leads_to_the_functions(client: TestClient) -> None:
    page = client.get("/start").text
    assert "card arrived" in page and "Waiting" not in page and 'data-live="5s"' in page
    assert 'href="/functions/checkout?from=now-15m' in page


def test_a_platform_nobody_knows_is_plain_python(empty: TestClient) -> None:
    assert 'platform=python" aria-current="page"' in empty.get("/start?platform=%3Cscript%3E").text
