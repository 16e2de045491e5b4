"""The Topology page: the map and the table say what the reader says; without Graphviz the table stands."""

from __future__ import annotations

import dataclasses
import re
import sys
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from fastapi.testclient import TestClient

from collector.storage.base import EdgesQuery, FunctionsQuery, SpanReader, Window
from collector.storage.memory import MemoryStorage
from dashboards import format, topology_layout
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.collector.batches import SECOND, T0, batch
from tests.collector.batches import row as span
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import links, table
from tests.dashboards.traffic import MINUTE, NOW_NS, filled

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


@pytest.fixture(scope="module")
def small() -> SpanReader:
    return filled("little").reader


@pytest.fixture(scope="module")
def page(small: SpanReader) -> TestClient:
    return client_of(small)


def drawn(html: str) -> set[tuple[str, str]]:
    """Edges of the map, as pairs of node ids."""
    found = re.findall(r'<a class="edge[^"]*" href="[^"]*" data-from="([^"]*)" data-to="([^"]*)"', html)
    return {(unescape(source), unescape(target)) for source, target in found}


def nodes(html: str) -> set[str]:
    return {unescape(name) for name in re.findall(r'data-node="([^"]*)"', html)}


def test_the_map_draws_every_edge_the_reader_knows(page: TestClient, small: SpanReader) -> None:
    html = page.get("/topology").text
    edges = small.edges(EdgesQuery(HOUR))
    assert drawn(html) == {(e.source.id, e.target.id) for e in edges}
    assert nodes(html) == {n.id for e in edges for n in (e.source, e.target)}
    assert {n.split(":")[0] for n in nodes(html)} == {
        "function", "queue", "database", "bucket", "trigger", "user", "external",
    }  # fmt: skip


def test_the_table_says_the_same_in_figures(client: TestClient, shop: SpanReader) -> None:
    rows = table(client.get("/topology").text)[1:]
    for row, edge in zip(rows, shop.edges(EdgesQuery(HOUR)), strict=True):
        assert (row[0], row[1], row[2]) == (edge.source.name, edge.target.name, format.count(edge.calls))
        assert row[5:8] == [format.duration(q) for q in (edge.p50_ns, edge.p95_ns, edge.p99_ns)]
        assert row[4].split()[-1] == format.percent(edge.errors / edge.calls)


def href_of(html: str, source: str, target: str) -> str:
    """Where an edge of the map leads."""
    found = re.search(f'<a class="edge[^"]*" href="([^"]*)" data-from="{source}" data-to="{target}"', html)
    assert found
    return unescape(found[1])


def test_an_edge_leads_to_its_figures_and_they_to_its_slowest_traces(page: TestClient) -> None:
    href = href_of(page.get("/topology?from=now-30m&depth=2").text, "function:checkout", "queue:orders")
    ends = {"from": ["now-30m"], "source": ["function:checkout"], "target": ["queue:orders"]}
    assert parse_qs(urlsplit(href).query) == ends
    html = page.get(href).text
    aside = re.search(r"<aside.*?</aside>", html, re.DOTALL)
    assert aside
    (slowest,) = (link for link in links(aside[0], "/traces?") if "slowest" in link)
    assert parse_qs(urlsplit(slowest).query) == ends | {"sort": ["slowest"]}
    assert page.get(slowest).status_code == 200


def test_a_focus_shows_only_what_lies_around_and_a_panel(page: TestClient) -> None:
    html = page.get("/topology?focus=queue:orders").text
    assert nodes(html) == {"queue:orders", "function:checkout", "function:mailer"}
    assert "Called by (1)" in html and "Calls (1)" in html
    assert "Traces to it" in html


def test_more_steps_show_more(page: TestClient) -> None:
    assert "function:storefront" in nodes(page.get("/topology?focus=queue:orders&depth=2").text)


def test_a_focused_function_leads_to_its_pages(page: TestClient) -> None:
    html = page.get("/topology?focus=function:catalogue").text
    assert 'href="/functions/catalogue"' in html
    assert 'href="/traces?service=catalogue"' in html


def test_a_node_that_is_not_there_says_so(page: TestClient) -> None:
    html = page.get("/topology?focus=function:gone").text
    assert "No calls of this node" in html and "Whole map" in html


def test_failing_edges_are_marked_by_colour_and_sign(client: TestClient) -> None:
    html = client.get("/topology?focus=function:checkout").text
    assert re.search(
        r'<a class="edge bad" [^>]*data-from="function:storefront" data-to="function:checkout"', html
    )
    assert "⚠" in html


@pytest.mark.parametrize("query", ["depth=9", "zoom=7", "depth=x", "focus=" + "x" * 1001])
def test_what_cannot_be_read_is_a_400_page(page: TestClient, query: str) -> None:
    assert page.get(f"/topology?{query}").status_code == 400


def test_without_graphviz_the_page_says_what_to_install_and_shows_the_table(
    page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    topology_layout._cached.cache_clear()
    html = page.get("/topology").text
    assert "pygraphviz, which is not installed" in html
    assert not drawn(html) and len(table(html)) > 10


def test_an_empty_store_says_how_to_send(quiet_client: TestClient) -> None:
    assert "Waiting for the first trace" in quiet_client.get("/topology").text


def history(html: str) -> list[str]:
    """What the charts over time add up to: their titles and legends."""
    charts = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    return [" ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", c, flags=re.DOTALL).split()) for c in charts]


