"""Logs: searched, filtered, counted, grouped; from a line to its span and from a trace to its lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from collector.analysis.logpatterns import patterns_of
from collector.storage.base import Window
from collector.storage.logs import LogsQuery
from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.loglines import body_text
from dashboards.settings import UiSettings
from tests.dashboards.logtraffic import batch, logged, record
from tests.dashboards.reading import links, table
from tests.dashboards.traffic import MINUTE, NOW_NS

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


def client_of(storage: MemoryStorage) -> TestClient:
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: NOW_NS), logs=storage.logs)
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def holding(records: Sequence[dict[str, Any]]) -> TestClient:
    storage = MemoryStorage()
    storage.writer.write([batch(list(records))])
    return client_of(storage)


@pytest.fixture(scope="module")
def shop() -> MemoryStorage:
    return logged("much")


@pytest.fixture(scope="module")
def client(shop: MemoryStorage) -> TestClient:
    return client_of(shop)


def messages(html: str) -> list[str]:
    """The message of each line, without what it opens to."""
    return [
        part.partition("</code>")[0].replace("<bdi>", "").replace("</bdi>", "")
        for part in html.split("<summary><code>")[1:]
    ]


def test_lines_are_the_readers_newest_first(client: TestClient, shop: MemoryStorage) -> None:
    found = shop.logs.search(LogsQuery(HOUR, limit=100)).records
    assert messages(client.get("/logs").text) == [record.body for record in found]
    oldest = shop.logs.search(LogsQuery(HOUR, order="oldest", limit=100)).records
    assert messages(client.get("/logs?order=oldest").text) == [record.body for record in oldest]


def test_pages_follow_each_other(client: TestClient, shop: MemoryStorage) -> None:
    first = client.get("/logs?q=begins").text
    (following,) = links(first, "cursor=")
    both = messages(first) + messages(client.get(following).text)
    assert both == [r.body for r in shop.logs.search(LogsQuery(HOUR, text="begins", limit=200)).records]


@pytest.mark.parametrize(
    "params, query",
    [
        ({"level": "error"}, {"min_severity": 17}),
        ({"service": "mailer"}, {"service": "mailer"}),
        ({"scope": "shop.logger", "q": "TOOK ms"}, {"scope": "shop.logger", "text": "took ms"}),
        ({"attribute": "rows=3"}, {"attributes": (("rows", "3"),)}),
        ({"attribute": "resource.faas.name=x=y"}, {"attributes": (("resource.faas.name", "x=y"),)}),
    ],
)
def test_filters_are_the_readers(
    client: TestClient, shop: MemoryStorage, params: dict[str, str], query: dict[str, Any]
) -> None:
    found = shop.logs.search(LogsQuery(HOUR, limit=100, **query)).records
    assert messages(client.get("/logs", params=params).text) == [record.body for record in found]


def test_a_line_leads_to_its_span_and_a_trace_to_its_lines(client: TestClient, shop: MemoryStorage) -> None:
    (failed, *_) = shop.logs.search(LogsQuery(HOUR, min_severity=17)).records
    page = client.get("/logs?level=error").text
    assert links(page, f"/traces/{failed.trace_id}#span={failed.span_id}")
    own = client.get(f"/traces/{failed.trace_id}?view=logs").text
    assert messages(own) == [record.body for record in shop.logs.of_trace(failed.trace_id)]
    (back,) = links(own, "/logs?")
    assert parse_qs(urlsplit(back).query)["trace"] == [failed.trace_id]
    assert sorted(messages(client.get(back).text)) == sorted(messages(own))


def test_patterns_count_equal_messages_together(client: TestClient, shop: MemoryStorage) -> None:
    rows = table(client.get("/logs?view=patterns&level=info").text)[1:]
    records = shop.logs.search(LogsQuery(HOUR, min_severity=9, limit=5_000)).records
    found = patterns_of(records, body_text)
    assert [row[3] for row in rows] == [pattern.pattern for pattern in found[:200]]
    assert ("checkout", "TimeoutError: payment provider did not answer within ? ms") in {
        (row[2], row[3]) for row in rows
    }


def test_a_structured_body_and_an_event_are_read_as_text() -> None:
    client = holding([record({"a": [1, True]}), record(None, event_name="cart.emptied", body="")])
    assert messages(client.get("/logs").text) == ["{&#34;a&#34;:[1,true]}", "cart.emptied"]


def test_what_a_sender_wrote_is_shown_and_never_run() -> None:
    bad = "<script>alert(1)</script>"
    page = holding([record(bad, service=bad, scope=bad, severity_text=bad, event_name=bad)]).get("/logs").text
    assert bad not in page


def test_a_long_message_is_cut_and_can_be_opened() -> None:
    page = holding([record("x" * 10**6)]).get("/logs").text
    assert len(page) < 100_000
    assert "x" * 8_000 in page and "x" * 8_001 not in page


def test_an_empty_store_and_one_without_logs_say_what_to_do(shop: MemoryStorage) -> None:
    assert "Waiting for the first trace" in client_of(MemoryStorage()).get("/logs").text
    assert "TRACEKIT_LOGS" in client_of(_spans_only()).get("/logs").text
    without = build_app(shop.reader, None, UiSettings(now_ns=lambda: NOW_NS))
    assert TestClient(without, base_url="http://127.0.0.1").get("/logs").status_code == 404


def _spans_only() -> MemoryStorage:
    from tests.dashboards.traffic import filled

    return filled("little")


@pytest.mark.parametrize(
    "query",
    [
        {"level": "loud"},
        {"attribute": "x"},
        {"attribute": "=x"},
        {"trace": "abc"},
        {"span": "zz"},
        {"view": "x"},
        {"order": "x"},
        {"cursor": "tampered"},
    ],
)
def test_parameters_that_make_no_sense_are_refused(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/logs", params=query).status_code == 400
