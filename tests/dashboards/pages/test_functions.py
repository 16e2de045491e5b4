"""The Functions page: figures equal the reader's, sorted and filtered by the URL."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from collector import jsonvalue
from collector.model import COLUMN_NAMES, Resource, SpanBatch
from collector.storage.base import FunctionsQuery, SpanReader, Window
from collector.storage.memory import MemoryStorage
from dashboards import format
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.collector.batches import SECOND, T0, row
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import links, table
from tests.dashboards.traffic import MINUTE, NOW_NS, Traffic, filled

MIB = 2**20
HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)


def names(html: str) -> list[str]:
    return [row[0].split()[0] for row in table(html)[1:]]


def test_each_function_shows_what_the_reader_says(client: TestClient, shop: SpanReader) -> None:
    shown = {row[0].split()[0]: row for row in table(client.get("/functions").text)[1:]}
    stats = shop.functions(FunctionsQuery(HOUR))
    assert len(shown) == len(stats) == 100
    for f in stats:
        row = shown[f.service]
        assert row[2].split()[0] == format.count(f.calls)
        assert row[5:8] == [format.duration(q) for q in (f.p50_ns, f.p95_ns, f.p99_ns)]
        assert row[8].split()[-1] == format.percent(f.cold_share)


def test_platform_region_and_triggers_stand_by_the_name(client: TestClient) -> None:
    row = next(row for row in table(client.get("/functions").text) if row[0].startswith("checkout"))
    assert row[0] == "checkout AWS Lambda · eu-central-1"
    assert row[1] == "http"


def test_a_high_error_rate_has_an_icon_besides_its_colour(client: TestClient) -> None:
    page = client.get("/functions", params={"q": "checkout"}).text
    assert '<span class="err strong"><svg class="i" role="img" aria-label="high">' in page


@pytest.mark.parametrize("sort", ["calls", "errors", "p50", "p95", "p99", "cold", "seen"])
def test_sorting_is_by_the_column_both_ways(client: TestClient, shop: SpanReader, sort: str) -> None:
    key = {
        "calls": lambda f: f.calls,
        "errors": lambda f: f.error_rate,
        "p50": lambda f: f.p50_ns,
        "p95": lambda f: f.p95_ns,
        "p99": lambda f: f.p99_ns,
        "cold": lambda f: f.cold_share,
        "seen": lambda f: f.last_seen_ns,
    }[sort]
    value = {f.service: key(f) for f in shop.functions(FunctionsQuery(HOUR))}
    down = [value[n] for n in names(client.get("/functions", params={"sort": sort}).text)]
    up = [value[n] for n in names(client.get("/functions", params={"sort": sort, "order": "asc"}).text)]
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)


def test_a_column_head_links_to_the_other_direction(client: TestClient) -> None:
    page = client.get("/functions", params={"sort": "p95", "from": "now-3h"}).text
    assert "/functions?sort=p95&from=now-3h&order=asc" in links(page, "sort=p95")


def test_every_word_of_the_filter_must_be_found(client: TestClient) -> None:
    assert names(client.get("/functions", params={"q": "lambda CHECK"}).text) == ["checkout"]


def test_a_filter_that_matches_nothing_offers_to_clear_it(client: TestClient) -> None:
    page = client.get("/functions", params={"q": "nowhere"}).text
    assert "Nothing matches" in page
    assert "Clear filters" in page


def test_totals_add_up(client: TestClient, shop: SpanReader) -> None:
    page = client.get("/functions").text
    stats = shop.functions(FunctionsQuery(HOUR))
    assert f">{format.count(sum(f.calls for f in stats))}<" in page
    assert f"{sum(f.errors for f in stats)} failed" in page


def test_change_is_told_only_if_the_store_reaches_back(client: TestClient) -> None:
    assert "in the period before" not in client.get("/functions").text
    storage = filled("little")
    for ago in (60, 130):
        storage.writer.write([Traffic(NOW_NS - ago * MINUTE, seed=ago).batch("little")])
    assert "in the period before" in client_of(storage.reader).get("/functions").text


def test_an_empty_store_says_how_to_send(quiet_client: TestClient) -> None:
    page = quiet_client.get("/functions").text
    assert "Waiting for the first trace" in page
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in page


def test_a_quiet_range_offers_a_wider_one(client: TestClient) -> None:
    page = client.get("/functions", params={"from": "now-40s", "to": "now"}).text
    assert "No calls in this range" in page
    assert "/functions?from=now-24h&to=now" in links(page, "now-24h")


@pytest.mark.parametrize("query", [{"sort": "name; DROP"}, {"order": "up"}, {"q": "x" * 2000}])
def test_parameters_that_make_no_sense_are_refused_with_a_sentence(
    client: TestClient, query: dict[str, str]
) -> None:
    answer = client.get("/functions", params=query)
    assert answer.status_code == 400
    assert "That address cannot be read" in answer.text


# ---------------------------------------------------------------- what functions used, whose they are


def fleet() -> TestClient:
    """Two functions of two teams, over the hour before now and the one before that."""
    rows, resources = [], {}
    for n in range(80):
        number = n % 2 + 1
        used = {"faas.mem_usage": (400 + n % 3) * MIB, "tracekit.cpu.utilization": 0.5 * number}
        if n > 70:
            used["tracekit.remaining_ms"] = 0
        rows.append(
            row(n + 1, 1, 60 * n, 100, service=("big", "small")[n % 2], platform="aws_lambda",
                region=f"r{number}", resource_id=number, attributes=jsonvalue.dumps(used))
        )  # fmt: skip
        said = {"faas.max_memory": 512 * MIB, "service.namespace": f"team-{number}", "stage": "prod"}
        resources[number] = Resource(number, "", jsonvalue.dumps(said))
    refused = {"kind": "client", "peer_kind": "function", "peer": "small", "http_status": 429}
    rows.append(row(999, 2, 4_700, service="caller", **refused))
    rows.append(row(1_000, 1, -60, service="older", kind="internal"))
    storage = MemoryStorage()
    storage.writer.write([SpanBatch({name: [r[name] for r in rows] for name in COLUMN_NAMES}, resources)])
    settings = UiSettings(now_ns=lambda: T0 + 4_800 * SECOND, tag_attributes=("stage",))
    return TestClient(build_app(storage.reader, None, settings), base_url="http://127.0.0.1")


RANGE = {"from": "now-40m"}


def test_memory_processor_timeouts_refusals_and_cost_are_told() -> None:
    big, small = table(fleet().get("/functions", params=RANGE | {"sort": "name"}).text)[1:]
    assert "402 MB 79% of 512 MB" in big[9] and big[10] == "0.5"
    assert small[10] == "1"
    assert (big[11].split()[-1], small[11].split()[-1]) == ("4", "6"), (
        "timeouts, and one call that was refused"
    )
    assert big[12].startswith("$0.00002")


def test_changes_against_the_period_before_stand_by_each_function() -> None:
    (big, _) = table(fleet().get("/functions", params=RANGE | {"sort": "name"}).text)[1:]
    assert big[2].endswith("no change")


@pytest.mark.parametrize(
    "asked, found",
    [
        ({"team": "team-1"}, ["big"]),
        ({"tag": "prod", "region": "r2"}, ["small"]),
        ({"q": "TEAM-2 prod"}, ["small"]),
    ],
)
def test_team_tag_and_region_narrow_the_list(asked: dict[str, str], found: list[str]) -> None:
    assert names(fleet().get("/functions", params=RANGE | asked).text) == found


@pytest.mark.parametrize("sort", ["memory", "cpu", "cut", "cost"])
def test_what_functions_used_sorts_the_list(sort: str) -> None:
    assert names(fleet().get("/functions", params=RANGE | {"sort": sort}).text)[0] in ("big", "small")
    assert names(fleet().get("/functions", params=RANGE | {"sort": "cpu"}).text) == ["small", "big"]
