"""Saved views: from any page into a list for everybody, and back to the page as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.serving import serving

pytestmark = pytest.mark.browser

STATE = "/logs?level=error&from=2026-10-20T12:00&to=2026-10-21T23:59"
BOXES = """() => [...document.querySelectorAll('.top .logo, .tools > *')]
  .map((part) => part.getBoundingClientRect()).filter((box) => box.width)
  .map((box) => [box.left, box.right])"""


def unreadable(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def top_bar_is_whole(page: Page) -> bool:
    """Nothing in it lies over the next thing, or outside."""
    boxes = page.evaluate(BOXES)
    edges = [0, *(edge for box in boxes for edge in box), page.evaluate("innerWidth")]
    return len(boxes) > 4 and edges == sorted(edges)


def test_a_page_is_saved_opened_renamed_and_deleted(tmp_path: Path, open_page: OpenPage) -> None:
    with serving(tmp_path / "data") as server:
        page = open_page(server.ui, STATE, width=400)
        assert top_bar_is_whole(page)  # however long the range is
        page.get_by_role("link", name="Save this view").click()
        page.get_by_label("Name").fill("Night shift")
        page.keyboard.press("Enter")
        page.wait_for_url("**/views")

        other = open_page(server.ui, "/overview?from=now-1h", scheme="dark")  # somebody else's browser
        other.get_by_role("link", name="Saved views").click()
        assert unreadable(other) == []
        other.locator("summary", has_text="Rename").click()
        other.get_by_label("Name").fill("Errors of the night")
        other.keyboard.press("Enter")
        other.get_by_role("link", name="Errors of the night").click()
        assert other.url.endswith(STATE)
        expect(other.locator("select[name=level]")).to_have_value("error")

        other.wait_for_load_state()  # keys do nothing before the scripts are there
        other.keyboard.press("Control+k")
        other.locator("#palette input").fill("night")
        expect(other.locator("#palette [aria-selected=true]")).to_contain_text("Errors of the night")

        page.reload()
        assert unreadable(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.get_by_role("button", name="Delete Errors of the night").click()
        expect(page.get_by_text("No views yet")).to_be_visible()
