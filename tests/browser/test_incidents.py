"""Five incidents, each found from the overview in five clicks or fewer, down to its cause."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from collector.decode.otlp_protobuf import decode
from collector.storage.memory import MemoryStorage
from tests.browser.conftest import OpenPage, serving_ui
from tests.dashboards.traffic import NOW_NS
from tracekit.demo import incidents

pytestmark = pytest.mark.browser

MOST_CLICKS = 5
PATIENCE_MS = 30_000  # on a machine that does much else


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The two hours of the incidents, taken in as they would be over the wire."""
    storage = MemoryStorage()
    storage.writer.write([decode(incidents.incidents(NOW_NS), NOW_NS).batch])
    with serving_ui(storage.reader) as base:
        yield base


class Visitor:
    """Somebody who clicks, from the overview on, and counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, target: Locator) -> None:
        self.clicks += 1
        assert self.clicks <= MOST_CLICKS, "too far from the overview"
        target.click()
        self.page.wait_for_load_state()

    def finding(self, service: str, words: str) -> None:
        """The line of the overview that says so of the function."""
        line = self.page.locator("section", has_text="Stands out").locator("tr", has_text=service)
        self.click(line.filter(has_text=words).locator("a").first)

    def sees(self, target: Locator) -> None:
        expect(target).to_be_visible(timeout=PATIENCE_MS)


@pytest.fixture
def visitor(url: str, open_page: OpenPage) -> Visitor:
    return Visitor(open_page(url, "/overview"))


def test_a_slow_statement_that_came_with_a_version(visitor: Visitor) -> None:
    page = visitor.page
    visitor.finding("order-history", "is slower since version 2")
    visitor.sees(page.locator("#versions"))
    visitor.click(page.get_by_role("link", name="Slowest", exact=True).last)
    visitor.click(page.locator("#calls tbody a").first)
    visitor.click(page.locator(".r:not([hidden])", has_text="SELECT").first)
    visitor.sees(page.locator(".pane .code", has_text="lower(note)"))


def test_the_statement_itself_stands_out_too(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sees(page.locator("tr", has_text="lower(note)"))
    visitor.finding("order-history", "runs a statement it did not run before")
    visitor.sees(page.locator("td.sql", has_text="lower(note)").first)


def test_cold_starts_by_a_heavy_import(visitor: Visitor) -> None:
    visitor.finding("invoice-pdf", "long to start")
    imports = visitor.page.locator("#cold")
    visitor.sees(imports.locator("svg.icicle text", has_text=incidents.HEAVY_IMPORT).first)
    heaviest = imports.locator("table", has_text="Module").locator("tbody tr").first
    expect(heaviest).to_contain_text(incidents.HEAVY_IMPORT, timeout=PATIENCE_MS)


def test_a_queue_that_falls_behind(visitor: Visitor) -> None:
    page = visitor.page
    visitor.finding("mail-sender", "falls behind")
    visitor.click(page.locator("tr[data-href] a", has_text=incidents.QUEUE).first)
    visitor.click(page.locator(".r:not([hidden])", has_text=incidents.QUEUE).first)
    visitor.sees(page.locator(".pane", has_text="tracekit.queue_delay_ms"))
    visitor.click(page.locator(".pane a[href^='/traces/']").first)
    visitor.sees(page.locator(".r", has_text="newsletter").first)


def test_a_wave_of_exceptions(visitor: Visitor) -> None:
    visitor.finding("payment-webhook", "has a new error")
    visitor.sees(visitor.page.locator("pre", has_text=incidents.FAULTY_LINE.split(", in")[0]).first)


def test_a_memory_leak(visitor: Visitor) -> None:
    page = visitor.page
    visitor.finding("image-cache", "uses more memory with every call")
    visitor.sees(page.get_by_text("Memory grows with every call"))
    visitor.sees(page.get_by_text("it would reach its limit of 512 MB"))
    visitor.sees(page.locator("figure", has_text="Memory, by instance").locator("svg.ts path").first)
    visitor.click(page.get_by_role("link", name="Its calls"))
    visitor.click(page.locator("#calls tbody a").first)
    visitor.click(page.locator(".r:not([hidden])", has_text="image-cache").first)
    visitor.sees(page.locator(".pane", has_text="of 512 MB"))
