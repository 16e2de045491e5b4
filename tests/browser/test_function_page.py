"""A function's page in a real browser: the heatmap, scopes, the size of a phone, assistive technology."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from collector.decode.otlp_protobuf import decode
from collector.storage.memory import MemoryStorage
from tests.browser.conftest import OpenPage, serving_ui
from tests.dashboards.traffic import NOW_NS
from tracekit.demo import incidents

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000  # on a machine that does much else
PAGES = ("/functions/image-cache", "/functions/invoice-pdf?cold=slowest")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    storage = MemoryStorage()
    storage.writer.write([decode(incidents.incidents(NOW_NS), NOW_NS).batch])
    with serving_ui(storage.reader) as base:
        yield base


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> str:
    """Over the heatmap, in shares of its size; the query of the page that comes."""
    heat = page.locator("svg.ts", has=page.locator("svg.heat"))
    heat.scroll_into_view_if_needed()
    box = heat.bounding_box()
    assert box
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=4)
    page.mouse.up()
    page.wait_for_url("**/traces?**", wait_until="commit")
    return page.url


def test_a_stretch_of_the_heatmap_leads_to_the_traces_under_it(url: str, open_page: OpenPage) -> None:
    page = open_page(url, "/functions/order-history")
    asked = parse_qs(urlsplit(drag(page, (0.6, 0.02), (0.98, 0.3))).query)
    low, high = (int(bound) for bound in re.findall(r"(\d+)ns", asked["q"][0]))
    assert 100 * 10**6 < low < high, "the slow ones, on top"
    assert 35 * 60_000 > int(asked["to"][0]) - int(asked["from"][0]) > 15 * 60_000
    rows = page.locator("tr[data-href]")
    expect(rows.first).to_contain_text("order-history", timeout=PATIENCE_MS)
    page.go_back()
    expect(page.get_by_text("Latency heatmap")).to_be_visible(timeout=PATIENCE_MS)


def test_a_click_on_a_cell_is_a_stretch_of_one_cell(url: str, open_page: OpenPage) -> None:
    page = open_page(url, "/functions/order-history")
    asked = parse_qs(urlsplit(drag(page, (0.505, 0.97), (0.505, 0.97))).query)
    assert int(asked["to"][0]) - int(asked["from"][0]) == 60_000
    low, high = (int(bound) for bound in re.findall(r"(\d+)ns", asked["q"][0]))
    assert low < high <= 2.5 * max(low, 1)


def test_the_scope_is_chosen_from_a_menu_and_left_again(url: str, open_page: OpenPage) -> None:
    page = open_page(url, "/functions/image-cache")
    page.locator("summary", has_text="Instance").click()
    page.get_by_role("link", name="image-cache-4-a", exact=True).first.click()
    expect(page.locator("a.chip", has_text="instance image-cache-4-a")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#calls")).not_to_contain_text("image-cache-4-b", timeout=PATIENCE_MS)
    page.get_by_role("link", name="Whole function").click()
    expect(page.locator("#calls")).to_contain_text("image-cache-4-b", timeout=PATIENCE_MS)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_for_assistive_technology(
    url: str, open_page: OpenPage, path: str, scheme: str
) -> None:
    page = open_page(url, path, scheme=scheme, width=400 if scheme == "dark" else 1280)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    bad = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in bad] == []
