"""The frame around every page: headers, refusals, errors."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/functions", "/static/css/app.css", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "169.254.169.254"])
def test_foreign_host_names_are_refused(client: TestClient, host: str) -> None:
    assert client.get("/static/css/app.css", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:9", "LOCALHOST."])
def test_loopback_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/static/css/app.css", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:81"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1"}, 404),
        ({}, 404),
    ],
)
def test_changes_from_other_sites_are_refused(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    assert client.post("/nowhere", headers=headers).status_code == status


def test_an_unknown_address_is_a_page_with_a_way_on(client: TestClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert 'href="/functions"' in answer.text


def test_under_api_errors_are_json(client: TestClient) -> None:
    assert client.get("/api/nowhere").json() == {"error": "The address may be old, or mistyped."}


def test_an_error_page_escapes_what_it_quotes(client: TestClient) -> None:
    answer = client.get("/nowhere", params={"from": "<script>alert(1)</script>"})
    assert "<script>alert" not in answer.text


def test_a_bad_range_says_so_and_offers_the_default(client: TestClient) -> None:
    answer = client.get("/functions", params={"from": "yesterdayish"})
    assert answer.status_code == 400
    assert "Cannot read the time" in answer.text
    assert "Show the last hour" in answer.text
