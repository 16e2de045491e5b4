"""Errors and logs in a real browser: readable by everybody, and a way from each to the span it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from collector.triage.store import TriageStore
from tests.browser.conftest import OpenPage, serving_ui
from tests.dashboards.logtraffic import logged
from tests.dashboards.traffic import NOW_NS

pytestmark = pytest.mark.browser

PATHS = ("/errors?show=all", "/logs", "/logs?view=patterns")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    storage, path = logged("much"), tmp_path_factory.mktemp("control") / "c.sqlite"
    with (
        closing(TriageStore.open(Path(path), clock=lambda: NOW_NS)) as triage,
        serving_ui(storage.reader, triage=triage, logs=storage.logs) as url,
    ):
        yield url


@pytest.fixture(scope="module")
def empty_base() -> Iterator[str]:
    storage = logged("none")
    with serving_ui(storage.reader, logs=storage.logs) as url:
        yield url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_serious_for_assistive_technology(
    base: str, open_page: OpenPage, path: str, scheme: str
) -> None:
    found = Axe().run(open_page(base, path, scheme=scheme))
    bad = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in bad] == []


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_no_page_scrolls_sideways(
    base: str, empty_base: str, open_page: OpenPage, path: str, width: int
) -> None:
    for each in (base, empty_base):
        page = open_page(each, path, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_error_is_followed_to_its_span_and_resolved(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/errors?service=checkout")
    page.get_by_role("link", name="TimeoutError").click()
    expect(page.locator(".culprit")).to_contain_text("/app/main.py")
    found = Axe().run(page)
    assert not [v["id"] for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    page.get_by_role("link", name="POST /orders").first.click()
    expect(page.locator("#pane")).to_contain_text("payment provider did not answer")
    page.go_back()
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("Resolved just now")).to_be_visible()
    page.goto(base + "/errors?service=checkout")
    expect(page.get_by_text("No open errors")).to_be_visible()
    page.goto(base + "/errors?service=checkout&show=resolved")
    page.get_by_role("link", name="TimeoutError").click()
    page.get_by_role("button", name="Open again").click()
    expect(page.get_by_role("button", name="Resolve")).to_be_visible()


def test_a_line_opens_leads_to_its_trace_and_back_to_its_lines(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/logs?level=error")
    line = page.locator("table.logs tbody tr").first
    line.locator("summary").click()
    expect(line.get_by_text("retry")).to_be_visible()
    line.get_by_role("link", name="Trace").click()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}"))
    page.get_by_role("link", name="Logs", exact=True).last.click()
    expect(page.get_by_text("Times since the trace began")).to_be_visible()
    page.get_by_role("link", name="Search them").click()
    expect(page.locator(".chip", has_text="trace")).to_be_visible()


def test_facets_narrow_the_lines(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/logs")
    page.locator(".facets").get_by_role("link", name="mailer").click()
    expect(page).to_have_url(re.compile("service=mailer"))
    expect(page.locator("table.logs tbody tr td:nth-child(3)").first).to_have_text("mailer")
