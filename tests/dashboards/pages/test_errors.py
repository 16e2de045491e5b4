"""Errors: one line a place that fails, marked when new or back, decided about by people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector import jsonvalue
from collector.analysis.exceptions import errors_of
from collector.storage.base import ErrorsQuery, SpanReader, Window
from collector.storage.memory import MemoryStorage
from collector.triage.store import TriageStore
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.collector.batches import T0, batch, raised, row
from tests.dashboards.reading import links, table
from tests.dashboards.traffic import MINUTE, NOW_NS, filled

HOUR = Window(NOW_NS - 60 * MINUTE, NOW_NS)
HTML_HOST = {"Origin": "http://127.0.0.1"}


@pytest.fixture
def deciding(tmp_path: Path) -> Iterator[TestClient]:
    """A UI whose people decide half an hour before its now."""
    with closing(TriageStore.open(tmp_path / "c.sqlite", clock=lambda: NOW_NS - 30 * MINUTE)) as triage:
        app = build_app(filled("much").reader, None, UiSettings(now_ns=lambda: NOW_NS), triage)
        yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def test_the_list_is_the_readers(client: TestClient, shop: SpanReader) -> None:
    listed = table(client.get("/errors").text)[1:]
    found = errors_of(shop.errors(ErrorsQuery(HOUR)))
    assert [row[1] for row in listed] == [error.service for error in found]
    assert [row[3] for row in listed] == [str(error.count) for error in found]
    assert "payment provider did not answer within ? ms" in listed[0][0]
    assert "/app/main.py :42 in handler" in listed[0][0]


@pytest.mark.parametrize("sort, column", [("latest", "last_ns"), ("first", "first_ns")])
def test_the_latest_can_stand_first(client: TestClient, shop: SpanReader, sort: str, column: str) -> None:
    listed = table(client.get("/errors", params={"sort": sort}).text)[1:]
    found = errors_of(shop.errors(ErrorsQuery(HOUR)))
    found.sort(key=lambda error: -getattr(error, column))
    assert [row[1] for row in listed] == [error.service for error in found]


def test_one_error_leads_to_the_code_and_to_its_traces(client: TestClient, shop: SpanReader) -> None:
    page = client.get("/errors", params={"service": "checkout"}).text
    (target,) = set(links(page, "/errors/"))
    one = client.get(target).text
    assert "TimeoutError" in one and 'class="own culprit">  File &#34;/app/main.py&#34;, line 42' in one
    (error,) = errors_of(shop.errors(ErrorsQuery(HOUR, "checkout")))
    assert links(one, f"/traces/{error.example.example_trace_id}#span={error.example.example_span_id}")


def test_an_error_is_resolved_comes_back_and_is_ignored(deciding: TestClient) -> None:
    (target,) = set(links(deciding.get("/errors?service=checkout").text, "/errors/"))
    path = target.partition("?")[0]

    def decide(state: str) -> None:
        answer = deciding.post(f"{path}/state", data={"state": state}, headers=HTML_HOST)
        assert (answer.status_code, answer.headers["location"]) == (303, path)

    decide("resolved")
    assert "back" in table(deciding.get("/errors?service=checkout").text)[1][0]
    first, last = ((NOW_NS - minutes * MINUTE) // 10**6 for minutes in (50, 31))
    before = f"/errors?service=checkout&from={first}&to={last}"
    assert "1 other is in this range" in deciding.get(before).text
    assert len(table(deciding.get(before + "&show=resolved").text)) == 2
    decide("ignored")
    assert "1 other is in this range" in deciding.get("/errors?service=checkout").text
    assert "Errors</h2>" not in deciding.get("/functions/checkout").text
    decide("open")
    assert "Errors</h2>" in deciding.get("/functions/checkout").text


def test_what_was_not_seen_before_is_new() -> None:
    storage = MemoryStorage()
    old, new = raised("Old", "x"), raised("New", "x")
    storage.writer.write(
        [
            batch(
                row(1, 1, 0, status="error", events=old),
                row(2, 1, 1000, status="error", events=old),
                row(3, 1, 1000, status="error", events=new),
            )
        ]
    )
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + 1100 * 10**9))
    client = TestClient(app, base_url="http://127.0.0.1")
    listed = table(client.get("/errors?from=now-10m").text)[1:]
    assert {row[0].split()[0]: "new" in row[0].split() for row in listed} == {"Old": False, "New": True}
    everything = table(client.get("/errors?from=now-1h").text)[1:]
    assert not any("new" in row[0].split() for row in everything)


def test_a_calm_store_says_so_and_an_empty_one_how_to_send(quiet_client: TestClient) -> None:
    storage = MemoryStorage()
    storage.writer.write([batch(row(1, 1))])
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + 60 * 10**9))
    assert "Nothing failed" in TestClient(app, base_url="http://127.0.0.1").get("/errors").text
    assert "Waiting for the first trace" in quiet_client.get("/errors").text


def test_what_a_sender_wrote_is_shown_and_never_run() -> None:
    storage = MemoryStorage()
    bad = "<script>alert(1)</script>"
    stack = f'Traceback (most recent call last):\n  File "{bad}", line 1, in {bad}\n{bad}'
    storage.writer.write(
        [batch(row(1, 1, status="error", service=bad, name=bad, version=bad, events=raised(bad, bad, stack)))]
    )
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + 60 * 10**9))
    client = TestClient(app, base_url="http://127.0.0.1")
    page = client.get("/errors").text
    one = client.get(links(page, "/errors/")[0]).text
    assert bad not in page and bad not in one


@pytest.mark.parametrize("query", [{"show": "mine"}, {"sort": "x"}, {"limit": "0"}, {"service": "s" * 5000}])
def test_parameters_that_make_no_sense_are_refused(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/errors", params=query).status_code == 400


def test_an_unknown_error_and_a_foreign_site_decide_nothing(deciding: TestClient) -> None:
    assert deciding.get("/errors/0123456789abcdef").status_code == 404
    assert deciding.post("/errors/..%2f/state", data={"state": "open"}, headers=HTML_HOST).status_code == 404
    foreign = {"Origin": "http://evil.example"}
    answer = deciding.post("/errors/0123456789abcdef/state", data={"state": "ignored"}, headers=foreign)
    assert answer.status_code == 403


def test_the_variables_that_were_kept_stand_below_the_stack_the_innermost_frame_first() -> None:
    storage = MemoryStorage()
    frames = [
        {"function": name, "file": "pay.py", "line": line, "locals": {"amount": line}}
        for name, line in (("handler", 3), ("charge", 17))
    ]
    events = jsonvalue.loads(raised("Declined", "no"))
    events[0]["attributes"]["tracekit.exception.locals"] = jsonvalue.dumps(frames)
    storage.writer.write([batch(row(1, 1, status="error", events=jsonvalue.dumps(events)))])
    app = build_app(storage.reader, None, UiSettings(now_ns=lambda: T0 + 60 * 10**9))
    client = TestClient(app, base_url="http://127.0.0.1")
    one = client.get(links(client.get("/errors").text, "/errors/")[0]).text
    shown = re.findall(r"<summary>(.*?)</summary><pre[^>]*>(.*?)</pre>", one)
    assert [(re.sub("<[^>]+>", "", title), text) for title, text in shown] == [
        ("Variables of charge (pay.py:17)", "amount = 17"), ("Variables of handler (pay.py:3)", "amount = 3"),
    ]  # fmt: skip
