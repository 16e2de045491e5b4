"""Readers get their language: by choice, by what the browser accepts, else English."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from dashboards.language import COOKIE, preferred


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("zh;q=0.3, en;q=0.5", "en"),
        ("fr, zh-TW;q=0.4", "zh"),
        ("fr", "en"),
        ("zh;q=0", "en"),
        ("zh;q=broken,;;,=", "en"),
        ("*", "en"),
    ],
)
def test_the_browsers_most_wanted_known_language_is_spoken(accepted: str, language: str) -> None:
    assert preferred(Headers({"accept-language": accepted})) == language


def test_a_choice_wins_over_what_the_browser_asks_for() -> None:
    assert preferred(Headers({"accept-language": "zh", "cookie": f"a=b; {COOKIE}=en"})) == "en"


@pytest.mark.parametrize("cookie", [f"{COOKIE}=xx", f"{COOKIE}=../zh", f"{COOKIE}", '="'])
def test_a_cookie_that_is_no_choice_is_ignored(cookie: str) -> None:
    assert preferred(Headers({"accept-language": "zh", "cookie": cookie})) == "zh"


def test_a_page_is_in_the_language_asked_for_and_says_so(client: TestClient) -> None:
    english = client.get("/functions")
    chinese = client.get("/functions", headers={"accept-language": "zh-CN"})
    assert '<html lang="en">' in english.text and ">Topology<" in english.text
    assert '<html lang="zh-Hans">' in chinese.text and ">拓扑<" in chinese.text


def test_caches_are_told_what_a_page_depends_on(client: TestClient) -> None:
    varies = client.get("/functions").headers["vary"].lower()
    assert "accept-language" in varies and "cookie" in varies


def test_files_that_are_kept_for_good_do_not_depend_on_the_language(client: TestClient) -> None:
    assert "cookie" not in client.get("/static/css/app.css").headers.get("vary", "").lower()


def test_choosing_leads_back_to_the_page_and_stays(client: TestClient) -> None:
    referer = "http://127.0.0.1/traces?from=now-3h&q=%7B%7D"
    answer = client.get("/language/zh", headers={"referer": referer})
    assert (answer.status_code, answer.headers["location"]) == (303, "/traces?from=now-3h&q=%7B%7D")
    kept = answer.headers["set-cookie"].partition(";")[0]
    assert '<html lang="zh-Hans">' in client.get("/functions", headers={"cookie": kept}).text
    client.cookies.clear()


@pytest.mark.parametrize("referer", ["", "http://evil.example//a.example/x", "http://[", "//\\a.example"])
def test_choosing_never_leads_to_another_host(client: TestClient, referer: str) -> None:
    back = client.get("/language/en", headers={"referer": referer}).headers["location"]
    client.cookies.clear()
    assert back.startswith("/") and not back.startswith(("//", "/\\"))


def test_a_language_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.get("/language/tlh").status_code == 404
