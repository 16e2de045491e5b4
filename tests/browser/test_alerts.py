"""Alerts in a real browser: the preview follows what is written, nothing is lost, scripts are optional."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from collector.alerts.evaluator import Evaluator
from collector.alerts.rule import Rule
from collector.alerts.store import AlertStore
from collector.storage.base import SpanReader
from tests.browser.conftest import OpenPage
from tests.dashboards.traffic import MINUTE, NOW_NS, filled

pytestmark = pytest.mark.browser

PATHS = ("/alerts", "/alerts?changes=all", "/alerts/new?signal=p95_ms", "/alerts/1")


class NoNotifier:
    def start(self) -> None:
        return

    def stop(self) -> None:
        return


@pytest.fixture(scope="module")
def shop() -> SpanReader:
    return filled("much").reader


@pytest.fixture
def store(tmp_path: Path, shop: SpanReader) -> Iterator[AlertStore]:
    """Two rules that have lived through the last minutes of much traffic; the first one fires."""
    store = AlertStore.open(tmp_path / "control.sqlite", clock=lambda: NOW_NS - 10 * MINUTE)
    hook = "https://hooks.example.org/services/" + "x" * 120
    store.save(Rule("Checkout fails", "error_rate", 0.05, service="checkout", for_s=30, webhook_url=hook))
    store.save(Rule("Cold starts " + "very " * 20, "cold_start_share", 0.3))
    evaluator = Evaluator(shop, store, NoNotifier())
    for moment in (NOW_NS - 2 * MINUTE, NOW_NS - MINUTE, NOW_NS):
        evaluator.evaluate_once(moment)
    assert [a.rule_id for a in store.alerts() if a.service == "checkout"] == [1]
    yield store
    store.close()


@pytest.fixture
def base(shop: SpanReader, store: AlertStore, live_ui: Callable[..., str]) -> str:
    return live_ui(shop, store)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_for_assistive_technology(base: str, open_page: OpenPage, scheme: str) -> None:
    for path in PATHS:
        found = Axe().run(open_page(base, path, scheme=scheme))
        bad = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
        assert [(path, v["id"], [n["target"] for n in v["nodes"]][:3]) for v in bad] == []


@pytest.mark.parametrize("width", [400, 1280])
def test_no_page_scrolls_sideways(base: str, open_page: OpenPage, width: int) -> None:
    for path in PATHS:
        page = open_page(base, path, width=width)
        assert (path, page.evaluate("document.documentElement.scrollWidth")) == (path, width)


def test_the_preview_follows_the_sentence(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/alerts/new?service=checkout")
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("would have fired")
    page.get_by_label("Threshold").fill("100")
    expect(verdict).to_have_text("would not have fired")
    page.get_by_label("Signal").select_option("p95_ms")
    expect(page.locator("#threshold-unit")).to_have_text("ms")
    expect(page.locator("#preview h2").first).to_have_text("p95 duration")
    page.locator("#preview svg.ts").hover()
    expect(page.locator(".tip")).to_be_visible()


def test_neither_live_refresh_nor_zooming_loses_what_is_being_written(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/alerts/1?live=2s")
    page.get_by_label("Threshold").fill("33")
    page.get_by_label("Threshold").blur()
    box = page.locator("#preview svg.ts").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 50, steps=4)
    page.mouse.up()
    page.wait_for_timeout(2500)  # one refresh would have happened
    expect(page.get_by_label("Threshold")).to_have_value("33")


def test_live_refresh_goes_on_while_nothing_is_written(
    base: str, store: AlertStore, open_page: OpenPage
) -> None:
    page = open_page(base, "/alerts?live=2s")
    store.save(Rule("Written by a script", "error_rate", 0.5))
    expect(page.get_by_role("link", name="Written by a script")).to_be_visible(timeout=10_000)


def test_without_scripts_a_rule_is_previewed_created_switched_off_and_deleted(
    base: str, store: AlertStore, open_page: OpenPage
) -> None:
    page = open_page(base, "/alerts/new?service=checkout", scripts=False)
    page.get_by_label("Threshold").fill("2%")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".verdict")).to_contain_text("would have fired")
    page.get_by_role("button", name="Create rule").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Error rate of checkout > 2%")
    page.get_by_role("switch").click()
    assert store.rule(3) is not None and not store.rule(3).enabled  # type: ignore[union-attr]
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete this rule").click()
    assert page.url == base + "/alerts"
    assert store.rule(3) is None
