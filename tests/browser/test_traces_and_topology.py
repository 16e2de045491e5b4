"""Traces and Topology as a person uses them."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


def test_a_filter_is_set_by_the_form_and_removed_by_its_chip(open_page: OpenPage, shop_url: str) -> None:
    page = open_page(shop_url, "/traces")
    page.get_by_label("Status").select_option("error")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page).to_have_url(re.compile("status=error"))
    assert page.locator("tr.failed").count() == page.locator("tbody tr").count() > 0
    page.get_by_title("Remove this filter").click()
    expect(page).not_to_have_url(re.compile("status="))


def test_a_row_opens_its_trace(open_page: OpenPage, shop_url: str) -> None:
    page = open_page(shop_url, "/traces?sort=spans")
    spans = page.locator("tbody tr").first.locator("td").nth(3).inner_text()
    page.locator("tbody tr").first.locator("td").nth(3).click()
    expect(page.locator(".figures div", has_text="Spans").locator("dd")).to_have_text(spans)


def test_a_dot_opens_its_trace(open_page: OpenPage, shop_url: str) -> None:
    page = open_page(shop_url, "/traces?sort=slowest")
    page.locator(".pt circle").last.click()
    expect(page).to_have_url(re.compile("/traces/[0-9a-f]{32}$"))


def test_hovering_a_node_fades_what_it_does_not_touch(open_page: OpenPage, shop_url: str) -> None:
    page = open_page(shop_url, "/topology?focus=function:checkout&depth=2")
    page.locator('[data-node="queue:orders"]').hover()
    expect(page.locator('[data-node="function:mailer"]')).to_have_class(re.compile("near"))
    expect(page.locator('[data-node="function:storefront"]')).not_to_have_class(re.compile("near"))
    expect(page.locator('[data-node="function:storefront"]')).to_have_css("opacity", "0.14")


def test_a_click_on_a_node_focuses_it_and_back_returns(open_page: OpenPage, shop_url: str) -> None:
    page = open_page(shop_url, "/topology?focus=function:checkout")
    page.locator('[data-node="queue:orders"]').click()
    expect(page.locator(".side h2")).to_have_text("orders")
    expect(page).to_have_url(re.compile("focus=queue"))
    page.go_back()
    expect(page.locator(".side h2")).to_have_text("checkout")


def test_a_click_on_an_edge_tells_of_it_over_time_and_of_its_slowest_traces_of_a_stretch(
    open_page: OpenPage, shop_url: str
) -> None:
    page = open_page(shop_url, "/topology?focus=queue:orders")
    page.locator('.edge[data-to="queue:orders"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator(".side h2")).to_have_text("checkout → orders")
    expect(page).to_have_url(re.compile("source=function.*target=queue"))
    calls = page.locator(".side dd").first
    whole = calls.inner_text()
    drag(page, 0.4, 0.5)
    expect(page).to_have_url(re.compile(r"from=17156\d+&to=17156\d+"))
    expect(calls).not_to_have_text(whole)
    page.locator(".side").get_by_role("link", name="Slowest traces").click()
    expect(page).to_have_url(re.compile(r"/traces\?.*from=17156\d+&to=17156\d+"))
    expect(page.get_by_text("checkout → orders")).to_be_visible()
    assert page.locator("tbody tr").count() > 0


@pytest.mark.parametrize(
    "path",
    [
        "/traces",
        "/traces?status=error&cold=yes",
        "/topology",
        "/topology?focus=queue:orders",
        "/topology?source=queue:orders&target=function:mailer",
    ],
)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light")])
def test_the_pages_are_accessible_and_fit(
    open_page: OpenPage, shop_url: str, path: str, width: int, scheme: str
) -> None:
    page = open_page(shop_url, path, width=width, scheme=scheme)
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def drag(page: Page, start: float, end: float) -> None:
    """Over a stretch of the first chart, given in shares of its width."""
    chart = page.locator("#history svg.ts").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, box["y"] + 40, steps=4)
    page.mouse.up()


def test_a_stretch_of_the_history_is_the_map_of_that_time(open_page: OpenPage, shop_url: str) -> None:
    page = open_page(shop_url, "/topology")
    calls = page.locator(".edgetable tbody tr").first.locator("td").nth(2).inner_text()
    drag(page, 0.4, 0.5)
    expect(page).to_have_url(re.compile(r"/topology\?from=17156\d+&to=17156\d+"))
    expect(page.locator(".edgetable tbody tr").first.locator("td").nth(2)).not_to_have_text(calls)
