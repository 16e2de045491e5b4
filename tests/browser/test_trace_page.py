"""The Trace page as a person uses it: rows, folding, zoom, search, details, all of it in the address."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from collector.model import Event
from tests.browser.conftest import OpenPage, serving_ui
from tests.dashboards.stored import BEGAN, OTHER, TRACE, at, checkout, elsewhere, span_id, store
from tests.dashboards.test_waterfall import big_trace

pytestmark = pytest.mark.browser
VISIT = f"/traces/{TRACE}"
BIG = "b" * 32
NODES = 1_500


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    big = [replace(span, trace_id=BIG) for span in big_trace(5_000)]
    with serving_ui(store(*checkout(), *big).reader) as url:
        yield url


def names(page: Page) -> list[str]:
    """Rows from top to bottom, by what stands where and not by the order of elements."""
    page.locator(".r:not([hidden])").first.wait_for()
    texts = page.locator(".r:not([hidden])").evaluate_all(
        "rows => rows.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)"
        ".map(row => row.querySelector('.nm').textContent)"
    )
    return list(texts)


def test_rows_stand_in_reading_order_with_equal_siblings_folded(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    assert names(page) == [
        "POST /checkout", "⚠ POST checkout", "ColdStart", "⚠ POST /orders", "SELECT ×9", "orders send",
        "orders process", "⌁ orphaned work",
    ]  # fmt: skip


def test_siblings_that_take_turns_fold_as_one(open_page: OpenPage, live_ui: Callable[..., str]) -> None:
    turns = [at(f"4{i:02}", "1", i, i + 1, "shop", ("SELECT a", "SELECT b")[i % 2]) for i in range(11)]
    page = open_page(live_ui(store(at("1", "", 0, 20, "shop", "GET /"), *turns).reader), VISIT)
    assert names(page) == ["GET /", "SELECT a + SELECT b ×5", "SELECT a"]


def test_folding_hides_what_is_below_and_survives_a_reload(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.locator(".r", has_text="POST /orders").locator(".tw").click()
    assert "SELECT ×9" not in names(page)
    page.locator(".r", has_text="orders send").locator(".tw").click()
    folded = names(page)
    page.reload()
    page.locator(".r").first.wait_for()
    assert names(page) == folded


def test_levels_fold_one_by_one_and_all_at_once(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.keyboard.press("{")
    assert names(page)[-5:] == [
        "ColdStart",
        "⚠ POST /orders",
        "orders send",
        "orders process",
        "⌁ orphaned work",
    ]
    page.keyboard.press("[")
    assert names(page) == ["POST /checkout", "⌁ orphaned work"]
    page.keyboard.press("]")
    assert len(names(page)) == 8


def test_a_click_opens_the_span_and_the_address_leads_back_to_it(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.locator(".r", has_text="POST /orders").click()
    expect(page.locator(".pane h2")).to_have_text("POST /orders")
    expect(page).to_have_url(re.compile(f"#span={span_id('3')}$"))
    page.reload()
    expect(page.locator(".pane h2")).to_have_text("POST /orders")
    expect(page.locator(".r.sel .nm")).to_have_text("⚠ POST /orders")


def test_the_pane_shows_the_failure_with_its_place_in_the_code(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"{VISIT}#span={span_id('3')}")
    expect(page.locator(".exception h3")).to_have_text("TimeoutError")
    expect(page.locator(".exception .own b")).to_have_text('/app/pay.py", line 17')
    expect(page.locator(".attr", has_text="evil")).to_contain_text("</script><script>alert(1)</script>")


def test_links_lead_from_a_consumer_to_its_producer_and_back(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"{VISIT}#span={span_id('d')}")
    page.locator(".links button").click()
    expect(page.locator(".pane h2")).to_have_text("orders send")
    page.locator(".links button").click()
    expect(page.locator(".pane h2")).to_have_text("orders process")


def test_one_click_leads_to_the_trace_that_took_up_the_message_and_one_back(
    open_page: OpenPage, live_ui: Callable[..., str]
) -> None:
    page = open_page(live_ui(store(*checkout(), *elsewhere()).reader), VISIT)
    expect(page.locator(".r.linked .nm")).to_have_text("orders send")
    page.locator(".ways a", has_text="worker").click()
    expect(page.locator(".pane h2")).to_have_text("orders batch")
    assert OTHER in page.url
    page.locator(".pane .links a").click()
    expect(page.locator(".pane h2")).to_have_text("orders send")
    page.locator(".pane .links a", has_text="worker orders batch").click()
    expect(page.locator(".pane h2")).to_have_text("orders batch")


def test_attributes_are_filtered_as_one_types(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"{VISIT}#span={span_id('3')}")
    expect(page.locator(".pane h2")).to_be_visible()
    shown = page.locator(".attr:not([hidden]) dt")
    expect(shown).not_to_have_count(1)
    page.get_by_label("Filter attributes").fill("app 3")
    expect(shown).to_have_text(["app.step.3"])


def test_search_marks_and_steps_through_what_the_server_finds(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.keyboard.press("/")
    page.keyboard.type("tea")
    expect(page.locator("#found")).to_have_text("9 found")
    page.keyboard.press("Enter")
    expect(page.locator(".r.sel.hit .nm")).to_have_text("SELECT ×9")
    page.keyboard.press("Enter")
    expect(page.locator(".r.hit")).to_have_count(9)
    expect(page).to_have_url(re.compile("q=tea"))


def test_errors_are_stepped_through_by_key(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    for name in ("⚠ POST checkout", "⚠ POST /orders", "⚠ POST checkout"):
        page.keyboard.press("e")
        expect(page.locator(".r.sel .nm")).to_have_text(name)


def test_arrows_move_among_rows_and_fold_them(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.locator("#rows").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator(".r.sel .nm")).to_have_text("⚠ POST /orders")
    assert "SELECT ×9" not in names(page)
    page.keyboard.press("Escape")
    expect(page.locator(".pane")).to_be_hidden()


def test_a_brush_over_the_minimap_zooms_and_back_undoes_it(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    page.locator(".r").first.wait_for()
    area = page.locator("#mini").bounding_box()
    assert area
    page.mouse.move(area["x"] + area["width"] * 0.25, area["y"] + 20)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + 20, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("view=27\\d{7}-55\\d{7}"))
    assert page.locator("#ticks span").first.inner_text() == "300 ms"
    page.go_back()
    expect(page.locator("#ticks span").first).to_have_text("0")
    expect(page.locator("#zoom-reset")).to_be_hidden()


def test_a_bar_lies_where_its_time_is(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT)
    places = page.locator(".r", has_text="orders process").evaluate(
        "row => { const [g, b] = ['.g', '.b'].map(part => row.querySelector(part).getBoundingClientRect());"
        " return [(b.left - g.left) / g.width, b.width / g.width] }"
    )
    assert places == pytest.approx([760 / 1100, 340 / 1100], abs=0.005)


def test_rows_are_recycled_while_scrolling(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"/traces/{BIG}")
    page.locator(".r").first.wait_for()
    first = names(page)
    before = page.locator("*").count()
    page.locator("#rows").evaluate("box => box.scrollTop = box.scrollHeight")
    page.wait_for_function("() => [...document.querySelectorAll('.r')].some(r => r.ariaRowIndex > 4000)")
    assert page.locator("*").count() == before <= NODES
    assert names(page) != first


def test_scrolling_rewrites_only_the_rows_that_entered(open_page: OpenPage, base: str) -> None:
    page = open_page(base, f"/traces/{BIG}")
    page.locator(".r").first.wait_for()
    touched = page.evaluate(
        """async () => {
          const rows = new Set(), element = node => node.nodeType === 1 ? node : node.parentElement;
          const note = changes => changes.forEach(c => rows.add(element(c.target).closest('.r')));
          const seen = new MutationObserver(note);
          const every = { subtree: true, attributes: true, childList: true, characterData: true };
          seen.observe(document.querySelector('.space'), every);
          const box = document.querySelector('#rows'), frame = () => new Promise(requestAnimationFrame);
          box.scrollTop = 480; await frame(); await frame(); rows.clear();
          box.scrollTop += 72; await frame(); await frame();
          return rows.size;
        }"""
    )
    assert touched == 3


def test_without_scripts_the_spans_show_as_a_table(open_page: OpenPage, base: str) -> None:
    page = open_page(base, VISIT, scripts=False)
    expect(page.get_by_role("cell", name="orders process")).to_be_visible()
    assert page.get_by_role("row").count() == 1 + len(checkout())
    expect(page.locator("#trace")).to_be_hidden()
    expect(page.locator("#theme")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_accessible_and_fits(open_page: OpenPage, base: str, width: int, scheme: str) -> None:
    page = open_page(base, f"{VISIT}#span={span_id('3')}", width=width, scheme=scheme)
    expect(page.locator(".pane h2")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_pane_lays_out_payloads_and_shows_the_variables_of_an_exception(
    open_page: OpenPage, live_ui: Callable[..., str]
) -> None:
    frames = json.dumps([{"function": "charge", "file": "pay.py", "line": 17, "locals": {"amount": 12}}])
    failure = Event(BEGAN, "exception", {"exception.type": "E", "tracekit.exception.locals": frames})
    call = replace(
        at("1", "", 0, 9, "shop", "POST /"), events=(failure,),
        attributes={"tracekit.request.payload": '{"cart":["tea"]}'},
    )  # fmt: skip
    page = open_page(live_ui(store(call).reader), f"{VISIT}#span={span_id('1')}")
    payload = page.locator(".pane section", has=page.get_by_role("heading", name="Request payload"))
    expect(payload.locator("pre")).to_have_text('{\n  "cart": [\n    "tea"\n  ]\n}')
    expect(payload.get_by_role("button", name="Copy Request payload")).to_be_visible()
    page.get_by_text("Variables of charge (pay.py:17)").click()
    expect(page.locator(".exception details pre")).to_have_text("amount = 12")
