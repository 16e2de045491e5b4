"""Saved views: kept, opened, renamed, deleted; and what the command palette offers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.storage.base import SpanReader
from collector.views import SavedViews
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.dashboards.conftest import client_of
from tests.dashboards.traffic import NOW_NS

ADDRESS = "/traces?q=checkout&from=now-3h&to=now"


@pytest.fixture
def client(shop: SpanReader, tmp_path: Path) -> Iterator[TestClient]:
    views = SavedViews.open(tmp_path / "control.sqlite")
    app = build_app(shop, None, UiSettings(now_ns=lambda: NOW_NS), views=views)
    yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    views.close()


def save(client: TestClient, name: str, address: str = ADDRESS) -> int:
    return client.post("/views", data={"name": name, "address": address}).status_code


def test_a_page_is_kept_with_all_its_state_and_opened_again(client: TestClient) -> None:
    page = client.get(ADDRESS).text
    assert (
        'href="/views?of=%2Ftraces%3Fq%3Dcheckout' in page or 'href="/views?of=/traces%3Fq%3Dcheckout' in page
    )
    form = client.get("/views", params={"of": ADDRESS}).text
    assert 'name="address" value="/traces?q=checkout&amp;from=now-3h&amp;to=now"' in form
    assert save(client, "Slow checkouts") == 303
    assert 'href="/traces?q=checkout&amp;from=now-3h&amp;to=now"' in client.get("/views").text


def test_renamed_and_deleted(client: TestClient) -> None:
    save(client, "one")
    assert client.post("/views/1/rename", data={"name": "first"}).status_code == 303
    assert ">first<" in client.get("/views").text.replace("<bdi>", "").replace("</bdi>", "")
    assert client.post("/views/1/delete").status_code == 303
    assert "No views yet" in client.get("/views").text


@pytest.mark.parametrize(
    ("name", "address", "says"),
    [
        ("", ADDRESS, "needs a name"),
        ("x", "https://elsewhere/", "a page of this server"),
        ("x", "//e/", "a page of"),
    ],
)
def test_what_cannot_be_kept_is_told_and_stays_in_the_form(
    client: TestClient, name: str, address: str, says: str
) -> None:
    answer = client.post("/views", data={"name": name, "address": address})
    assert answer.status_code == 400 and says in answer.text


def test_a_name_with_markup_is_only_text(client: TestClient) -> None:
    save(client, "<script>alert(1)</script>")
    assert "<script>alert(1)" not in client.get("/views").text


def test_another_sites_form_changes_nothing(client: TestClient) -> None:
    form = {"name": "x", "address": ADDRESS}
    assert client.post("/views", data=form, headers={"Origin": "http://evil.example"}).status_code == 403
    assert "No views yet" in client.get("/views").text


def test_a_server_without_a_place_for_them_offers_none(shop: SpanReader) -> None:
    client = client_of(shop)
    assert client.get("/views").status_code == 404 and "Save this view" not in client.get("/traces").text


def test_the_palette_offers_pages_functions_boards_and_views_in_the_range(client: TestClient) -> None:
    save(client, "Slow checkouts")
    offers = client.get("/api/palette?from=now-3h&to=now").json()
    assert ["Page", "Errors", "/errors?from=now-3h&to=now"] in offers
    assert ["Function", "checkout", "/functions/checkout?from=now-3h&to=now"] in offers
    assert ["View", "Slow checkouts", ADDRESS] in offers
    assert any(kind == "Board" for kind, *_ in offers)
    assert not any("{" in address for _, _, address in offers)
