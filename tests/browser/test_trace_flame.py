"""The flame view: what is drawn can be pointed at, walked and shared."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, serving_ui
from tests.dashboards.stored import TRACE, checkout, span_id, store
from tests.dashboards.traffic import MS

pytestmark = pytest.mark.browser
FLAME = f"/traces/{TRACE}?view=flame"


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving_ui(store(*checkout()).reader) as url:
        yield url


def pixel(page: Page, share: float, row: int) -> tuple[float, float]:
    """Where a moment (0..1 of the trace) of a row of the graph is on the screen."""
    box = page.locator("#flames canvas").bounding_box()
    assert box
    return box["x"] + share * box["width"], box["y"] + row * 18 + 9


def test_a_click_opens_the_span_that_is_drawn_there(open_page: OpenPage, base: str) -> None:
    page = open_page(base, FLAME)
    page.mouse.move(*pixel(page, 0.5, 2))
    expect(page.locator(".tip")).to_have_text("POST /orders · checkout · 285 ms · failed")
    page.mouse.click(*pixel(page, 0.5, 2))
    expect(page.locator(".pane h2")).to_have_text("POST /orders")
    expect(page).to_have_url(re.compile(f"#span={span_id('3')}$"))
    page.reload()
    expect(page.locator(".pane h2")).to_have_text("POST /orders")


def test_a_double_click_zooms_and_escape_shows_the_whole_again(open_page: OpenPage, base: str) -> None:
    page = open_page(base, FLAME)
    page.mouse.dblclick(*pixel(page, 0.5, 2))
    expect(page.locator("#zoom-reset")).to_be_visible()
    expect(page.locator(".pane h2")).to_have_text("POST /orders")
    start, end = map(int, re.findall(r"view=(\d+)-(\d+)", page.url)[0])
    assert 395 * MS < start < 405 * MS and 690 * MS < end < 700 * MS
    page.keyboard.press("Escape")
    expect(page.locator(".pane")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#zoom-reset")).to_be_hidden()


def test_arrows_walk_the_spans_and_say_where_they_are(open_page: OpenPage, base: str) -> None:
    page = open_page(base, FLAME)
    page.locator("#flames").focus()
    for key, name in (
        ("ArrowDown", "POST /checkout"),
        ("ArrowDown", "POST checkout"),
        ("ArrowDown", "ColdStart"),
        ("ArrowRight", "POST /orders"),
        ("ArrowUp", "POST checkout"),
    ):
        page.keyboard.press(key)
        expect(page.locator("#flame-at")).to_contain_text(name)


@pytest.mark.parametrize(("view", "scheme"), [("flame", "dark"), ("statistics", "light"), ("cost", "dark")])
def test_the_views_are_accessible_and_fit_a_phone(
    open_page: OpenPage, base: str, view: str, scheme: str
) -> None:
    page = open_page(base, f"/traces/{TRACE}?view={view}", width=400, scheme=scheme)
    expect(page.locator(".views [aria-current]")).to_have_text(view.capitalize())
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_without_scripts_the_flame_view_points_to_the_statistics(open_page: OpenPage, base: str) -> None:
    page = open_page(base, FLAME, scripts=False)
    page.locator("noscript a").click()
    expect(page.locator("table.t tbody tr").first).to_contain_text("ColdStart")
