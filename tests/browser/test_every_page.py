"""Every page of a real server over a real store, with nothing, little and much in it."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe

from collector.storage.duckdb import open_storage
from dashboards.pages import PAGES
from tests.browser.conftest import OpenPage
from tests.dashboards.logtraffic import logs_of
from tests.dashboards.traffic import Size, Traffic
from tests.serving import serving

pytestmark = pytest.mark.browser

AMOUNTS: tuple[Size, ...] = ("none", "little", "much")
# UI.md's limits: bytes of a page after gzip, and the elements of a trace, whose rows are recycled. Other
# pages draw tables and maps of a hundred functions at once.
WEIGHT, NODES, MANY_NODES = 100 * 1024, 1_500, 12_000
# The pages of one thing: where there is nothing, there is no such thing.
OF_ONE = ("function", "trace", "diff")
KEYS = [page.key for page in PAGES]


@dataclass(frozen=True, slots=True)
class Site:
    """A server and what a page of one thing is opened with."""

    base: str
    amount: Size
    traces: tuple[str, ...]

    def address(self, key: str) -> str:
        """Where the page is."""
        (path,) = (page.path for page in PAGES if page.key == key)
        here, there = (*self.traces, "0" * 31 + "1", "0" * 31 + "2")[:2]
        return path.format(service="checkout", trace_id=here, other=there)


@pytest.fixture(scope="module", params=AMOUNTS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp(request.param)
    spans = Traffic(now_ns=time.time_ns()).batch(request.param)
    storage = open_storage(data)
    storage.writer.write([spans, logs_of(spans)])
    storage.close()
    with serving(data) as server:
        found = dict.fromkeys(spans.columns["trace_id"])
        yield Site(server.ui.rstrip("/"), request.param, tuple(found)[:2])


def get(address: str) -> tuple[int, bytes]:
    """Status and body."""
    try:
        with urlopen(address, timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("key", KEYS)
def test_a_page_opens_fits_and_stays_light(site: Site, open_page: OpenPage, key: str) -> None:
    status, body = get(site.base + site.address(key))
    if site.amount == "none" and key in OF_ONE:
        assert status == 404 and b"<h1" in body
        return
    assert status == 200
    assert len(gzip.compress(body, 6)) <= WEIGHT
    page = open_page(site.base, site.address(key), width=400)
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("*").count() <= (NODES if key == "trace" else MANY_NODES)


@pytest.mark.parametrize("key", KEYS)
def test_a_page_can_be_read_by_everybody(site: Site, open_page: OpenPage, key: str) -> None:
    if site.amount != "much":
        pytest.skip("much shows all there is")
    page = open_page(site.base, site.address(key))
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        bad = [(v["id"], v["nodes"][0]["target"]) for v in found if v["impact"] in ("serious", "critical")]
        assert (scheme, bad) == (scheme, [])


@pytest.mark.parametrize("key", KEYS)
def test_a_page_fits_a_phone_and_can_be_read_by_everybody_in_chinese(
    site: Site, open_page: OpenPage, key: str
) -> None:
    if site.amount != "little":
        pytest.skip("one amount shows the words")
    page = open_page(site.base, site.address(key), width=400, locale="zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["target"]) for v in found if v["impact"] in ("serious", "critical")] == []


def test_what_stands_in_the_navigation_leads_to_its_page(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.base, "/status")
    links = page.locator("header nav a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert [re.sub(r"\?.*", "", link) for link in links] == [p.path for p in PAGES if p.shortcut]
