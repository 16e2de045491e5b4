"""Overview: the totals of all functions, and what stands out, each line with a way to what is behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector import jsonvalue
from collector.storage.memory import MemoryStorage
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.collector.batches import SECOND, T0, batch, raised, row
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import links, table
from tests.dashboards.traffic import filled

NOW_S = 1_200  # after T0; the page shows the last ten minutes and compares them with the ten before


def page_of(rows: list[dict[str, Any]]) -> tuple[TestClient, str]:
    storage = MemoryStorage()
    # The store must hold all of the period before.
    storage.writer.write([batch(row(10_000, 1, -1), *rows)])
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + NOW_S * SECOND))
    client = TestClient(app, base_url="http://127.0.0.1")
    return client, client.get("/overview?from=now-10m").text


def calls(make: Callable[[int, bool], dict[str, Any]], each: int = 60) -> list[dict[str, Any]]:
    """`each` spans in either period: `make(number, is the later period)` says what is special about one."""
    spans = []
    for n in range(2 * each):
        late = n >= each
        at = (NOW_S / 2 if late else 1) + (n % each) * (NOW_S / 2 - 20) / each
        spans.append(row(n + 1, 1, at, **make(n, late)))
    return spans


def test_the_front_door_leads_here(client: TestClient) -> None:
    assert client.get("/").headers["location"] == "/overview"
    assert client.get("/?from=now-3h").headers["location"] == "/overview?from=now-3h"


def test_a_young_store_is_shown_closer_and_live() -> None:
    young = client_of(filled("little", minutes=10).reader)
    assert young.get("/").headers["location"] == "/overview?from=now-15m&to=now&live=5s"
    assert young.get("/?from=now-3h").headers["location"] == "/overview?from=now-3h"


def test_a_calm_shop_says_that_nothing_became_worse() -> None:
    _, page = page_of(calls(lambda n, late: {"ms": 20 + n % 5}))
    assert "Nothing became worse" in page


@pytest.mark.parametrize(
    "make, says, behind",
    [
        (
            lambda n, late: {
                "status": "error" if n % 3 == 0 and (late or n == 0) else "ok",
                "error_type": "E",
            },
            "fails more: 33%, 1.7% before",
            "/errors?",
        ),
        (lambda n, late: {"ms": 500 if late else 20}, "takes 25.0 times as long: p95 500 ms", "sort=slowest"),
        (
            lambda n, late: {"ms": 500, "version": "v2"} if n >= 90 else {"ms": 20, "version": "v1"},
            "is slower since version v2: p95 500 ms, 20.0 ms before",
            "#versions",
        ),
        (
            lambda n, late: {"coldstart": late and n % 2 == 0},
            "starts cold more often: 50%, 0% before",
            "#cold",
        ),
    ],
)
def test_each_line_says_what_became_worse_and_leads_there(
    make: Callable[[int, bool], dict[str, Any]], says: str, behind: str
) -> None:
    client, page = page_of(calls(make))
    (first, *_) = table(page)
    assert first[0] == "shop"
    assert says in first[1]
    target = next(link for link in links(page, "shop") if behind in link)
    assert client.get(target.partition("#")[0]).status_code == 200


def test_memory_that_grows_leads_to_its_instances() -> None:
    def make(n: int, late: bool) -> dict[str, Any]:
        grown = {"faas.mem_usage": (40 + n) * 2**20}
        return {"instance": "i-1", "attributes": jsonvalue.dumps(grown)} if late else {}

    client, page = page_of(calls(make))
    said = " ".join(map(" ".join, table(page)))
    assert "uses more memory with every call: from 102 MB to 158 MB in one instance, 1.00 MB a call" in said
    (target,) = set(links(page, "#memory"))
    assert "Memory grows with every call" in client.get(target.partition("#")[0]).text


def test_a_new_error_leads_to_its_page() -> None:
    def make(n: int, late: bool) -> dict[str, Any]:
        events = raised("KeyError", f"no cart {n}")
        return {"status": "error", "events": events} if late and n % 15 == 0 else {}

    client, page = page_of(calls(make))
    (target,) = set(links(page, "/errors/"))
    assert "has a new error, 4 times: KeyError: no cart ?" in " ".join(map(" ".join, table(page)))
    assert "no cart" in client.get(target).text


def test_without_a_period_before_the_page_says_so() -> None:
    storage = MemoryStorage()
    storage.writer.write([batch(*calls(lambda n, late: {"status": "error" if n % 4 == 0 else "ok"}))])
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + NOW_S * SECOND))
    page = TestClient(app, base_url="http://127.0.0.1").get("/overview?from=now-1h").text
    assert "the store holds nothing of the period before" in page
    assert "fails in 25% of its calls" in page


def test_an_empty_store_says_how_to_send(quiet_client: TestClient) -> None:
    assert "Waiting for the first trace" in quiet_client.get("/overview").text


def test_a_hundred_functions_fit_the_page(client: TestClient) -> None:
    page = client.get("/overview").text
    assert "fails more since version v2" in page
    assert "runs a statement 8 times in one trace" in page


def test_parameters_that_make_no_sense_are_refused(client: TestClient) -> None:
    assert client.get("/overview?findings=0").status_code == 400