def test_the_map_has_a_history_of_all_calls_or_of_the_function_in_focus(
    page: TestClient, small: SpanReader
) -> None:
    calls = {f.service: f for f in small.functions(FunctionsQuery(HOUR))}
    whole = history(page.get("/topology").text)
    one = history(page.get("/topology?focus=function:catalogue").text)
    assert [[chart.split()[0] for chart in charts] for charts in (whole, one)] == 2 * [["Calls", "Duration"]]
    ok = sum(f.calls - f.errors for f in calls.values())
    assert f"Ok {ok}" in whole[0]
    assert f"Ok {calls['catalogue'].calls - calls['catalogue'].errors}" in one[0]


def test_what_reports_nothing_itself_has_no_history(page: TestClient, small: SpanReader) -> None:
    database = next(e.target.id for e in small.edges(EdgesQuery(HOUR)) if e.target.kind == "database")
    assert history(page.get(f"/topology?focus={quote(database)}").text) == []


def test_messages_are_dashed_and_calls_are_not(page: TestClient, small: SpanReader) -> None:
    html = page.get("/topology").text
    by_message = [e for e in small.edges(EdgesQuery(HOUR)) if "queue" in (e.source.kind, e.target.kind)]
    assert by_message and html.count("stroke-dasharray") == len(by_message)


def test_a_queue_in_focus_has_its_history(page: TestClient) -> None:
    html = page.get("/topology?focus=queue:orders").text
    assert "<bdi>producer</bdi>" in html and "<bdi>consumer</bdi>" in html
    assert "Messages" in html and "p95 duration" in html


def test_a_function_in_focus_says_how_often_it_was_refused() -> None:
    storage = MemoryStorage()
    storage.writer.write(
        [
            batch(
                span(1, 1, service="shop", kind="server"),
                span(1, 2, parent=1, kind="client", peer_kind="function", peer="stock", http_status=429),
                span(1, 3, parent=1, kind="client", peer_kind="function", peer="stock"),
            )
        ]
    )
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + 60 * SECOND))
    html = TestClient(app, base_url="http://127.0.0.1").get("/topology?focus=function:stock").text
    assert re.search(r"<dt>Refused</dt><dd>1</dd>", html)


def test_an_edge_in_focus_has_its_figures_over_time(page: TestClient, small: SpanReader) -> None:
    html = page.get("/topology?source=queue:orders&target=function:mailer").text
    edge = next(e for e in small.edges(EdgesQuery(HOUR)) if e.source.id == "queue:orders")
    calls, durations, waits = history(html)
    assert f"Ok {edge.calls - edge.errors}" in calls and f"Failed {edge.errors}" in calls
    assert durations.startswith("Duration") and "Called p95" not in durations, "only the called side is known"
    assert waits.startswith("Wait in the queue")
    assert f"<dt>Wait p95</dt><dd>{format.duration(edge.queue_delay_p95_ns)}</dd>" in html
    assert nodes(html) == {
        "function:checkout", "queue:orders", "function:mailer", "external:mail.example.com",
    }  # fmt: skip
    assert re.search(r'<a class="edge[^"]* chosen" [^>]*data-from="queue:orders"', html)
    both = history(page.get("/topology?source=function:storefront&target=function:checkout").text)
    assert len(both) == 2 and "Called p95" in both[1]


def test_an_edge_of_users_shows_what_is_around_its_other_end(page: TestClient) -> None:
    html = page.get("/topology?source=user:user&target=function:storefront").text
    assert "function:checkout" in nodes(html)
    assert "trigger:timer" not in nodes(html), "of what users call nothing else is near"


def test_an_edge_that_is_not_there_says_so(page: TestClient) -> None:
    html = page.get("/topology?source=function:mailer&target=queue:orders").text
    assert "No calls along this edge in this range" in html and "Whole map" in html


def test_an_edge_says_how_many_of_its_calls_were_refused() -> None:
    storage = MemoryStorage()
    called = {"kind": "client", "peer_kind": "function", "peer": "stock"}
    storage.writer.write([batch(span(1, 1, **called, http_status=429), span(1, 2, **called))])
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + 60 * SECOND))
    client = TestClient(app, base_url="http://127.0.0.1")
    html = client.get("/topology?source=function:shop&target=function:stock").text
    assert re.search(r"<dt>Refused</dt><dd>1</dd>", html)
    assert history(html)[-1].endswith("Refused 1")
    head, row = table(html)
    assert row[head.index("Refused")] == "1"


def test_figures_that_were_read_from_sums_say_what_they_may_be_off_by(
    small: SpanReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = EdgesQuery(HOUR)
    summed = tuple(dataclasses.replace(edge, quantile_error=0.022) for edge in small.edges(asked))
    paths = ["/topology", "/topology?source=queue:orders&target=function:mailer"]
    exact = [client_of(small).get(path).text.count("± 2.2%") for path in paths]
    monkeypatch.setattr(small, "edges", lambda query: summed)
    assert exact == [0, 0]
    assert [client_of(small).get(path).text.count("± 2.2%") for path in paths] == [2, 3]
