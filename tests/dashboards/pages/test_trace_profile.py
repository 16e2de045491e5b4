"""The profile view of a trace."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from collector.model import Span
from tests.collector.analysis.test_profile import FOLDED
from tests.dashboards.conftest import client_of
from tests.dashboards.stored import TRACE, at, span_id, store

PAGE = f"/traces/{TRACE}?view=profile"


def profiled(short: str, end_ms: int, text: str = FOLDED) -> Span:
    attributes = {
        "tracekit.profile": text,
        "tracekit.profile.after_ms": 504.0,
        "tracekit.profile.samples": 22,
    }
    return replace(at(short, "", 0, end_ms, f"shop-{short}", "handle"), attributes=attributes)


@pytest.fixture(scope="module")
def visit() -> TestClient:
    return client_of(
        store(profiled("1", 5004), profiled("2", 3000, "cpu;a.py:f:1 1"), at("3", "1", 0, 9, "x", "y")).reader
    )


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_slowest_profiled_call_shows_its_time_and_what_of_it_was_observed(visit: TestClient) -> None:
    page = words(visit.get(PAGE).text)
    assert "Actual 5.00 s Observed 4.50 s Computing 23% Waiting 77% Looks 22" in page


def test_red_is_what_computed(visit: TestClient) -> None:
    block = re.search(r"<svg [^>]*><title>shop/db.py:40 in query.*?</svg>", visit.get(PAGE).text, re.DOTALL)
    assert block
    assert '<rect class="c-err" width="10.5%"' in block[0]


def test_lines_stand_with_their_time(visit: TestClient) -> None:
    assert re.search(r"shop/db.py :40 query 3.89 s 86%", words(visit.get(PAGE).text))


def test_another_profiled_call_is_chosen_by_the_address(visit: TestClient) -> None:
    assert "a.py :1 f" in words(visit.get(f"{PAGE}&profile={span_id('2')}").text)


def test_a_trace_without_a_profile_says_how_to_get_one() -> None:
    page = client_of(store(at("1", "", 0, 9, "shop", "handle")).reader).get(PAGE).text
    assert "TRACEKIT_PROFILE_AFTER_MS" in page


def test_names_that_were_sent_are_no_markup() -> None:
    evil = "cpu;<script>alert(1)</script>.py:f:1 1"
    page = client_of(store(profiled("1", 5004, evil)).reader).get(PAGE).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
