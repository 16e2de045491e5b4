"""Rules are looked at in turn; a failing one stays alone; what was decided is stored with its message."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from collector.alerts.dispatcher import Dispatcher
from collector.alerts.evaluator import Evaluator, pause
from collector.alerts.rule import Rule
from collector.alerts.store import AlertStore, WatchedRule

S = 1_000_000_000
RULE = Rule("Errors", "error_rate", 0.05, window_s=60, for_s=10)


class NoNotifier:
    def start(self) -> None:
        return

    def stop(self) -> None:
        return


@pytest.fixture
def store(tmp_path):
    store = AlertStore.open(tmp_path / "control.sqlite", allow_private_webhooks=True, clock=lambda: 0)
    yield store
    store.close()


@pytest.fixture
def evaluator(functions, store):
    return Evaluator(functions, store, NoNotifier())


def states(transitions) -> list[tuple[str, str]]:
    return [(t.service, t.state) for t in transitions]


def test_a_breach_becomes_pending_then_firing_then_resolved(evaluator, store, functions, make_stats):
    store.save(RULE)
    functions.now = [make_stats("a", errors=50), make_stats("b")]
    assert states(evaluator.evaluate_once(100 * S)) == [("a", "pending")]
    assert states(evaluator.evaluate_once(105 * S)) == []
    assert states(evaluator.evaluate_once(110 * S)) == [("a", "firing")]
    functions.now = [make_stats("a"), make_stats("b")]
    assert states(evaluator.evaluate_once(115 * S)) == [("a", "resolved")]
    assert [(t.state, t.at_ns) for t in store.history()] == [
        ("resolved", 115 * S), ("firing", 110 * S), ("pending", 100 * S),
    ]  # fmt: skip


def test_the_window_ends_at_the_evaluation_and_is_asked_for_once(evaluator, store, functions):
    store.save(RULE)
    store.save(replace(RULE, signal="p95_ms", threshold=100.0))
    evaluator.evaluate_once(100 * S)
    assert [(q.window.start_ns, q.window.end_ns, q.service) for q in functions.asked] == [
        (40 * S, 100 * S, "")
    ]


@pytest.mark.parametrize(
    ("signal", "threshold", "breach"),
    [
        ("error_rate", 0.05, {"errors": 6}),
        ("p95_ms", 100.0, {"p95_ms": 100.5}),
        ("cold_start_share", 0.1, {"cold": 11}),
    ],
)
def test_each_signal_is_read_from_the_calls(
    evaluator, store, functions, make_stats, signal, threshold, breach
):
    store.save(Rule("r", signal, threshold, for_s=0))
    functions.now = [make_stats("bad", **breach), make_stats("good")]
    assert states(evaluator.evaluate_once(S)) == [("bad", "firing")]


def test_too_few_calls_are_no_data(evaluator, store, functions, make_stats):
    store.save(replace(RULE, for_s=0, min_calls=20))
    functions.now = [make_stats("a", calls=19, errors=19)]
    assert evaluator.evaluate_once(S) == ()


def test_a_rule_that_fails_keeps_its_alerts_and_stops_no_other(
    evaluator, store, functions, make_stats, caplog
):
    broken, sound = store.save(replace(RULE, service="a", for_s=0)), store.save(replace(RULE, service="b"))
    functions.now = [make_stats("a", errors=50), make_stats("b", errors=50)]
    evaluator.evaluate_once(100 * S)
    functions.broken_services = {"a"}
    with caplog.at_level(logging.WARNING):
        evaluator.evaluate_once(105 * S)
        evaluator.evaluate_once(110 * S)
    assert {a.service: a.state for a in store.alerts()} == {"a": "firing", "b": "firing"}
    assert evaluator.failures == 2
    assert store.errors() == {broken.id: "RuntimeError: the engine is on fire"}
    assert caplog.text.count("on fire") == 1
    functions.broken_services = set()
    evaluator.evaluate_once(115 * S)
    assert store.errors() == {}
    assert store.rule(sound.id) is not None


def test_state_survives_a_restart_but_pending_does_not_age_meanwhile(functions, make_stats, tmp_path):
    functions.now = [make_stats("a", errors=50)]
    store = AlertStore.open(tmp_path / "control.sqlite")
    store.save(RULE)
    Evaluator(functions, store, NoNotifier()).evaluate_once(100 * S)
    store.close()
    store = AlertStore.open(tmp_path / "control.sqlite")
    again = Evaluator(functions, store, NoNotifier())
    assert again.evaluate_once(1000 * S) == ()
    assert states(again.evaluate_once(1010 * S)) == [("a", "firing")]


def test_evaluations_that_are_slow_are_no_downtime(evaluator, store, functions, make_stats):
    store.save(RULE)
    functions.now = [make_stats("a", errors=50)]
    evaluator.evaluate_once(100 * S)
    assert states(evaluator.evaluate_once(400 * S)) == [("a", "firing")]


@pytest.mark.parametrize("end", ["off", "deleted"])
def test_alerts_of_a_rule_nobody_watches_any_more_end_and_are_told(
    evaluator, store, functions, make_stats, end
):
    rule = store.save(replace(RULE, for_s=0, keep_firing_for_s=600, webhook_url="http://127.0.0.1:9/"))
    functions.now = [make_stats("a", errors=50)]
    evaluator.evaluate_once(100 * S)
    if end == "off":
        store.save(replace(rule, enabled=False))
    else:
        store.delete(rule.id)
    assert states(evaluator.evaluate_once(105 * S)) == [("a", "resolved")]
    assert [m.notification.status for m in store.outbox.due(105 * S)] == ["resolved"]
    assert [w.rule.id for w in store.watched()] == ([rule.id] if end == "off" else [])


def test_a_message_holds_what_fires_and_what_was_resolved_lately(evaluator, store, functions, make_stats):
    store.save(replace(RULE, for_s=0, webhook_url="http://127.0.0.1:9/"))
    functions.now = [make_stats("a", errors=50)]
    evaluator.evaluate_once(100 * S)
    functions.now = [make_stats("a"), make_stats("b", errors=50)]
    evaluator.evaluate_once(105 * S)
    (message,) = store.outbox.due(105 * S)
    assert [(n.service, n.fired_ns, n.resolved_ns) for n in message.notification.alerts] == [
        ("a", 100 * S, 105 * S), ("b", 105 * S, 0),
    ]  # fmt: skip
    assert message.notification.status == "firing"


def test_pending_is_nobodys_business(evaluator, store, functions, make_stats):
    store.save(replace(RULE, webhook_url="http://127.0.0.1:9/"))
    functions.now = [make_stats("a", errors=50)]
    evaluator.evaluate_once(100 * S)
    assert store.outbox.due(10**18) == []


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        ([], 5), ([replace(RULE, window_s=300, for_s=60)], 5), ([RULE, replace(RULE, for_s=3)], 3),
        ([replace(RULE, window_s=8, for_s=0)], 2), ([replace(RULE, for_s=1, window_s=5)], 1),
        ([replace(RULE, for_s=1, enabled=False)], 5),
    ],
)  # fmt: skip
def test_short_rules_are_looked_at_more_often(rules, seconds):
    assert pause([WatchedRule(rule, deleted=False, error="") for rule in rules], 5.0) == seconds


def test_started_it_evaluates_and_tells_by_itself(store, functions, make_stats, receiver):
    store.save(replace(RULE, for_s=0, webhook_url=receiver.url))
    functions.now = [make_stats("a", errors=50)]
    evaluator = Evaluator(functions, store, Dispatcher(store.outbox, store.policy), interval_s=0.02)
    evaluator.start()
    try:
        assert receiver.arrived.acquire(timeout=10)
        functions.now = [make_stats("a")]
        assert receiver.arrived.acquire(timeout=10)
    finally:
        evaluator.stop()
    assert [body["status"] for body in receiver.got] == ["firing", "resolved"]
