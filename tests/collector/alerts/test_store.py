"""Rules, alerts and messages are in the file when a call returns, whatever happens to the process then."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from collector.alerts.notification import notification_of
from collector.alerts.rule import Alert, Rule, Transition
from collector.alerts.store import AlertStore, UnknownRule
from collector.alerts.validation import InvalidRule
from collector.storage.base import IncompatibleSchema, RetryLater

RULE = Rule(
    "Errors", "error_rate", 0.05, service="checkout", webhook_url="https://example.org/hook?token=s3cret"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sqlite"


@pytest.fixture
def store(path: Path):
    store = AlertStore.open(path, clock=lambda: 1000)
    yield store
    store.close()


def fired(rule: Rule) -> Alert:
    return Alert(rule.id, rule.name, "checkout", "firing", 0.5, 0.05, 10, fired_ns=20, evaluated_ns=20)


def test_a_saved_rule_comes_back_whole(store):
    saved = store.save(RULE)
    assert saved == replace(RULE, id=saved.id, created_ns=1000, updated_ns=1000)
    assert store.rule(saved.id) == saved
    assert store.rules() == (saved,)


def test_saving_again_replaces_it_and_keeps_its_creation_time(path):
    moments = iter([1000, 2000])
    store = AlertStore.open(path, clock=lambda: next(moments))
    saved = store.save(RULE)
    changed = store.save(replace(saved, name="Other", created_ns=5))
    assert (changed.name, changed.created_ns, changed.updated_ns) == ("Other", 1000, 2000)
    assert store.rules() == (changed,)


def test_names_need_not_be_unique(store):
    assert store.save(RULE).id != store.save(RULE).id


def test_an_unknown_rule_is_none_and_cannot_be_saved_or_deleted(store):
    assert store.rule(99) is None
    assert store.rule(2**70) is None
    assert store.delete(99) is False
    with pytest.raises(UnknownRule):
        store.save(replace(RULE, id=99))


def test_an_invalid_rule_is_refused_and_nothing_is_stored(store):
    with pytest.raises(InvalidRule) as refused:
        store.save(replace(RULE, name=" ", threshold=5.0))
    assert set(refused.value.problems) == {"name", "threshold"}
    assert store.rules() == ()


def test_an_id_is_never_used_twice(store):
    first = store.save(RULE)
    store.delete(first.id)
    store.purge(first.id)
    assert store.save(RULE).id > first.id


def test_everything_survives_a_restart(path):
    store = AlertStore.open(path)
    rule = store.save(RULE)
    alert, transition = fired(rule), Transition(20, rule.id, rule.name, "checkout", "firing", 0.5)
    message = notification_of(rule, [alert], 20)
    store.commit(rule, {"checkout": alert}, [transition], message)
    store.close()
    again = AlertStore.open(path)
    assert again.rules() == (rule,)
    assert again.alerts() == (alert,)
    assert again.history() == (replace(transition, delivery="waiting"),)
    assert [m.notification for m in again.outbox.due(20)] == [message]


def test_a_commit_that_fails_leaves_nothing_behind(store, monkeypatch):
    rule = store.save(RULE)
    bad = replace(fired(rule), value=None)  # NOT NULL: the last statement of the transaction fails
    with pytest.raises(sqlite3.IntegrityError):
        store.commit(rule, {"checkout": fired(rule), "other": bad}, [], notification_of(rule, [], 1))
    assert store.alerts() == ()
    assert store.outbox.due(10**18) == []


def test_alerts_are_listed_firing_then_pending_then_resolved(store):
    rule = store.save(replace(RULE, service=""))
    states = {"a": "resolved", "b": "pending", "c": "firing"}
    alerts = {s: replace(fired(rule), service=s, state=state) for s, state in states.items()}
    store.commit(rule, alerts, [], None)
    assert [alert.service for alert in store.alerts()] == ["c", "b", "a"]


def test_history_is_newest_first_limited_and_can_be_one_rules(store):
    one, two = store.save(RULE), store.save(RULE)
    for rule in (one, two, one):
        store.commit(rule, {}, [Transition(rule.id, rule.id, rule.name, "s", "pending", 1.0)], None)
    assert [t.rule_id for t in store.history()] == [one.id, two.id, one.id]
    assert len(store.history(limit=1)) == 1
    assert [t.rule_id for t in store.history(rule_id=two.id)] == [two.id]


def test_history_can_leave_out_what_nobody_was_told(store):
    rule = store.save(RULE)
    for state in ("pending", "firing", "resolved", "inactive"):
        store.commit(rule, {}, [Transition(1, rule.id, rule.name, "s", state, 1.0)], None)
    assert [t.state for t in store.history(only_told=True)] == ["resolved", "firing"]


def test_history_tells_what_became_of_the_message(store):
    rule = store.save(RULE)
    transition = Transition(20, rule.id, rule.name, "checkout", "firing", 0.5)
    store.commit(rule, {}, [transition], notification_of(rule, [fired(rule)], 20))
    (message,) = store.outbox.due(20)
    store.outbox.postponed(message.id, "answered 503", 30, 5000)
    assert store.history()[0].delivery == "trying again: answered 503"
    assert store.outbox.due(4999) == []
    store.outbox.delivered(message.id, 5001)
    assert store.history()[0].delivery == "delivered"
    assert store.outbox.due(10**18) == []


def test_a_later_message_takes_the_place_of_one_that_still_waits(store):
    rule = store.save(RULE)
    for moment in (20, 30):
        store.commit(rule, {}, [], notification_of(rule, [fired(rule)], moment))
    assert [m.created_ns for m in store.outbox.due(100)] == [30]


def test_a_deleted_rule_is_gone_for_users_but_not_for_the_evaluator(store):
    rule = store.save(RULE)
    assert store.delete(rule.id) is True
    assert store.rules() == () and store.rule(rule.id) is None
    assert [(w.rule.id, w.watch) for w in store.watched()] == [(rule.id, False)]


def test_once_closed_it_says_so(store):
    store.close()
    with pytest.raises(RetryLater, match="closed"):
        store.rules()
    with pytest.raises(RetryLater, match="closed"):
        store.save(RULE)


def test_the_file_is_its_owners_alone(store, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_a_newer_tracekit_is_refused_and_left_as_it_was(store, path):
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_versions SET version = 99")
    with pytest.raises(IncompatibleSchema, match="newer tracekit"):
        AlertStore.open(path)
