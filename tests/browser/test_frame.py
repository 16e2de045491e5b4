"""The frame in a real browser: theme, range, keys, live refresh, time zone; every page at every size."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from collector.storage.memory import MemoryStorage
from tests.browser.conftest import OpenPage
from tests.dashboards.traffic import MINUTE, NOW_NS, Traffic, filled

pytestmark = pytest.mark.browser

PATHS = (
    "/overview",
    "/functions",
    "/functions/checkout",
    "/slow?what=statements",
    "/slow?what=calls",
    "/nowhere",
    "/functions?from=tomorrowish",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS[:5])
def test_nothing_serious_for_assistive_technology(
    shop_url: str, open_page: OpenPage, path: str, scheme: str
) -> None:
    found = Axe().run(open_page(shop_url, path, scheme=scheme))
    bad = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in bad] == []


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("path", PATHS[:5])
def test_no_page_scrolls_sideways(
    shop_url: str, empty_url: str, open_page: OpenPage, path: str, width: int
) -> None:
    for base in (shop_url, empty_url):
        if base == empty_url and path == "/functions/checkout":
            continue  # unknown there: a 404, which the console reports
        page = open_page(base, path, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PATHS[:5])
def test_the_content_needs_no_script(shop_url: str, open_page: OpenPage, path: str) -> None:
    page = open_page(shop_url, path, scripts=False)
    assert page.locator("main table tbody tr").count() > 3
    page.get_by_text("Last 1 hour").first.click()
    page.get_by_role("link", name="Last 3 hours").click()
    assert "from=now-3h" in page.url


def test_the_theme_stays_chosen(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions", scheme="light")
    page.keyboard.press("t")
    page.goto(shop_url + "/slow")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_keys_lead_to_pages_and_to_the_search(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions?from=now-3h")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/slow?from=now-3h")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_typing_filters_at_once_and_keeps_the_url(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions")
    page.fill("#q", "checkout")
    expect(page.locator("#functions tbody tr:visible")).to_have_count(1)
    assert page.url.endswith("?q=checkout")
    page.reload()
    expect(page.locator("#functions tbody tr:visible")).to_have_count(1)


def test_a_row_leads_to_its_function_and_on_to_the_calls(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions")
    page.get_by_role("link", name="checkout").click()
    page.wait_for_url("**/functions/checkout")
    page.locator("#calls").get_by_role("link", name="Slowest", exact=True).click()
    page.wait_for_url("**calls=slowest**", wait_until="commit")
    durations = page.locator("table.calls tbody tr td:nth-child(3)").all_inner_texts()
    assert len(durations) == 25


def test_dragging_over_a_chart_zooms_and_back_undoes_it(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions/checkout")
    box = page.locator("svg.ts").first.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    expect(page.locator(".tip")).to_contain_text("Failed")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=17156**", wait_until="commit")
    hour = NOW_NS // 10**6 - 3_600_000
    query = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    assert abs(int(query["from"]) - (hour + 1_800_000)) <= 60_000
    assert abs(int(query["to"]) - (hour + 2_700_000)) <= 60_000
    expect(page.locator("#range summary")).to_contain_text("11:")
    page.go_back(wait_until="commit")
    expect(page.locator("#range summary")).to_contain_text("Last 1 hour")


def test_live_refresh_brings_new_calls_without_a_reload(live_ui: object, open_page: OpenPage) -> None:
    storage: MemoryStorage = filled("little")
    page = open_page(live_ui(storage.reader), "/functions?live=2s")  # type: ignore[operator]
    page.evaluate("window.sameDocument = true")
    before = page.locator(".tile dd").first.inner_text()
    storage.writer.write([Traffic(NOW_NS - MINUTE, seed=99).batch("little")])
    expect(page.locator(".tile dd").first).not_to_have_text(before, timeout=8000)
    assert page.evaluate("window.sameDocument") is True


def test_local_time_is_a_choice(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions/checkout")
    expect(page.locator("footer .zone-name")).to_have_text("UTC")
    page.click("#zone")
    expect(page.locator("#zone")).to_have_text("LOC")
    page.reload()
    expect(page.locator("#zone")).to_have_text("LOC")


@pytest.mark.parametrize("path", ["/functions/checkout", "/traces"])
def test_every_time_of_a_page_follows_the_choice(shop_url: str, open_page: OpenPage, path: str) -> None:
    page = open_page(shop_url, path, timezone="Asia/Kolkata")  # 5:30 ahead: minutes differ as well
    page.click("#zone")
    expect(page.locator("footer .zone-name")).to_have_text("Asia/Calcutta")
    wrong = page.evaluate(
        """() => [...document.querySelectorAll("time.clock, svg.ts text[data-stamp]")].filter((shown) => {
          const moment = new Date(shown.dateTime ?? shown.dataset.stamp);
          return !shown.textContent.includes(moment.toTimeString().slice(0, 5));
        }).map((shown) => shown.outerHTML)"""
    )
    assert wrong == []
    assert page.locator("time.clock").count() > 0


def test_any_time_zone_may_be_chosen_by_name(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/functions/checkout", timezone="America/Lima")
    page.click("#zone-pick")
    violations = Axe().run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []
    page.locator("#zones input").fill("Mars/Olympus")
    page.locator("#zones .btn").click()
    expect(page.locator("#zones")).to_be_visible()
    page.locator("#zones input").fill("Asia/Kathmandu")  # 5:45 ahead
    page.locator("#zones .btn").click()
    expect(page.locator("#zones")).to_be_hidden()
    for _ in range(2):
        expect(page.locator("footer .zone-name")).to_have_text("Asia/Kathmandu")
        wrong = page.evaluate(
            """() => [...document.querySelectorAll("time.clock, svg.ts text[data-stamp]")].filter((shown) => {
              const moment = new Date(+new Date(shown.dateTime ?? shown.dataset.stamp) + 345 * 60e3);
              return !shown.textContent.includes(moment.toISOString().slice(11, 16));
            }).map((shown) => shown.outerHTML)"""
        )
        assert wrong == []
        page.reload()
    page.click("#zone")
    expect(page.locator("footer .zone-name")).to_have_text("UTC")


def test_ctrl_k_goes_anywhere(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/overview?from=now-1h&to=now")
    page.keyboard.press("Control+k")
    found = page.locator("#palette [role=option]")
    expect(found.first).to_be_visible()
    page.keyboard.type("checko")
    expect(found.first).to_contain_text("checkout")
    expect(found.first).to_have_attribute("aria-selected", "true")
    violations = Axe().run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []
    page.keyboard.press("Enter")
    page.wait_for_url("**/functions/checkout?*")
    page.keyboard.press("Control+k")
    page.keyboard.type("0af7651916cd43dd8448eb211c80319c")
    expect(found).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_a_phone_shows_in_the_navigation_where_one_is(shop_url: str, open_page: OpenPage) -> None:
    page = open_page(shop_url, "/errors", width=400)
    expect(page.locator(".nav [aria-current]")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0
