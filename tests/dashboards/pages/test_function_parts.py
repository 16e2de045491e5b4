"""The page of one function, narrowed to a part of it; what its instances used, imported and said."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from collector.analysis.traceql import parse
from collector.decode.otlp_protobuf import decode
from collector.storage.base import CallsQuery, SpanReader, TracesQuery, Window
from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.scope import Scope
from dashboards.settings import UiSettings
from tests.dashboards.conftest import client_of
from tests.dashboards.logtraffic import logged
from tests.dashboards.reading import links
from tests.dashboards.traffic import MINUTE, NOW_NS
from tracekit.demo.incidents import HEAVY_IMPORT, incidents

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


@pytest.fixture(scope="module")
def reader() -> SpanReader:
    """Two hours with five incidents."""
    storage = MemoryStorage()
    storage.writer.write([decode(incidents(NOW_NS), NOW_NS).batch])
    return storage.reader


@pytest.fixture(scope="module")
def client(reader: SpanReader) -> TestClient:
    return client_of(reader)


def page(client: TestClient, name: str, **params: str) -> str:
    answer = client.get(f"/functions/{name}", params=params)
    assert answer.status_code == 200
    return unescape(answer.text)


def section(html: str, id: str) -> str:
    """From a heading to the end of its section."""
    return html.partition(f'<h2 id="{id}-title">')[2].partition("</section>")[0]


# ---------------------------------------------------------------- scopes


def test_each_instance_endpoint_and_trigger_leads_to_the_page_of_it_alone(client: TestClient) -> None:
    html = page(client, "image-cache")
    for link in ("instance=image-cache-4-a", "operation=GET+%2Fimages%2F%7Bname%7D", "trigger=http"):
        assert links(html, link), link


def test_a_narrow_scope_shows_only_its_calls(client: TestClient, reader: SpanReader) -> None:
    calls = reader.calls(CallsQuery(HOUR, "image-cache", instance="image-cache-4-a", limit=1_000))
    html = page(client, "image-cache", instance="image-cache-4-a")
    assert f">{len(calls)}<" in html.partition("<dt>Calls</dt>")[2][:80]
    assert "image-cache-4-b" not in html.partition('id="calls"')[2]
    assert "are of the whole function" in html


def test_a_scope_without_calls_offers_the_whole_function(client: TestClient) -> None:
    html = page(client, "image-cache", trigger="timer")
    assert "Nothing matches" in html
    assert "Whole function" in html


def test_the_query_of_a_scope_finds_its_calls(reader: SpanReader) -> None:
    scope = Scope(HOUR, "image-cache", "image-cache-4-a", "http", "GET /images/{name}")
    found = reader.traces(TracesQuery(HOUR, spanset=parse(scope.traceql + " }"), limit=500)).traces
    calls = reader.calls(CallsQuery(HOUR, "image-cache", limit=500, **scope.narrow))
    assert {trace.trace_id for trace in found} == {call.trace_id for call in calls}


def test_names_with_quotes_stay_one_word_of_the_query() -> None:
    assert parse(Scope(HOUR, 'a" || "b\\').traceql + " }")


# ---------------------------------------------------------------- over time


def test_a_version_is_marked_on_the_charts_where_it_was_first_called(client: TestClient) -> None:
    html = page(client, "order-history")
    charts = html.split('<figure class="chart')[1:]
    marked = [chart for chart in charts if 'class="mark"' in chart]
    assert len(marked) == 7, "calls, durations twice, cold starts and three by version"
    assert all("<title>2</title>" in chart for chart in marked)


def test_the_heatmap_leads_to_the_calls_of_a_stretch(client: TestClient) -> None:
    html = page(client, "order-history")
    assert '<svg class="heat"' in html
    (data,) = (text for text in re.findall(r'json">(.*?)</script>', html) if "$LOW" in text)
    asked = json.loads(data)["query"].replace("$LOW", "500ms").replace("$HIGH", "10s")
    answer = client.get("/traces", params={"q": asked})
    assert answer.status_code == 200 and "order-history" in answer.text


# ---------------------------------------------------------------- instances


def test_memory_that_grows_is_told_with_its_instance(client: TestClient) -> None:
    html = page(client, "image-cache")
    assert "Memory grows with every call" in html
    assert "2 of 2 instances grow" in html
    assert "Memory grows with every call" not in page(client, "order-history")


def test_memory_stands_against_the_limit(client: TestClient) -> None:
    html = section(page(client, "image-cache"), "instances")
    assert re.search(r"9\d% of 512 MB", html)


def test_a_function_that_tells_nothing_says_so() -> None:
    from tests.dashboards.traffic import filled

    html = page(client_of(filled("little").reader), "storefront")
    assert html.count("not reported") >= 2
    assert "Memory, by instance" not in html


# ---------------------------------------------------------------- cold starts, neighbours, log lines


def test_what_a_cold_start_imported_is_drawn_and_listed(client: TestClient) -> None:
    html = section(page(client, "invoice-pdf"), "cold")
    assert f'<text x="4" y="13">{HEAVY_IMPORT}</text>' in html
    assert "pandas.core.api" in html.partition("<tbody>")[2]


def test_the_imports_of_one_cold_start_are_asked_for_by_its_trace(
    client: TestClient, reader: SpanReader
) -> None:
    wanted = reader.calls(CallsQuery(HOUR, "invoice-pdf", coldstart=True, limit=9))[-1]
    html = page(client, "invoice-pdf", imports=wanted.trace_id)
    assert f"/traces/{wanted.trace_id}#span={wanted.span_id}" in html.partition("What it imported")[2]


def test_what_a_function_calls_has_its_share_of_the_time(client: TestClient) -> None:
    html = page(client, "order-history").rpartition("Calls</h2>")[2]
    assert re.search(r"orders.*?>9\d(\.\d)?%<", html, re.S), "nearly all of it is the database"


def test_the_latest_log_lines_stand_at_the_end() -> None:
    storage = logged("little")
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: NOW_NS), logs=storage.logs)
    html = page(TestClient(app, base_url="http://127.0.0.1"), "checkout")
    assert "POST /orders begins" in html.partition("Latest log lines")[2]
    assert links(html, "/logs?service=checkout")


def test_text_of_a_url_that_is_too_long_is_refused(client: TestClient) -> None:
    assert client.get("/functions/image-cache", params={"instance": "x" * 5_000}).status_code == 400
