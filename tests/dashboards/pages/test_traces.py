"""The Traces page: filters, sorting and paging through the URL, figures as the reader gives them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from collector.model import Kind
from collector.storage.base import SpanReader, TracesQuery, Window
from dashboards import format
from dashboards.pages.traces import PAGE_SIZE
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import table
from tests.dashboards.stored import TRACE, at, checkout, store
from tests.dashboards.traffic import MINUTE, NOW_NS, filled

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


def shown(html: str) -> list[str]:
    """Trace ids of the table, in order."""
    return re.findall(r'<tr data-href="/traces/([0-9a-f]{32})', html)


def asked(reader: SpanReader, **query: object) -> list[str]:
    page = reader.traces(TracesQuery(HOUR, **{"limit": PAGE_SIZE, **query}))  # type: ignore[arg-type]
    return [trace.trace_id for trace in page.traces]


def link(html: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', html)
    assert found, f"no link to the {rel} page"
    return unescape(found[1])


def test_a_call_named_like_its_function_says_so_once() -> None:
    call = at("1", "", 0, 10, "worker", "worker", Kind.SERVER)
    html = client_of(store(call).reader).get("/traces").text
    (name,) = re.findall(r'<a class="name".*?</a>', html)
    assert re.sub(r"<[^>]+>", "", name).split() == ["worker"]


def test_the_newest_traces_come_first_with_what_the_reader_says(client: TestClient, shop: SpanReader) -> None:
    html = client.get("/traces").text
    first = shop.traces(TracesQuery(HOUR, limit=1)).traces[0]
    row = table(html)[1]
    assert shown(html) == asked(shop)
    assert row[1].startswith(f"{first.root_service} {first.root_name}")
    assert row[2] == format.duration(first.duration_ns)
    assert row[3].startswith(format.count(first.spans))


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("service=checkout", {"service": "checkout"}),
        ("status=error", {"status": "error"}),
        ("status=ok&sort=slowest", {"status": "ok", "sort": "slowest"}),
        ("duration=>100ms&sort=spans", {"min_duration_ns": 100_000_001, "sort": "spans"}),
        ("duration=20ms-60ms", {"min_duration_ns": 20_000_000, "max_duration_ns": 60_000_000}),
        ("cold=yes", {"coldstart": True}),
        ("cold=no&sort=errors", {"coldstart": False, "sort": "errors"}),
        ("version=v2&service=catalogue", {"version": "v2", "service": "catalogue"}),
        ("q=TimeoutError+payment", {"text": "TimeoutError payment"}),
        ("source=function:checkout", {"source": "function:checkout"}),
        ("source=user:user&target=queue:orders", {"source": "user:user", "target": "queue:orders"}),
    ],
)  # fmt: skip
def test_the_url_is_the_query(
    client: TestClient, shop: SpanReader, url: str, query: dict[str, object]
) -> None:
    assert shown(client.get(f"/traces?{url}").text) == asked(shop, **query)


def test_each_filter_is_a_chip_that_takes_only_itself_away(client: TestClient) -> None:
    html = client.get("/traces?service=checkout&status=error&sort=slowest&from=now-30m").text
    links = [unescape(h) for h in re.findall(r'class="chip on" href="([^"]+)"', html)]
    assert [parse_qs(urlsplit(href).query) for href in links] == [
        {"status": ["error"], "sort": ["slowest"], "from": ["now-30m"]},
        {"service": ["checkout"], "sort": ["slowest"], "from": ["now-30m"]},
    ]


def test_pages_follow_each_other_and_lead_back(client: TestClient) -> None:
    pages = [client.get("/traces?sort=slowest").text]
    for _ in range(2):
        pages.append(client.get(link(pages[-1], "next")).text)
    ids = [trace for page in pages for trace in shown(page)]
    assert len(ids) == len(set(ids)) == 3 * PAGE_SIZE
    second = client.get(link(pages[2], "prev")).text
    assert shown(second) == shown(pages[1])
    assert shown(client.get(link(second, "prev")).text) == shown(pages[0])


def test_a_filter_starts_over_at_the_first_page(client: TestClient) -> None:
    page = client.get(link(client.get("/traces?status=ok").text, "next")).text
    chip = re.search(r'class="chip on" href="([^"]+)"', page)
    assert chip and "cursor" not in chip[1]


@pytest.mark.parametrize(
    "url",
    [
        "status=maybe",
        "sort=name",
        "cold=2",
        "duration=fast",
        "cursor=zzz",
        "cursor=" + "~" * 300,
        "q=" + "x" * 1001,
    ],
)
def test_what_cannot_be_read_is_a_400_page(client: TestClient, url: str) -> None:
    answer = client.get(f"/traces?{url}")
    assert answer.status_code == 400 and "cannot be read" in answer.text


def test_a_trace_id_in_the_search_leads_to_the_trace() -> None:
    client = client_of(store(*checkout()).reader)
    answer = client.get("/traces", params={"q": TRACE.upper(), "from": "now-5m"})
    assert answer.headers["location"] == f"/traces/{TRACE}?from=now-5m"
    assert "Nothing matches" in client.get("/traces", params={"q": "f" * 32}).text


def test_the_dots_lead_to_the_traces_of_the_page(client: TestClient) -> None:
    html = client.get("/traces?status=error").text
    dots = re.findall(r'<a href="/traces/([0-9a-f]{32})" tabindex="-1" class="pt bad', html)
    assert sorted(dots) == sorted(shown(html))


def test_markup_in_names_is_text() -> None:
    spans = [s for s in checkout() if s.name == "POST /checkout"]
    evil = replace(spans[0], name="<script>alert(1)</script>", service='"><img src=x onerror=alert(1)>')
    html = client_of(store(evil).reader).get("/traces").text
    assert "<script>alert" not in html and "<img src=x" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_an_empty_store_says_how_to_send(quiet_client: TestClient) -> None:
    assert "Waiting for the first trace" in quiet_client.get("/traces").text


def test_an_empty_range_offers_a_wider_one() -> None:
    html = client_of(filled("little").reader).get("/traces?from=now-5h&to=now-4h").text
    assert "Widen to 24 h" in html


QUERY = '{ resource.service.name = "storefront" } >> { status = error && span.db.system.name = nil }'


def found(client: TestClient, query: str, **more: str) -> list[dict[str, Any]]:
    answer = client.get("/api/traces.json", params={"q": query, **more})
    assert answer.status_code == 200
    traces: list[dict[str, Any]] = answer.json()["traces"]
    return traces


def test_a_query_in_braces_finds_traces_by_how_their_spans_stand(client: TestClient) -> None:
    failed = found(client, QUERY)
    assert failed and all(trace["errors"] for trace in failed)
    assert len(failed) == len(found(client, "", status="error", service="checkout"))
    page = client.get("/traces", params={"q": QUERY})
    assert page.status_code == 200 and "query <b" in page.text
    assert not found(client, '{ resource.service.name = "mailer" } >> { status = error }')


def test_a_query_that_cannot_be_read_stays_in_its_field_with_what_is_wrong(client: TestClient) -> None:
    answer = client.get("/traces", params={"q": "{ naem = 1 }", "sort": "slowest"})
    assert answer.status_code == 400
    assert 'value="{ naem = 1 }"' in answer.text
    assert "At character 3 &#39;naem&#39; stands, where" in answer.text
    assert client.get("/api/traces.json", params={"q": "{"}).json() == {
        "error": "At character 2 the query ends, where span.…, resource.…, .… or one of name, statusMessage, "
        "duration, status, kind is expected."
    }


def test_a_table_has_what_the_page_lists_in_its_order(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/api/traces.csv?sort=slowest&service=checkout").text)))
    traces = found(client, "", sort="slowest", service="checkout")
    assert [row["trace_id"] for row in rows] == [trace["trace_id"] for trace in traces]
    assert len(rows) > 50  # more than a page
    durations = [float(row["duration_ms"]) for row in rows]
    assert durations == sorted(durations, reverse=True)
    assert traces[0]["services"]["checkout"] >= 1 and "checkout:" in rows[0]["services"]


def test_a_name_in_a_table_is_no_formula() -> None:
    evil = replace(at("1", "", 0, 9, "=HYPERLINK(1)", "@x"), trace_id="1" * 32)
    (row,) = csv.DictReader(io.StringIO(client_of(store(evil).reader).get("/api/traces.csv").text))
    assert (row["service"], row["operation"]) == ("'=HYPERLINK(1)", "'@x")


def test_what_may_follow_is_offered_with_what_spans_say(client: TestClient) -> None:
    def offers(typed: str) -> list[str]:
        answer: list[str] = client.get("/traces/complete.json", params={"q": typed}).json()
        return answer

    assert offers("{ span.code") == ["{ span.code.function.name"]
    assert '{ resource.service.name = "checkout"' in offers("{ resource.service.name = ")
    assert offers("plain words") == []
