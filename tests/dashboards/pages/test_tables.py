"""Every table of a page leaves as CSV, by a link on that page, with what the page's address says."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.alerts.rule import Rule
from collector.alerts.store import AlertStore
from dashboards.app import build_app
from dashboards.pages.tables import TABLES
from dashboards.settings import UiSettings
from tests.dashboards.logtraffic import logged
from tests.dashboards.traffic import NOW_NS

# A page with each table, and what it was narrowed to.
PAGES = {
    "functions": "/functions?q=store&sort=p95",
    "calls": "/functions/checkout?calls=slowest",
    "slow": "/slow?what=statements",
    "errors": "/errors?show=all",
    "logs": "/logs?level=error",
    "edges": "/topology?focus=function%3Acheckout",
    "alerts": "/alerts",
    "rules": "/alerts",
    "alert-history": "/alerts?changes=all",
}
LINK = re.compile(r'href="(/api/tables/([\w-]+)\.csv[^"]*)" download')


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    storage = logged("much")
    with closing(AlertStore.open(tmp_path_factory.mktemp("alerts") / "c.sqlite")) as alerts:
        alerts.save(Rule("=cmd|' /C calc'!A1", "error_rate", 0.5, service="checkout"))
        app = build_app(storage.reader, alerts, UiSettings(now_ns=lambda: NOW_NS), logs=storage.logs)
        yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def rows_of(pages: TestClient, address: str) -> list[dict[str, str]]:
    answer = pages.get(address)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize(("name", "page"), PAGES.items())
def test_a_page_leads_to_its_table_with_its_own_state(pages: TestClient, name: str, page: str) -> None:
    found = {link[1]: html.unescape(link[0]) for link in LINK.findall(pages.get(page).text)}
    assert name in found
    rows = rows_of(pages, found[name])
    assert rows or name in ("alerts", "alert-history")  # none fired here
    for parameter in page.partition("?")[2].split("&"):
        assert parameter in found[name]


def test_every_table_has_a_page_or_is_told_of() -> None:
    told = (Path(__file__).parents[3] / "docs" / "dashboards.md").read_text()
    assert [name for name in TABLES if f"`{name}`" not in told] == []
    assert TABLES.keys() - PAGES.keys() == {"cold-starts"}


def test_a_table_is_filtered_and_sorted_as_its_page(pages: TestClient) -> None:
    p95 = [float(row["p95_ms"]) for row in rows_of(pages, "/api/tables/functions.csv?sort=p95")]
    assert p95 == sorted(p95, reverse=True) and len(p95) > 10
    assert {row["service"] for row in rows_of(pages, "/api/tables/calls.csv?service=checkout")} == {
        "checkout"
    }
    assert all(int(row["severity"]) >= 17 for row in rows_of(pages, "/api/tables/logs.csv?level=error"))
    assert all(
        row["service"] == "thumbnailer"
        for row in rows_of(pages, "/api/tables/cold-starts.csv?service=thumbnailer")
    )


def test_no_cell_is_a_formula(pages: TestClient) -> None:
    (rule,) = rows_of(pages, "/api/tables/rules.csv")
    assert rule["name"] == "'=cmd|' /C calc'!A1"


@pytest.mark.parametrize("name", ["nothing", "../functions", "functions%0D%0AX-Evil: 1"])
def test_a_table_that_is_none_is_not_found(pages: TestClient, name: str) -> None:
    answer = pages.get(f"/api/tables/{name}.csv")
    assert answer.status_code == 404 and "x-evil" not in answer.headers
