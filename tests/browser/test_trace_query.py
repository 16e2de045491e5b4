"""A query in braces, typed with what the page offers; a trace opened from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


def test_a_query_is_completed_from_what_there_is_and_finds_traces(open_page: OpenPage, shop_url: str) -> None:
    page = open_page(shop_url, "/traces")
    field = page.locator("main input[name=q]")
    field.press_sequentially("{ resource.service.name = ")
    offered = page.locator("#q-list option[value*=checkout]")
    expect(offered).to_have_attribute("value", '{ resource.service.name = "checkout"', timeout=30_000)
    field.fill('{ resource.service.name = "checkout" && status = error }')
    field.press("Enter")
    expect(page.locator(".traces tbody tr.failed").first).to_be_visible()
    expect(page.locator("main input[name=q]")).to_have_value(
        '{ resource.service.name = "checkout" && status = error }'
    )
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize(("width", "kind"), [(1280, "OTLP JSON"), (400, "A page that stands alone")])
def test_a_trace_is_downloaded_and_opened_again(
    open_page: OpenPage, shop_url: str, tmp_path: Path, width: int, kind: str
) -> None:
    page = open_page(shop_url, "/traces?service=checkout&sort=slowest", width=width)
    page.locator(".traces a.name").first.click()
    name = page.locator("h1").inner_text()
    page.locator("#download summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=kind).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.get_by_role("link", name="Open a downloaded trace").click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("Opened from a file.")).to_be_visible()
    expect(page.locator("h1")).to_have_text(name.replace("\n", " "))
    page.locator(".r .nm").first.click()
    expect(page.locator(".pane h2")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
