"""The SQL page over a store on disk: a real child answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from collector.sqlchild import ChildRunner, SavedQueries
from collector.storage.duckdb import open_storage
from dashboards.app import build_app
from dashboards.settings import UiSettings
from dashboards.sqlexamples import EXAMPLES
from tests.dashboards.logtraffic import logs_of
from tests.dashboards.test_pages_translated import english
from tests.dashboards.traffic import NOW_NS, Traffic


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("sql")
    with (
        closing(open_storage(folder)) as storage,
        closing(ChildRunner(storage.snapshots(0), folder / "sql")) as runner,
        closing(SavedQueries.open(folder / "control.sqlite")) as saved,
    ):
        spans = Traffic().batch("little")
        storage.writer.write([spans, logs_of(spans)])
        app = build_app(
            storage.reader,
            None,
            UiSettings(now_ns=lambda: NOW_NS),
            logs=storage.logs,
            sql=runner,
            saved=saved,
        )
        yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def test_a_query_in_the_address_is_answered_with_a_table(asking: TestClient) -> None:
    page = asking.get("/sql", params={"query": "SELECT service, calls FROM functions ORDER BY calls DESC"})
    assert page.status_code == 200
    assert '<th scope="col" class="num" title="BIGINT">' in page.text
    assert 'href="/functions/storefront"' in page.text


def test_keys_of_attributes_stand_below_their_column_as_sql_reads_them(asking: TestClient) -> None:
    page = asking.get("/sql").text
    for one in (
        "attributes -&gt;&gt; &#39;code.function.name&#39;",
        "resource -&gt;&gt; &#39;service.name&#39;",
    ):
        assert one in page, one
    reading = "SELECT count(*) FROM spans WHERE attributes ->> 'code.function.name' <> ''"
    assert asking.get("/api/sql.json", params={"query": reading}).json()["rows"][0][0] > 0


@pytest.mark.parametrize(("name", "sql"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_example_runs(asking: TestClient, name: str, sql: str) -> None:
    answer = asking.get("/api/sql.json", params={"query": sql})
    assert answer.status_code == 200, answer.text
    assert answer.json()["columns"]


@pytest.mark.parametrize("name", ["async", "cold-starts"])
def test_shipped_dashboards_ask_what_can_be_answered(asking: TestClient, name: str) -> None:
    page = asking.get(f"/dashboards/{name}?from=now-1h")
    assert page.status_code == 200 and "note err" not in page.text
    assert page.text.count("<svg") > 1 and "<td" in page.text


def test_moments_are_drawn_as_lines_and_names_as_bars(asking: TestClient) -> None:
    lines = asking.get("/sql", params={"query": dict(EXAMPLES)["Calls over time by function"]}).text
    bars = asking.get("/sql", params={"query": dict(EXAMPLES)["Slowest functions"]}).text
    assert '<svg class="ts"' in lines
    assert 'aria-label="Bars"' in bars and '<svg class="ts"' not in bars


def test_what_fails_is_told_in_duckdbs_words_beside_the_query(asking: TestClient) -> None:
    page = asking.get("/sql", params={"query": "SELECT nonsense FROM spans"})
    assert page.status_code == 400
    assert "not found in FROM clause" in page.text
    assert "SELECT nonsense FROM spans</textarea>" in page.text
    answer = asking.get("/api/sql.json", params={"query": "DROP TABLE spans"})
    assert (answer.status_code, "Only SELECT" in answer.json()["error"]) == (400, True)


def test_script_in_a_query_and_in_its_result_is_text(asking: TestClient) -> None:
    evil = "<script>alert(1)</script>"
    page = asking.get("/sql", params={"query": f"SELECT '{evil}' AS \"{evil}\", TIMESTAMP '2026-01-01'"})
    assert page.status_code == 200
    assert evil not in page.text


def test_a_spreadsheet_runs_nothing_of_a_result(asking: TestClient) -> None:
    answer = asking.get("/api/sql.csv", params={"query": "SELECT '=1+1' AS \"@a\", [1, 2] AS b, NULL AS c"})
    assert answer.headers["content-disposition"] == 'attachment; filename="result.csv"'
    assert answer.text == "'@a,b,c\r\n'=1+1,\"[1, 2]\",\r\n"


def test_a_query_is_saved_changed_found_by_its_id_and_deleted(asking: TestClient) -> None:
    made = asking.post("/sql/saved", data={"name": "mine", "query": "SELECT 41"})
    where = made.headers["location"]
    assert (made.status_code, where.startswith("/sql?saved=")) == (303, True)
    assert '<td class="num">41</td>' in asking.get(where).text
    id = where.partition("saved=")[2]
    asking.post("/sql/saved", data={"name": "mine too", "query": "SELECT 42", "saved": id})
    assert json.loads(asking.get(f"/api/sql.json?saved={id}").text)["rows"] == [[42]]
    assert "mine too" in asking.get("/sql").text
    assert asking.post(f"/sql/saved/{id}/delete").status_code == 303
    assert asking.get(where).status_code == 404


def test_a_query_without_a_name_is_not_saved(asking: TestClient) -> None:
    refused = asking.post("/sql/saved", data={"name": " ", "query": "SELECT 43"})
    assert (refused.status_code, "needs a name" in refused.text, "SELECT 43" in refused.text) == (
        400,
        True,
        True,
    )


def test_another_site_saves_nothing(asking: TestClient) -> None:
    evil = {"Origin": "http://evil.example"}
    assert asking.post("/sql/saved", data={"name": "x", "query": "SELECT 1"}, headers=evil).status_code == 403


def test_sql_is_off_where_no_runner_was_given(client: TestClient) -> None:
    answer = client.get("/sql")
    assert (answer.status_code, "SQL is off here" in answer.text) == (404, True)


def test_views_and_columns_are_explained_in_the_readers_language(asking: TestClient) -> None:
    page = asking.get("/sql", headers={"accept-language": "zh-CN"}).text
    # What is left are names of attributes, alone.
    assert [text for text in english(page, frozenset()) if " " in text] == ["W3C tracestate"]
    assert "\u6bcf\u884c\u4e00\u4e2a Span" in page and "One row a span" not in page
