"""Two traces compared on a page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from collector.model import Kind, Span, Status
from tests.dashboards.conftest import client_of
from tests.dashboards.reading import links, table
from tests.dashboards.stored import at, store

SLOW, USUAL = "5" * 32, "a" * 32


def visit(trace_id: str, ms: int, *more: Span, status: Status = Status.UNSET) -> tuple[Span, ...]:
    """A call of `shop` that takes this long, most of it in a query."""
    spans = (
        at("1", "", 0, ms, "shop", "GET /", Kind.SERVER, status),
        at("2", "1", 5, ms - 5, "shop", "SELECT", Kind.CLIENT),
        *more,
    )
    return tuple(replace(span, trace_id=trace_id) for span in spans)


@pytest.fixture(scope="module")
def client() -> TestClient:
    others = [visit(f"{n:032x}", ms) for n, ms in ((1, 30), (2, 50), (3, 40))]
    failed = visit("f" * 32, 45, status=Status.ERROR)
    slow = visit(SLOW, 400, at("3", "1", 396, 399, "shop", "retry"))
    return client_of(store(*slow, *visit(USUAL, 40), *failed, *(s for spans in others for s in spans)).reader)


def test_paths_say_what_was_added_and_what_takes_longer(client: TestClient) -> None:
    head, *rows = table(client.get(f"/traces/{SLOW}/diff/{USUAL}").text)
    assert head == ["Path", "Difference", "Self time ±", "Self, this", "Compared", "Total, this", "Compared",
                    "Count, this", "Compared"]  # fmt: skip
    assert [row[:5] for row in rows] == [
        ["GET / shop", "", "-3.00 ms", "7.00 ms", "10.0 ms"],
        ["SELECT shop", "slower", "+360 ms", "390 ms", "30.0 ms"],
        ["retry shop", "added", "+3.00 ms", "3.00 ms", "–"],
    ]


def test_only_differences_keep_the_paths_above_them(client: TestClient) -> None:
    rows = table(client.get(f"/traces/{USUAL}/diff/{SLOW}?only=changes").text)[1:]
    assert [row[:2] for row in rows] == [
        ["GET / shop", ""],
        ["SELECT shop", "faster"],
        ["retry shop", "removed"],
    ]
    by_size = table(client.get(f"/traces/{USUAL}/diff/{SLOW}?only=changes&sort=change").text)[1:]
    assert [row[0] for row in by_size] == ["SELECT shop in GET /", "retry shop in GET /"]


def test_the_typical_trace_is_the_median_of_those_that_did_not_fail(client: TestClient) -> None:
    answer = client.get(f"/traces/{SLOW}/diff/typical?from=now-1h")
    # 30, 40, 40 and 50 ms: of two in the middle the first by id.
    assert answer.headers["location"] == f"/traces/{SLOW}/diff/{3:032x}?from=now-1h"


def test_a_trace_is_compared_with_one_whose_id_or_address_is_pasted(client: TestClient) -> None:
    for typed in (USUAL, f"http://localhost/traces/{USUAL}?view=flame#span=1"):
        answer = client.get(f"/traces/{SLOW}/diff", params={"with": typed})
        assert answer.headers["location"] == f"/traces/{SLOW}/diff/{USUAL}"
    assert client.get(f"/traces/{SLOW}/diff?with=nonsense").status_code == 400


def test_the_trace_page_leads_to_the_comparison_and_back(client: TestClient) -> None:
    assert links(client.get(f"/traces/{SLOW}").text, "/diff/typical") == [f"/traces/{SLOW}/diff/typical"]
    page = client.get(f"/traces/{SLOW}/diff/{USUAL}").text
    assert f"/traces/{SLOW}#span={2:016x}" in links(page, "#span=")
    assert f"/traces/{USUAL}/diff/{SLOW}" in links(page, "/diff/")


def test_a_trace_without_its_like_says_so(client: TestClient) -> None:
    alone = client_of(store(*visit(SLOW, 9)).reader)
    answer = alone.get(f"/traces/{SLOW}/diff/typical")
    assert answer.status_code == 404 and "nothing to compare with" in answer.text
    assert client.get(f"/traces/{SLOW}/diff/{'9' * 32}").status_code == 404
    assert client.get(f"/traces/{SLOW}/diff/{USUAL}?sort=x").status_code == 400
