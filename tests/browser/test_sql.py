"""The SQL page in a browser: asked by keyboard, read by everybody, on a phone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from collector.storage.duckdb import open_storage
from tests.browser.conftest import OpenPage
from tests.dashboards.logtraffic import logs_of
from tests.dashboards.traffic import Traffic
from tests.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data: Path = tmp_path_factory.mktemp("sql")
    with closing(open_storage(data)) as storage:
        spans = Traffic(now_ns=time.time_ns()).batch("little")
        storage.writer.write([spans, logs_of(spans)])
    with serving(data) as server:
        yield server.ui.rstrip("/")


def test_a_query_is_asked_and_kept_by_keyboard(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/sql")
    page.locator("#sql-text").focus()
    page.keyboard.type("SELECT service, calls FROM functions ORDER BY calls DESC LIMIT 3")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("section[aria-label=Result] tbody tr")
    assert page.locator("section[aria-label=Result] tbody tr").count() == 3
    page.locator("#sql-name").fill("Busiest")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sql?saved=*")
    assert page.get_by_role("link", name="Busiest").is_visible()
    page.get_by_role("button", name="Delete Busiest").press("Enter")
    page.wait_for_url(base + "/sql")
    assert page.get_by_role("link", name="Busiest").count() == 0


def test_names_are_offered_while_one_types_and_ctrl_enter_runs(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/sql")
    text, offered = page.locator("#sql-text"), page.locator("#sql-names button")
    text.focus()
    page.keyboard.type("SELECT * FROM fu")
    assert offered.all_inner_texts() == ["functions"]
    page.keyboard.press("Tab")
    page.keyboard.type(" ORDER BY err")
    assert offered.all_inner_texts() == ["errors", "error_rate"], "columns of the view that is named"
    offered.nth(1).click()
    page.keyboard.type(" DESC LIM")
    page.keyboard.press("Escape")
    assert offered.count() == 0 and page.evaluate("document.activeElement.id") == "sql-text"
    page.keyboard.type("IT 1")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("section[aria-label=Result] tbody tr")
    assert text.input_value() == "SELECT * FROM functions ORDER BY error_rate DESC LIMIT 1"


@pytest.mark.parametrize("name", ["Calls over time by function", "Slowest functions"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_a_result_can_be_read_by_everybody(
    base: str, open_page: OpenPage, name: str, width: int, scheme: str
) -> None:
    page = open_page(base, "/sql", width=width, scheme=scheme)
    page.get_by_role("link", name=name).click()
    page.wait_for_selector("section[aria-label=Result] tbody tr")
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["target"]) for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
