"""Metrics, counted log records and dashboards in Chromium: accessible, narrow, edited with the keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, serving_ui
from tests.dashboards.logtraffic import logs_of
from tests.dashboards.metrictraffic import EXEMPLAR_TRACE, measured
from tests.dashboards.traffic import Size, Traffic

pytestmark = pytest.mark.browser
SHIPPED = [f"/dashboards/{name}?from=now-1h" for name in ("functions", "cold-starts", "async", "cost")]
PATHS = [
    "/metrics-explorer",
    "/metrics-explorer?metric=http.client.wait",
    "/metrics-explorer?metric=http.client.wait&stat=heatmap",
    "/metrics-explorer/logs?by=service",
    "/metrics-explorer/logs?measure=p95&of=rows&by=scope",
    "/metrics-explorer/spans?q=%7B+%7D+%7C+rate%28%29+by+%28resource.service.name%29",
    "/dashboards",
    "/dashboards/functions/edit",
    *SHIPPED,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("boards")


def serving(size: Size, folder: Path) -> Iterator[str]:
    storage = measured(size)
    if size != "none":
        storage.writer.write([logs_of(Traffic().batch(size))])
    with serving_ui(storage.reader, logs=storage.logs, metrics=storage.metrics, boards_folder=folder) as url:
        yield url


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    yield from serving("much", folder)


@pytest.fixture(scope="module")
def little_base(folder: Path) -> Iterator[str]:
    yield from serving("little", folder)


@pytest.fixture(scope="module")
def empty_base(folder: Path) -> Iterator[str]:
    yield from serving("none", folder)


@pytest.mark.parametrize(
    ("path", "scheme"), [*((path, "light") for path in PATHS), (PATHS[1], "dark"), (SHIPPED[0], "dark")]
)
def test_nothing_serious_for_assistive_technology(
    base: str, open_page: OpenPage, path: str, scheme: str
) -> None:
    found = Axe().run(open_page(base, path, scheme=scheme))
    bad = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in bad] == []


@pytest.mark.parametrize("path", [path for path in PATHS if "metric=" not in path])
def test_no_page_scrolls_sideways_with_any_amount_of_data(
    base: str, little_base: str, empty_base: str, open_page: OpenPage, path: str
) -> None:
    for each in (base, little_base, empty_base):
        page = open_page(each, path, width=400)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_dot_leads_to_the_trace_of_its_measurement(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/metrics-explorer?metric=http.client.wait")
    link = page.locator("svg.ts a").nth(2)  # on top of those of the other two series
    expect(link).to_have_attribute("href", f"/traces/{EXEMPLAR_TRACE.hex()}")
    page.route("**/traces/**", lambda route: route.fulfill(body="<title>reached</title>"))
    link.locator("circle").click()
    expect(page).to_have_title("reached")


def test_spans_are_drawn_by_a_query_and_a_click(base: str, open_page: OpenPage) -> None:
    page = open_page(base, "/metrics-explorer/spans")
    query = page.locator("main [data-search]")
    query.fill("{ kind = client } |")
    expect(page.locator("#q-list option").nth(1)).to_have_attribute("value", "{ kind = client } | count() >")
    query.fill("{ kind = client }")
    query.press("Enter")
    page.get_by_role("link", name="p95").click()
    page.get_by_role("link", name="function", exact=True).click()
    expect(query).to_have_value(
        "{ kind = client } | quantile_over_time(duration, 0.95) by (resource.service.name)"
    )
    expect(page.locator(".legend")).to_contain_text("checkout")
    page.get_by_role("link", name="Their traces").click()
    expect(page).to_have_url(re.compile(r"/traces\?.*kind\+%3D\+client"))


def test_a_dashboard_is_made_with_the_keyboard_and_filtered(
    base: str, folder: Path, open_page: OpenPage
) -> None:
    page = open_page(base, "/dashboards/new")
    page.get_by_label("File name").focus()
    page.keyboard.type("by-keyboard")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("heading", name="My dashboard")).to_be_visible()
    assert (folder / "by-keyboard.yaml").is_file()
    page.get_by_label("Function").select_option("checkout")
    expect(page).to_have_url(re.compile(r"/dashboards/by-keyboard\?.*v-service=checkout"))
    expect(page.locator(".legend").first).to_contain_text("checkout")
