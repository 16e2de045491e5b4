"""Log records as a metric: counted as the logs page finds them, by group, with the rest together."""

from __future__ import annotations

import csv
import io
import re

import pytest
from fastapi.testclient import TestClient

from collector.storage.base import Window
from collector.storage.logs import LogsQuery
from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.dashboards.logtraffic import logged
from tests.dashboards.traffic import MINUTE, NOW_NS

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


@pytest.fixture(scope="module")
def shop() -> MemoryStorage:
    return logged("much")


@pytest.fixture(scope="module")
def client(shop: MemoryStorage) -> TestClient:
    app = build_app(shop.reader, None, UiSettings(now_ns=lambda: NOW_NS), logs=shop.logs)
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def totals(client: TestClient, query: str) -> dict[str, float]:
    """Records by line, over the whole range."""
    answer = client.get(f"/api/metrics-explorer/logs.csv?{query}")
    assert answer.status_code == 200
    head, *rows = csv.reader(io.StringIO(answer.text))
    return {name: sum(float(row[place] or 0) for row in rows) for place, name in enumerate(head) if place}


def test_all_records_are_one_line(client: TestClient, shop: MemoryStorage) -> None:
    assert totals(client, "") == {"records": shop.logs.facets(LogsQuery(HOUR)).total}


def test_filters_are_those_of_the_logs_page(client: TestClient, shop: MemoryStorage) -> None:
    query = LogsQuery(HOUR, service="checkout", text="timeout", min_severity=17)
    found = shop.logs.facets(query).total
    assert found and totals(client, "service=checkout&q=timeout&level=error") == {"records": found}


def test_groups_and_the_others_add_up_to_all(client: TestClient, shop: MemoryStorage) -> None:
    facets = shop.logs.facets(LogsQuery(HOUR))
    lines = totals(client, "by=service")
    assert len(lines) == 9 and sum(lines.values()) == facets.total
    assert [(name, lines[name]) for name, _ in facets.services[:8]] == list(facets.services[:8])


def test_levels_are_lines(client: TestClient, shop: MemoryStorage) -> None:
    severities = shop.logs.facets(LogsQuery(HOUR)).severities
    assert totals(client, "by=level") == {name.capitalize(): count for name, count in severities}


def test_the_logs_page_leads_here_with_its_filters_and_back(client: TestClient) -> None:
    there = 'href="/metrics-explorer/logs?service=checkout&amp;q=timeout"'
    assert there in client.get("/logs?service=checkout&q=timeout").text
    back = client.get("/metrics-explorer/logs?service=checkout&q=timeout&by=level").text
    assert 'href="/logs?service=checkout&amp;q=timeout"' in back


def test_numbers_that_records_say_are_drawn(client: TestClient, shop: MemoryStorage) -> None:
    queries = totals(client, "q=query")["records"]
    assert totals(client, "measure=sum&of=rows") == {"sum of rows": 3 * queries}
    by_function = totals(client, "measure=sum&of=rows&by=service")
    assert len(by_function) > 1 and sum(by_function.values()) == 3 * queries
    page = client.get("/metrics-explorer/logs?measure=p95&of=rows").text
    assert "p95 of rows" in page and '<td class="num strong">3</td>' in page


def test_records_are_told_apart_by_what_they_say(client: TestClient) -> None:
    lines = totals(client, "by=attempt")
    assert set(lines) == {"1", "not set"} and lines["1"] == totals(client, "q=begins")["records"]


def test_fields_that_records_have_are_offered(client: TestClient) -> None:
    page = client.get("/metrics-explorer/logs").text
    numbers, fields = re.findall(r'<datalist id="\w+-list">(.*?)</datalist>', page, re.S)
    assert "rows" in numbers and "retry" not in numbers
    assert all(name in fields for name in ("rows", "retry", "attempt", "service"))


def test_what_cannot_be_read_is_refused(client: TestClient) -> None:
    assert client.get("/metrics-explorer/logs?measure=p95").status_code == 400
    assert client.get("/metrics-explorer/logs?measure=p12&of=rows").status_code == 400
    assert client.get("/metrics-explorer/logs?attribute=x").status_code == 400


def test_no_record_is_said(client: TestClient) -> None:
    assert "No such record" in client.get("/metrics-explorer/logs?q=nowhere").text
