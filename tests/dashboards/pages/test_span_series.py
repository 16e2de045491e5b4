"""Spans over time: what a query draws, in lines that add up, with ways to other figures and to the traces."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from collector.storage.base import FunctionsQuery, Window
from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.dashboards.traffic import MINUTE, NOW_NS, filled

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)
PAGE = "/metrics-explorer/spans"


@pytest.fixture(scope="module")
def shop() -> MemoryStorage:
    return filled("much")


@pytest.fixture(scope="module")
def client(shop: MemoryStorage) -> TestClient:
    app = build_app(shop.reader, None, UiSettings(now_ns=lambda: NOW_NS))
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def totals(client: TestClient, query: str) -> dict[str, float]:
    """The sum of each line over the whole range."""
    answer = client.get(f"/api{PAGE}.csv?q={quote(query)}")
    assert answer.status_code == 200
    head, *rows = csv.reader(io.StringIO(answer.text))
    return {name: sum(float(row[place] or 0) for row in rows) for place, name in enumerate(head) if place}


def test_calls_by_function_are_those_of_the_functions_page(client: TestClient, shop: MemoryStorage) -> None:
    found = shop.reader.functions(FunctionsQuery(HOUR))
    query = "{ kind = server || kind = consumer } | count_over_time() by (resource.service.name)"
    lines = totals(client, query)
    assert {f.service: f.calls for f in found[:8]}.items() <= lines.items()
    assert sum(lines.values()) == sum(f.calls for f in found)


def test_failed_spans_are_fewer_than_all(client: TestClient, shop: MemoryStorage) -> None:
    failed = totals(client, "{ status = error && kind = server } | count_over_time()")
    assert failed == {"spans": sum(f.errors for f in shop.reader.functions(FunctionsQuery(HOUR)))}


def test_a_query_without_a_figure_is_drawn_as_its_rate(client: TestClient) -> None:
    page = client.get(f"{PAGE}?q={quote('{ kind = client }')}").text
    assert "Spans a second" in page and 'aria-current="true">Rate' in page


def test_one_click_leads_to_other_figures_lines_and_the_traces(client: TestClient) -> None:
    page = client.get(f"{PAGE}?q={quote('{ kind = client } | rate() by (name)')}").text
    p95 = "q=%7B+kind+%3D+client+%7D+%7C+quantile_over_time%28duration%2C+0.95%29+by+%28name%29"
    assert f'{p95}">p95</a>' in page
    assert 'q=%7B+kind+%3D+client+%7D+%7C+rate%28%29">all</a>' in page
    assert 'href="/traces?q=%7B+kind+%3D+client+%7D"' in page


def test_what_cannot_be_read_is_said_with_its_place(client: TestClient) -> None:
    answer = client.get(f"{PAGE}?q={quote('{ } | nonsense()')}")
    assert answer.status_code == 400 and "At character 7" in answer.text
    assert client.get(f"/api{PAGE}.csv?q={quote('{')}").status_code == 400


def test_nothing_found_is_said(client: TestClient) -> None:
    assert "No such spans" in client.get(f"{PAGE}?q={quote('{ name = `nowhere` }')}").text


def test_the_list_of_traces_leads_here_and_hands_on_figures_over_time(client: TestClient) -> None:
    assert (
        'href="/metrics-explorer/spans?q=%7B+kind+%3D+client+%7D"'
        in client.get(f"/traces?q={quote('{ kind = client }')}").text
    )
    handed_on = client.get(f"/traces?q={quote('{ kind = client } | rate()')}")
    assert handed_on.status_code == 307 and handed_on.headers["location"].startswith(PAGE)
