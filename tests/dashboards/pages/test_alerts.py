"""Rules are written, previewed, changed, tried and deleted on pages that work without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.alerts.evaluator import Evaluator
from collector.alerts.rule import Rule
from collector.alerts.store import AlertStore
from dashboards.alert_form import form_of
from dashboards.app import build_app
from dashboards.settings import UiSettings
from tests.dashboards.traffic import NOW_NS

SECRET = "https://hooks.example.org/services/T0/s3cret?key=k3y"
RULE = Rule("Checkout fails", "error_rate", 0.05, service="checkout", for_s=0, webhook_url=SECRET)
MINUTE = 60 * 10**9


class NoNotifier:
    def start(self) -> None:
        return

    def stop(self) -> None:
        return


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AlertStore]:
    store = AlertStore.open(tmp_path / "control.sqlite", clock=lambda: NOW_NS - 10 * MINUTE)
    yield store
    store.close()


@pytest.fixture
def ui(shop, store) -> TestClient:
    app = build_app(shop, store, UiSettings(now_ns=lambda: NOW_NS))
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture
def evaluate(shop, store):
    evaluator = Evaluator(shop, store, NoNotifier())
    return lambda now_ns=NOW_NS: evaluator.evaluate_once(now_ns)


def text_of(html: str) -> str:
    """What a person reads."""
    shown = re.sub(r"<(script|title|option)\b.*?</\1>", " ", html.split("<main", 1)[-1], flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", shown).split())


def fields(rule: Rule = RULE, **changes: str) -> dict[str, str]:
    return {**form_of(rule).values, **changes}


# ---------------------------------------------------------------- the list


def test_without_rules_it_offers_some_to_start_from(ui):
    page = ui.get("/alerts")
    assert "No rules yet" in page.text
    assert "/alerts/new?signal=cold_start_share" in page.text


def test_without_a_store_it_says_that_alerting_is_off(client):
    assert "Alerting is off" in client.get("/alerts").text
    assert client.get("/alerts/new").status_code == 404
    assert client.get("/api/alerts/rules").json() == {
        "error": "This server was started without a store for alert rules."
    }


def test_it_lists_what_fires_and_every_rule_as_a_sentence(ui, store, evaluate):
    store.save(RULE)
    store.save(replace(RULE, name="Off", enabled=False))
    evaluate()
    page = text_of(ui.get("/alerts").text)
    assert "1 firing · 2 rules" in page
    assert re.search(r"firing checkout Checkout fails \d+(\.\d+)?% &gt; 5% just now Traces", page)
    assert "Error rate of checkout over the last 5 min is &gt; 5%" in page


def test_every_page_counts_what_fires_beside_alerts(ui, store, evaluate):
    store.save(RULE)
    evaluate()
    assert 'title="1 firing"' in ui.get("/functions").text


def test_history_leaves_out_pending_unless_asked(ui, store, evaluate):
    store.save(replace(RULE, for_s=600))
    evaluate()
    assert "Nothing has fired yet." in ui.get("/alerts").text
    assert "Nothing has fired yet." not in ui.get("/alerts?changes=all").text


def test_a_list_never_shows_a_webhooks_secrets(ui, store):
    store.save(RULE)
    page = ui.get("/alerts").text
    assert "hooks.example.org" in page
    assert "s3cret" not in page and "k3y" not in page


def test_names_from_outside_are_escaped_everywhere(ui, store, evaluate):
    evil = "<script>alert(1)</script>"
    rule = store.save(replace(RULE, name=evil, service=evil))
    for page in (ui.get("/alerts").text, ui.get(f"/alerts/{rule.id}").text):
        assert evil not in page
        assert "&lt;script&gt;alert(1)" in page


# ---------------------------------------------------------------- one rule


def test_a_rule_is_created_and_shown_after_a_redirect(ui, store):
    answer = ui.post("/alerts/new", data=fields())
    (saved,) = store.rules()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{saved.id}?saved=yes")
    assert replace(saved, id=0, created_ns=0, updated_ns=0) == RULE
    page = ui.get(answer.headers["location"])
    assert "Saved." in page.text
    assert 'value="Checkout fails"' in page.text


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(ui, store):
    answer = ui.post("/alerts/new", data=fields(threshold="lots", name="Kept as typed"))
    assert answer.status_code == 422
    assert store.rules() == ()
    assert 'id="threshold-problem"' in answer.text and "write a percentage" in answer.text
    assert 'value="lots"' in answer.text and 'value="Kept as typed"' in answer.text


def test_a_rule_is_changed_in_place(ui, store):
    rule = store.save(RULE)
    assert ui.post(f"/alerts/{rule.id}", data=fields(threshold="12")).status_code == 303
    assert [r.threshold for r in store.rules()] == [0.12]


def test_a_link_keeps_the_time_range_after_saving(ui, store):
    answer = ui.post("/alerts/new?from=now-3h&to=now&signal=p95_ms", data=fields())
    assert answer.headers["location"].endswith("?from=now-3h&to=now&saved=yes")


def test_a_rule_is_switched_off_and_on_from_where_one_stands(ui, store):
    rule = store.save(RULE)
    assert ui.post(f"/alerts/{rule.id}/enabled", data={"enabled": ""}).headers["location"] == "/alerts"
    assert store.rules()[0].enabled is False
    answer = ui.post(f"/alerts/{rule.id}/enabled", data={"enabled": "on", "back": "rule"})
    assert answer.headers["location"] == f"/alerts/{rule.id}"
    assert store.rules()[0].enabled is True


def test_a_rule_is_deleted_only_by_a_post(ui, store):
    rule = store.save(RULE)
    assert "Delete this rule" in ui.get(f"/alerts/{rule.id}").text
    assert ui.get(f"/alerts/{rule.id}/delete").status_code == 405
    assert ui.post(f"/alerts/{rule.id}/delete").headers["location"] == "/alerts"
    assert store.rules() == ()


@pytest.mark.parametrize("path", ["", "/enabled", "/delete", "/test"])
def test_a_change_from_another_site_is_refused(ui, store, path):
    rule = store.save(RULE)
    answer = ui.post(f"/alerts/{rule.id}{path}", data=fields(), headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert store.rules() == (rule,)


@pytest.mark.parametrize("path", ["/alerts/99", "/alerts/99999999999999999999"])
def test_a_rule_that_is_gone_says_where_the_others_are(ui, path):
    answer = ui.get(path)
    assert answer.status_code == 404
    assert "There is no such rule" in answer.text


def test_a_body_that_is_too_long_is_not_read(ui):
    assert ui.post("/alerts/new", content=b"name=" + b"x" * 70_000).status_code == 413


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("delivered", "was delivered"),
        ("failed", "was not delivered: answered 404"),
        ("waiting", "on its way"),
    ],
)
def test_a_test_message_is_put_into_the_outbox_and_its_outcome_shown(ui, store, monkeypatch, status, words):
    monkeypatch.setattr("dashboards.pages.alerts.TEST_WAIT_S", 0)
    rule = store.save(RULE)
    answer = ui.post(f"/alerts/{rule.id}/test")
    (message,) = store.outbox.due(NOW_NS)
    assert message.test and message.target == SECRET
    if status == "delivered":
        store.outbox.delivered(message.id, NOW_NS)
    if status == "failed":
        store.outbox.failed(message.id, "answered 404", NOW_NS)
    assert words in ui.get(answer.headers["location"]).text


# ---------------------------------------------------------------- the preview


def verdict(html: str) -> str:
    return text_of(re.search(r'<span class="verdict.*?</figcaption>', html, re.S)[0])


def test_the_preview_counts_what_the_running_rule_would_have_told(ui, store, shop):
    rule = replace(RULE, window_s=300, for_s=60, id=1)
    shown = verdict(ui.post("/alerts/preview", data=fields(rule)).text)
    store.save(replace(rule, id=0))
    evaluator = Evaluator(shop, store, NoNotifier())
    for moment in range(NOW_NS - 60 * MINUTE, NOW_NS + 1, 50 * 10**9):
        evaluator.evaluate_once(moment)
    fired = [t for t in store.history(1000) if t.state == "firing"]
    assert len(fired) > 1  # otherwise this shows nothing
    assert shown == f"would have fired {len(fired)} times"


def test_a_threshold_nobody_reaches_would_not_have_fired(ui):
    assert verdict(ui.post("/alerts/preview", data=fields(threshold="100")).text) == "would not have fired"


def test_a_function_without_calls_leaves_nothing_to_try(ui):
    assert "No calls" in verdict(ui.post("/alerts/preview", data=fields(service="nobody")).text)


def test_an_unfinished_sentence_has_no_preview_yet(ui):
    answer = ui.post("/alerts/preview", data=fields(threshold=""))
    assert answer.status_code == 200
    assert "Complete the sentence" in answer.text


def test_without_scripts_a_button_shows_the_preview_and_stores_nothing(ui, store):
    answer = ui.post("/alerts/new", data=fields(threshold="1", action="preview"))
    assert answer.status_code == 200
    assert "would have fired" in answer.text and 'value="1"' in answer.text
    assert store.rules() == ()


# ---------------------------------------------------------------- JSON


NEW = {"name": "Checkout fails", "signal": "error_rate", "threshold": 0.05, "service": "checkout"}


def test_a_script_creates_reads_replaces_and_deletes_a_rule(ui, store):
    created = ui.post("/api/alerts/rules", json=NEW)
    rule = created.json()
    path = f"/api/alerts/rules/{rule['id']}"
    assert (created.status_code, created.headers["location"]) == (201, path)
    assert ui.get(path).json() == rule
    assert ui.get("/api/alerts/rules").json() == {"rules": [rule]}
    changed = ui.put(path, json={**rule, "threshold": 0.5})
    assert (changed.status_code, changed.json()["threshold"]) == (200, 0.5)
    assert ui.delete(path).status_code == 204
    assert ui.get(path).status_code == 404


def test_creating_twice_makes_two_rules(ui, store):
    assert (
        ui.post("/api/alerts/rules", json=NEW).json()["id"]
        != ui.post("/api/alerts/rules", json=NEW).json()["id"]
    )


def test_current_alerts_are_served(ui, store, evaluate):
    rule = store.save(replace(RULE, webhook_url=""))
    evaluate()
    (alert,) = ui.get("/api/alerts").json()["alerts"]
    assert (alert["rule_id"], alert["service"], alert["state"]) == (rule.id, "checkout", "firing")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"[" * 100_000, 413, "more than 65536 bytes"),
        (b"[" * 60_000, 400, "not JSON"),
        (b'{"threshold": NaN}', 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[]", 422, "body: must be a JSON object"),
        (b"{}", 422, "name: is missing"),
        (b'{"name":"a","signal":"error_rate","threshold":0.1,"treshold":1}', 422, "treshold: unknown field"),
        (b'{"name":"a","signal":"error_rate","threshold":5}', 422, "between 0 and 1"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_rule_is_refused_with_the_reason(ui, store, body, status, words):
    answer = ui.post("/api/alerts/rules", content=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert store.rules() == ()


def test_problems_are_told_field_by_field(ui):
    problems = ui.post("/api/alerts/rules", json={**NEW, "op": "=", "window_s": 0}).json()["problems"]
    assert set(problems) == {"op", "window_s"}


def test_the_documentation_names_every_field_and_path(ui):
    text = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text()
    for name in Rule.__dataclass_fields__:
        assert f"`{name}`" in text
    for path in ("GET /api/alerts", "/api/alerts/rules", "/api/alerts/rules/{id}"):
        assert path in text
