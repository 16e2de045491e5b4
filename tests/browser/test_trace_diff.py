"""From a trace to its comparison, as a person goes."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_a_slow_trace_is_compared_with_a_typical_one(
    open_page: OpenPage, shop_url: str, width: int, scheme: str
) -> None:
    page = open_page(shop_url, "/traces?service=checkout&sort=slowest", width=width, scheme=scheme)
    page.locator(".traces a.name").first.click()
    page.locator("#compare summary").click()
    page.get_by_role("link", name="With a typical call").click()
    expect(page.locator("h1")).to_have_text("Traces compared")
    expect(page.locator("table.diff .added, table.diff .slower").first).to_be_visible()
    page.get_by_role("link", name="By difference").click()
    expect(page.locator("table.diff tbody tr").first.locator(".badge")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
