"""Slow calls: groups as the reader has them, shares that add up, ways to the traces behind."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from collector import jsonvalue
from collector.storage.base import SlowQuery, SpanReader, Window
from collector.storage.memory import MemoryStorage
from dashboards import format
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.collector.batches import SECOND, T0, batch, row
from tests.dashboards.reading import links, table
from tests.dashboards.traffic import MINUTE, NOW_NS

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


@pytest.mark.parametrize("what", ["functions", "operations", "calls", "statements"])
@pytest.mark.parametrize("sort", ["total", "p95", "max", "count", "errors"])
def test_every_grouping_in_every_order_is_the_readers(
    client: TestClient, shop: SpanReader, what: str, sort: str
) -> None:
    groups = shop.slow(SlowQuery(HOUR, what, sort=sort, limit=100))  # type: ignore[arg-type]
    rows = table(client.get("/slow", params={"what": what, "sort": sort}).text)[1:]
    first = 1 if what == "functions" else 2
    assert [row[first] for row in rows] == [format.duration(group.total_ns) for group in groups]
    assert [row[first + 2] for row in rows] == [format.count(group.count) for group in groups]


def test_shares_of_the_listed_time_add_up(client: TestClient) -> None:
    rows = table(client.get("/slow", params={"what": "statements"}).text)[1:]
    assert abs(sum(float(row[3].rstrip("%")) for row in rows) - 100) <= len(rows) / 2


def test_a_query_in_a_loop_is_hinted_at(client: TestClient) -> None:
    rows = table(client.get("/slow", params={"what": "statements"}).text)[1:]
    hinted = [row[0] for row in rows if "in one trace" in row[0]]
    assert hinted == ["SELECT name, price FROM product WHERE id = ? 8× in one trace"]


def test_the_slowest_one_links_to_its_span(client: TestClient, shop: SpanReader) -> None:
    html = client.get("/slow", params={"what": "calls"}).text
    for group in shop.slow(SlowQuery(HOUR, "calls")):
        assert f"/traces/{group.example_trace_id}#span={group.example_span_id}" in links(html, "#span=")


def test_traces_are_filtered_to_the_group(client: TestClient) -> None:
    html = client.get("/slow", params={"what": "statements", "from": "now-2h"}).text
    target = next(link for link in links(html, "/traces?") if "INSERT" in link)
    assert parse_qs(urlsplit(target).query) == {
        "from": ["now-2h"],
        "service": ["checkout"],
        "q": ["INSERT INTO purchase (product, amount) VALUES (?, ?)"],
        "sort": ["slowest"],
    }


def test_one_function_on_demand(client: TestClient) -> None:
    rows = table(client.get("/slow", params={"what": "operations", "service": "mailer"}).text)[1:]
    assert {row[1] for row in rows} == {"mailer"}


def test_an_empty_store_says_how_to_send(quiet_client: TestClient) -> None:
    assert "Waiting for the first trace" in quiet_client.get("/slow").text


@pytest.mark.parametrize("query", [{"what": "spans"}, {"sort": "p95_ns; --"}, {"service": "s" * 5000}])
def test_parameters_that_make_no_sense_are_refused(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/slow", params=query).status_code == 400


def test_profiled_calls_are_found_among_the_traces() -> None:
    storage = MemoryStorage()
    profiled = jsonvalue.dumps({"tracekit.profile": "cpu;app.py:handle:3 12"})
    storage.writer.write([batch(row(1, 1, kind="server", attributes=profiled), row(2, 1, kind="server"))])
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + 60 * SECOND))
    client = TestClient(app, base_url="http://127.0.0.1")
    for page in (client.get("/slow").text, client.get("/slow?service=shop").text):
        (href,) = re.findall(r'<a class="btn" href="(/traces[^"]*)"[^>]*>Profiled calls', page)
        found = client.get(unescape(href)).text
        assert f"/traces/{1:032x}" in found and f"/traces/{2:032x}" not in found
