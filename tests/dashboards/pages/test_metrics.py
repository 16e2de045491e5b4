"""Metrics: listed, drawn over time by what their type allows, grouped, filtered, and as a table."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient

from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.dashboards.metrictraffic import EXEMPLAR_TRACE, measured
from tests.dashboards.reading import table
from tests.dashboards.traffic import NOW_NS


def client_of(storage: MemoryStorage) -> TestClient:
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: NOW_NS), metrics=storage.metrics)
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of(measured("much", groups=10))


def lines(client: TestClient, query: str) -> dict[str, list[str]]:
    """The columns of the CSV by head, without what is empty."""
    answer = client.get(f"/api/metrics-explorer.csv?{query}")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
    head, *rows = csv.reader(io.StringIO(answer.text))
    return {name: [row[place] for row in rows if row[place]] for place, name in enumerate(head)}


def test_the_list_says_what_a_metric_is_and_who_sends_it(client: TestClient) -> None:
    rows = {row[0]: row for row in table(client.get("/metrics-explorer").text)[1:]}
    assert set(rows) == {"pool.connections", "orders", "http.client.wait", "payload", "gc.pause"}
    assert rows["orders"][1:5] == ["cumulative sum", "{order}", "checkout", "10"]
    assert rows["payload"][1:3] == ["delta exponential histogram", "By"]


def test_the_list_is_searched_by_words_of_name_and_description(client: TestClient) -> None:
    assert [row[0] for row in table(client.get("/metrics-explorer?q=taken").text)[1:]] == ["orders"]
    assert "Nothing matches" in client.get("/metrics-explorer?q=absent").text


def test_a_counter_is_drawn_as_its_rate(client: TestClient) -> None:
    rates = lines(client, "metric=orders&by=route")["/r0"]
    # 60 a minute.
    assert {round(float(rate), 6) for rate in rates} == {1.0}


def test_histograms_are_drawn_as_heatmaps_and_given_as_buckets(client: TestClient) -> None:
    page = client.get("/metrics-explorer?metric=http.client.wait&stat=heatmap").text
    assert 'class="heat"' in page and "10.0 ms – 50.0 ms" in page
    found = lines(client, "metric=http.client.wait&stat=heatmap")
    assert set(found) == {"time", "above", "up_to", "count"}
    # Each minute each of ten series measures four times: once, twice, once.
    assert set(found["above"]) == {"0.0", "10.0", "50.0"} and sum(map(int, found["count"])) == 60 * 10 * 4
    assert 'class="heat"' in client.get("/metrics-explorer?metric=payload&stat=heatmap").text
    assert client.get("/metrics-explorer?metric=orders&stat=heatmap").status_code == 400


def test_quantiles_of_summaries_are_drawn_as_they_were_sent(client: TestClient) -> None:
    assert set(lines(client, "metric=gc.pause&stat=p99")["gc.pause"]) == {"0.009"}
    assert set(lines(client, "metric=gc.pause&stat=quantiles")) == {"time", "p99", "p50"}


def test_beyond_eight_groups_the_others_are_added_up(client: TestClient) -> None:
    drawn = lines(client, "metric=orders&by=route")
    assert len(drawn) == 1 + 8 + 1
    assert {round(float(rate), 6) for rate in drawn["others"]} == {2.0}
    assert "2 more groups" in client.get("/metrics-explorer?metric=orders&by=route").text


def test_what_does_not_add_up_has_no_others(client: TestClient) -> None:
    assert "others" not in lines(client, "metric=pool.connections&by=route")


def test_a_histogram_is_drawn_by_its_quantiles_or_by_one_of_them_by_group(client: TestClient) -> None:
    spread = lines(client, "metric=http.client.wait")
    assert list(spread) == ["time", "p99", "p90", "p50"]
    assert float(spread["p50"][0]) < float(spread["p90"][0]) < float(spread["p99"][0])
    assert "/r3" in lines(client, "metric=http.client.wait&stat=p95&by=route")
    assert lines(client, "metric=payload&stat=avg")["payload"][0] == "10.0"


def test_a_summary_has_an_average(client: TestClient) -> None:
    assert lines(client, "metric=gc.pause")["gc.pause"][0] == "0.002"


def test_filters_pick_series(client: TestClient) -> None:
    assert set(lines(client, "metric=orders&by=route&where=route%3D/r4")) == {"time", "/r4"}
    assert client.get("/metrics-explorer?metric=orders&where=route").status_code == 400


def test_exemplars_lead_to_their_traces_from_dots_and_from_a_list(client: TestClient) -> None:
    html = client.get("/metrics-explorer?metric=http.client.wait").text
    assert html.count("<circle") > 0
    assert f"/traces/{EXEMPLAR_TRACE.hex()}" in html.partition('<div class="plot">')[2].partition("</svg>")[2]
    # Measurements have no place on the scale of a rate.
    assert "<circle" not in client.get("/metrics-explorer?metric=http.client.wait&stat=rate").text


def test_what_a_type_has_not_is_refused_with_what_it_has(client: TestClient) -> None:
    answer = client.get("/metrics-explorer?metric=pool.connections&stat=rate")
    assert answer.status_code == 400 and "last, avg, min, max" in answer.text


def test_an_unknown_metric_is_not_found_and_an_empty_store_says_how_to_send(client: TestClient) -> None:
    assert client.get("/metrics-explorer?metric=none").status_code == 404
    assert "/v1/metrics" in client_of(measured("none")).get("/metrics-explorer").text
    without = TestClient(build_app(measured("none").reader), base_url="http://127.0.0.1")
    assert without.get("/metrics-explorer").status_code == 404
