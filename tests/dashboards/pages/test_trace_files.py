"""A trace leaves as a file and comes back: into our own collector, and onto a page that stores nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.decode.otlp_json import decode
from collector.model import Span, SpanBatch
from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.pages import trace_files
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import links, table
from tests.dashboards.stored import OTHER, TRACE, checkout, elsewhere, span_id, store
from tests.dashboards.traffic import NOW_NS

DERIVED = {"resource_id", "scope_id", "received_ns"}


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of(store(*checkout(), *elsewhere()).reader)


def told(spans: tuple[Span, ...]) -> list[dict[str, Any]]:
    """What the OTLP of a span says; what a collector adds to it left out. The stored spans of these tests are
    written by hand, so that only what travels is compared."""
    names = ("trace_id", "span_id", "parent_span_id", "start_ns", "duration_ns", "kind", "status", "name",
             "service", "attributes", "resource", "events", "links", "status_message")  # fmt: skip
    return [{name: getattr(span, name) for name in names} for span in spans]


def send(client: TestClient, content: bytes, name: str = "trace.json") -> Any:
    return client.post("/traces/open", files={"file": (name, content)})


def test_a_downloaded_trace_goes_back_into_a_collector_unchanged(client: TestClient) -> None:
    answer = client.get(f"/api/traces/{TRACE}.json")
    assert answer.headers["content-disposition"] == f'attachment; filename="trace-{TRACE}.json"'
    decoded = decode(answer.content, NOW_NS)
    assert not decoded.rejected and isinstance(decoded.batch, SpanBatch)
    taken = MemoryStorage()
    taken.write([decoded.batch])
    original = store(*checkout()).reader.trace(TRACE)
    assert told(taken.trace(TRACE)) == told(original)
    # And what it looks like there is what it looked like here.
    again = client_of(taken.reader).get(f"/api/traces/{TRACE}.json")
    assert again.json() == answer.json()


def test_a_download_says_what_sent_its_spans_in_full() -> None:
    sender = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    library = {"name": "lib", "version": "1", "attributes": [{"key": "a", "value": {"boolValue": True}}]}
    span = {"traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "GET", "startTimeUnixNano": str(NOW_NS)}
    span |= {"endTimeUnixNano": str(NOW_NS)}
    scoped = {"scope": library, "schemaUrl": "https://example.org/scope", "spans": [span]}
    group = {"resource": sender, "schemaUrl": "https://example.org/resource", "scopeSpans": [scoped]}
    sent = {"resourceSpans": [group]}
    batch = decode(json.dumps(sent).encode(), NOW_NS).batch
    stored = MemoryStorage()
    stored.write([batch])
    app = build_app(stored.reader, origins=stored.origins)
    client = TestClient(app, base_url="http://127.0.0.1")
    assert client.get(f"/api/traces/{TRACE}.json").json() == sent


@pytest.mark.parametrize("kind", ["json", "html"])
def test_a_download_opens_again_with_every_view_and_is_not_stored(client: TestClient, kind: str) -> None:
    empty = client_of(MemoryStorage())
    answer = send(empty, client.get(f"/api/traces/{TRACE}.{kind}").content)
    assert answer.status_code == 303
    address = answer.headers["location"]
    page = empty.get(address).text
    assert "Opened from a file" in page and TRACE in page
    assert [row[0] for row in table(empty.get(f"{address}?view=statistics").text)[1:3]] == [
        "ColdStart", "orders process",
    ]  # fmt: skip
    assert empty.get(f"{address}/spans/{span_id('3')}.json").json()["message"]["text"]
    assert empty.get(f"{address}/search.json?q=select").json()["rows"]
    assert empty.get(f"/api{address}.json").json() == client.get(f"/api/traces/{TRACE}.json").json()
    assert empty.get(f"/traces/{TRACE}").status_code == 404


def test_two_files_can_be_compared(client: TestClient) -> None:
    name = (
        send(client, client.get(f"/api/traces/{TRACE}.json").content).headers["location"].rpartition("/")[2]
    )
    assert client.get(f"/traces/{name}/diff/{TRACE}").status_code == 200
    chosen = client.get(f"/traces/{TRACE}/diff", params={"with": name})
    assert chosen.headers["location"].endswith(f"/diff/{name}")


def test_of_several_traces_in_a_file_one_is_chosen(client: TestClient) -> None:
    here, there = (client.get(f"/api/traces/{i}.json").json() for i in (TRACE, OTHER))
    both = {"resourceSpans": here["resourceSpans"] + there["resourceSpans"], "unknown": 1}
    answer = send(client, json.dumps(both).encode())
    first, second = table(answer.text)[1:]
    assert (first[0], first[3], second[0]) == ("storefront POST /checkout", "16", "worker orders batch")
    address = links(answer.text, "/traces/file-")[0]
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\x00\xff", b"<html>no trace</html>"])
def test_a_file_without_a_trace_is_refused_in_words(client: TestClient, content: bytes) -> None:
    answer = send(client, content)
    assert answer.status_code == 400 and "This file cannot be read" in answer.text


def test_only_a_form_with_a_file_of_bearable_size_is_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.post("/traces/open", data={"file": "x"}).status_code == 400
    assert client.post("/traces/open", content=iter([b"x"])).status_code == 411
    foreign = client.post("/traces/open", files={"file": b"{}"}, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    monkeypatch.setattr(trace_files, "MAX_FILE_BYTES", 100)
    assert send(client, b"{}" * 100).status_code == 413


def test_a_page_that_stands_alone_loads_and_runs_nothing(client: TestClient) -> None:
    page = client.get(f"/api/traces/{TRACE}.html").text
    assert not re.search(r'\b(src|href)=|<link|@import|url\(|<script(?! type="application/json")', page)
    assert "default-src 'none'" in page
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert "no answer within 250 ms" in page and "SELECT amount" in page


def test_the_page_of_a_large_trace_draws_some_rows_and_carries_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trace_files, "PAGE_ROWS", 3)
    client = client_of(store(*checkout()).reader)
    page = client.get(f"/api/traces/{TRACE}.html").text
    assert page.count("<details>") == 3 and "The first 3 of 16 spans" in page
    assert send(client, page.encode()).status_code == 303


def test_a_file_that_was_forgotten_says_so(client: TestClient) -> None:
    answer = client.get(f"/traces/file-{'0' * 32}")
    assert answer.status_code == 404 and "no longer open" in answer.text


def test_odd_values_survive_the_way_through_a_file() -> None:
    odd = {
        "b": b"\x00\xff",
        "n": None,
        "f": float("inf"),
        "big": 2**62,
        "deep": [{"k": [1.0]}],
        "</script>": "x",
    }
    spans = [replace(s, attributes=odd) if s.span_id == span_id("1") else s for s in checkout()]
    client = client_of(store(*spans).reader)
    for kind in ("json", "html"):
        address = send(client, client.get(f"/api/traces/{TRACE}.{kind}").content).headers["location"]
        ours, back = (
            client.get(f"{where}/spans/{span_id('1')}.json").json()["attributes"]
            for where in (f"/traces/{TRACE}", address)
        )
        assert back == ours
