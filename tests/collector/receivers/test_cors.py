"""Browsers of other origins may send where the operator named them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.collector.otlp import json_request, json_span
from tests.collector.running import Running, collector

PAGE = "https://shop.example"


def preflight(running: Running, origin: str) -> httpx.Response:
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-extra",
    }
    return httpx.options(f"{running.http}/v1/traces", headers={"origin": origin} | asked)


def post(running: Running, origin: str) -> httpx.Response:
    return httpx.post(f"{running.http}/v1/traces", json=json_request(json_span()), headers={"origin": origin})


def cors_headers(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control")]


def test_it_is_off_by_default(tmp_path: Path) -> None:
    with collector(tmp_path) as running:
        assert preflight(running, PAGE).status_code == 405
        assert cors_headers(preflight(running, PAGE)) == cors_headers(post(running, PAGE)) == []


def test_a_named_origin_may_ask_and_send(tmp_path: Path) -> None:
    with collector(tmp_path, cors_origins=f"https://other.example, {PAGE}") as running:
        asked = preflight(running, PAGE)
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == PAGE
        assert asked.headers["access-control-allow-headers"] == "content-type,x-extra"
        assert "access-control-allow-credentials" not in asked.headers
        sent = post(running, PAGE)
        assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (200, PAGE)
        assert sent.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://shop.example", f"{PAGE}.evil.example", "null"]
)
def test_no_other_origin_may(tmp_path: Path, origin: str) -> None:
    with collector(tmp_path, cors_origins=PAGE) as running:
        assert cors_headers(preflight(running, origin)) == cors_headers(post(running, origin)) == []


def test_a_star_allows_any_origin_and_a_request_without_one_is_untouched(tmp_path: Path) -> None:
    with collector(tmp_path, cors_origins="*") as running:
        assert (
            post(running, "https://any.example").headers["access-control-allow-origin"]
            == "https://any.example"
        )
        assert cors_headers(httpx.post(f"{running.http}/v1/traces", json=json_request(json_span()))) == []
