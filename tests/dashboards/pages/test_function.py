"""The page of one function."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from collector.model import SpanBatch
from collector.storage.base import CallsQuery, ColdStartsQuery, SpanReader, Window
from collector.storage.memory import MemoryStorage
from dashboards import format
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import links
from tests.dashboards.traffic import MINUTE, NOW_NS, Function, Traffic

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


def page(client: TestClient, name: str = "checkout", **params: str) -> str:
    answer = client.get(f"/functions/{name}", params=params)
    assert answer.status_code == 200
    return answer.text


def named(name: str) -> TestClient:
    """A store with one call of a function of this name."""
    traffic = Traffic()
    traffic.functions[name] = Function(name, "aws_lambda")
    call = traffic.call("ab" * 16, name, NOW_NS - MINUTE, 0, name, "http")
    call["duration_ns"] = 5
    rows = traffic.rows
    storage = MemoryStorage()
    storage.writer.write([SpanBatch({c: [r[c] for r in rows] for c in rows[0]}, traffic.resources)])
    return client_of(storage.reader)


@pytest.mark.parametrize(("order", "sort"), [("newest", "newest"), ("slowest", "slowest")])
def test_calls_link_to_their_span(client: TestClient, shop: SpanReader, order: str, sort: str) -> None:
    calls = shop.calls(CallsQuery(HOUR, "checkout", sort=sort, limit=25))  # type: ignore[arg-type]
    found = links(page(client, calls=order), "#span=")
    for call in calls:
        assert f"/traces/{call.trace_id}#span={call.span_id}" in found


def test_only_failed_calls_on_demand(client: TestClient, shop: SpanReader) -> None:
    failed = shop.calls(CallsQuery(HOUR, "checkout", status="error", limit=25))
    html = page(client, failed="1")
    assert html.partition('id="calls"')[2].count("TimeoutError") == len(failed) == 25


def test_calls_of_one_version_on_demand(client: TestClient) -> None:
    html = page(client, version="v2")
    body = html.partition('id="calls"')[2]
    assert "checkout-v2-" in body and "checkout-v1-" not in body


def test_the_worse_version_is_called_out(client: TestClient) -> None:
    assert "errors 3.0×" in page(client)


def test_one_version_is_not_compared(client: TestClient) -> None:
    assert "Error rate by version" not in page(client, "storefront")


def test_cold_starts_are_drawn_with_every_phase(client: TestClient, shop: SpanReader) -> None:
    html = page(client)
    (latest, *_) = shop.cold_starts(ColdStartsQuery(HOUR, "checkout"))
    durations = {phase: format.duration(ns) for phase, _, ns in latest.phases}
    for phase, title in (("runtime_init", "Runtime init"), ("function_init", "Function init")):
        assert f"<title>{title} {durations[phase]}</title>" in html
    assert f"/traces/{latest.trace_id}#span={latest.span_id}" in links(html, "#span=")


def test_the_slowest_cold_starts_come_first_on_demand(client: TestClient, shop: SpanReader) -> None:
    colds = shop.cold_starts(ColdStartsQuery(HOUR, "checkout", 200))
    slowest = max(colds, key=lambda c: c.total_ns + c.call_duration_ns)
    section = page(client, cold="slowest").partition('id="cold"')[2]
    assert links(section, "#span=")[0] == f"/traces/{slowest.trace_id}#span={slowest.span_id}"


def test_neighbours_stand_on_their_side(client: TestClient) -> None:
    called_by, _, calls = page(client).partition("Called by")[2].partition("<h2>Calls</h2>")
    assert "storefront" in called_by and "orders" not in called_by
    assert "orders" in calls and "shop" in calls and "storefront" not in calls


def test_an_unknown_function_is_a_404_that_says_so(client: TestClient) -> None:
    answer = client.get("/functions/nobody")
    assert answer.status_code == 404
    assert "No function called" in answer.text


def test_a_known_function_in_a_quiet_range_is_no_error(client: TestClient) -> None:
    assert "Widen to 24 h" in page(client, **{"from": "now-40s"})


@pytest.mark.parametrize(
    "name", ["a/b", "100%", "what?#x", "<script>alert(1)</script>", "naïve λ", "x\u202ey"]
)
def test_any_name_has_a_page_that_its_links_find(name: str) -> None:
    client = named(name)
    (link,) = set(links(client.get("/functions").text, "/functions/"))
    answer = client.get(link)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    again = links(answer.text, "failed=1")
    assert client.get(again[0]).status_code == 200


@pytest.mark.parametrize(
    "query", [{"calls": "best"}, {"cold": "x"}, {"failed": "yes"}, {"version": "v" * 5000}]
)
def test_parameters_that_make_no_sense_are_refused(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/functions/checkout", params=query).status_code == 400
