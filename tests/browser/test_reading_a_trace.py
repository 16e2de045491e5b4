"""SEMANTICS.md, "Reading a trace": what a waterfall must show and do, beyond test_trace_page.py."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from collector.analysis.critical_path import critical_path
from dashboards import format
from dashboards.pages.trace import VIEWS
from tests.browser.conftest import OpenPage, serving_ui
from tests.dashboards.stored import TRACE, checkout, span_id, store
from tests.dashboards.test_waterfall import big_trace
from tests.dashboards.traffic import MS

pytestmark = pytest.mark.browser
VISIT = f"/traces/{TRACE}"
LARGE = {5_000: "b" * 32, 10_000: "d" * 32}
KILOBYTES = {5_000: 60, 10_000: 100}
NODES = 1_500


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    large = [replace(span, trace_id=ref) for size, ref in LARGE.items() for span in big_trace(size)]
    with serving_ui(store(*checkout(), *large).reader) as url:
        yield url


def rows_that_show(page: Page, part: str) -> list[str]:
    """Names of the rows in which this part of the bar is drawn."""
    page.locator(".r:not([hidden])").first.wait_for()
    shown = page.locator(f".r:not([hidden]):has({part}:not([hidden])) .nm").all_text_contents()
    return sorted(name.removeprefix("⚠ ").removeprefix("⌁ ") for name in shown)


def test_the_critical_path_is_drawn_on_the_bars_that_are_on_it(open_page: OpenPage, base: str) -> None:
    spans = {span.span_id: span for span in checkout()}
    on_it = {spans[section.span_id].name for section in critical_path(list(spans.values()))}
    drawn = rows_that_show(open_page(base, VISIT), ".cp")
    assert drawn == sorted(on_it - {"SELECT"} | {"SELECT ×9"})


def test_the_critical_path_is_hidden_by_a_key_and_stays_hidden_after_a_reload(
    open_page: OpenPage, base: str
) -> None:
    page = open_page(base, VISIT)
    row = page.locator(".r", has_text="POST /orders")
    mark = row.locator(".cp")
    expect(mark).to_be_visible()
    page.keyboard.press("c")
    expect(mark).to_be_hidden()
    expect(page).to_have_url(re.compile("path=0"))
    page.reload()
    expect(row).to_be_visible()
    expect(mark).to_be_hidden()
    expect(page.locator("#show-path")).to_have_attribute("aria-pressed", "false")


def test_events_are_ticks_on_the_bar_of_their_span(open_page: OpenPage, base: str) -> None:
    with_events = {span.name for span in checkout() if span.events}
    assert rows_that_show(open_page(base, VISIT), ".ev") == sorted(with_events)


def test_the_minimap_shows_the_trace_and_its_scrubber_moves_by_key(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"{VISIT}#view=100000000-300000000")
    painted = """canvas => new Set(new Uint32Array(
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
    assert page.locator("#mini canvas").evaluate(painted) > 2
    page.locator(".brush").press("ArrowRight")
    expect(page).to_have_url(re.compile("view=120000000-320000000"))
    expect(page.locator(".brush")).to_have_attribute("aria-valuetext", re.compile(r"^\d+ to \d+ percent$"))


def test_the_pane_tells_the_self_time(open_page: OpenPage, base: str) -> None:
    # Of 690 ms a cold start covers 380 and the call 285.
    page = open_page(base, f"{VISIT}#span={span_id('2')}")
    told = page.locator(".pane .figures div", has_text="Self time").locator("dd")
    expect(told).to_have_text(format.duration(25 * MS))


def test_a_banner_tells_that_spans_are_missing(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    expect(page.locator(".banner", has_text="1 span names a parent that is not here")).to_be_visible()


def test_an_attribute_is_copied_with_one_click(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"{VISIT}#span={span_id('3')}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".attr", has_text="http.route").locator("[data-copy]").click()
    page.wait_for_function("async () => await navigator.clipboard.readText() === '/orders'")


def test_folded_levels_are_in_the_address(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.locator(".r").first.wait_for()
    page.keyboard.press("{")
    expect(page).to_have_url(re.compile("level="))
    rows, levels = page.locator(".r:not([hidden])").count(), page.locator("#level").inner_text()
    page.reload()
    expect(page.locator("#level")).to_have_text(levels)
    expect(page.locator(".r:not([hidden])")).to_have_count(rows)


def test_w_and_s_scroll(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"/traces/{LARGE[5_000]}")
    page.locator(".r").first.wait_for()
    for keys, top in (("ss", 240), ("w", 120)):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_function(f"() => document.querySelector('#rows').scrollTop === {top}")


def test_f_and_b_step_through_the_spans(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.locator(".r").first.wait_for()
    for key, name in (("f", "POST /checkout"), ("f", "⚠ POST checkout"), ("b", "POST /checkout")):
        page.keyboard.press(key)
        expect(page.locator(".r.sel .nm")).to_have_text(name)


def test_arrows_zoom_a_and_d_pan_and_escape_shows_all(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.locator(".r").first.wait_for()
    page.keyboard.press("ArrowUp")
    whole, zoomed = (0, 1_100 * MS), view(page)
    assert zoomed[1] - zoomed[0] == pytest.approx(0.7 * whole[1], rel=0.01)
    page.keyboard.press("a")
    left = view(page)
    assert left[0] < zoomed[0] and left[1] - left[0] == pytest.approx(zoomed[1] - zoomed[0], rel=0.01)
    page.keyboard.press("d")
    assert view(page) == pytest.approx(zoomed, rel=0.01)
    page.keyboard.press("Escape")
    expect(page.locator("#zoom-reset")).to_be_hidden()
    assert "view=" not in page.url


def view(page: Page) -> tuple[int, int]:
    """The stretch of time that is shown, as the address has it."""
    expect(page).to_have_url(re.compile(r"view=\d+-\d+"))
    first, last = page.url.partition("view=")[2].split("&")[0].split("-")
    return int(first), int(last)


def test_each_view_of_a_trace_is_a_click_away_with_an_address_of_its_own(
    open_page: OpenPage, base: str
) -> None:
    page = open_page(base, VISIT)
    tabs = page.get_by_role("navigation", name="Views of the trace")
    assert {"timeline", "flame", "statistics", "logs", "profile"} <= {key for key, _ in VIEWS}
    for key, title in [*VIEWS[1:], VIEWS[0]]:
        tabs.get_by_role("link", name=title).click()
        expect(tabs.locator("[aria-current=page]")).to_have_text(title)
        assert (f"view={key}" in page.url) == (key != "timeline")


@pytest.mark.parametrize("size", LARGE)
def test_the_page_of_a_large_trace_stays_light(open_page: OpenPage, base: str, size: int) -> None:
    address = f"/traces/{LARGE[size]}"
    with urlopen(base + address, timeout=60) as answer:
        assert len(gzip.compress(answer.read(), 6)) <= KILOBYTES[size] * 1024
    page = open_page(base, address)
    page.locator(".r").first.wait_for()
    assert page.locator("*").count() <= NODES
