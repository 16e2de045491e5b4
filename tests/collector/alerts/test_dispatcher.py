"""Messages arrive at least once, in order, and are given up only for a reason that is written down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.alerts.dispatcher import Dispatcher
from collector.alerts.notification import sample_notification
from collector.alerts.notifiers.base import Policy
from collector.alerts.rule import Rule
from collector.alerts.store import AlertStore

S = 1_000_000_000
RULE = Rule("Errors", "error_rate", 0.05, id=1)


class Clock:
    now = 1000 * S

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outbox(tmp_path):
    store = AlertStore.open(tmp_path / "control.sqlite", allow_private_webhooks=True)
    yield store.outbox
    store.close()


@pytest.fixture
def dispatcher(outbox, clock):
    return Dispatcher(outbox, Policy(allow_private=True, timeout_s=5), clock)


def real(rule: Rule, now_ns: int):
    """A message that is no test (tests are not tried again)."""
    return replace(sample_notification(rule, now_ns), test=False)


def test_a_message_that_arrives_is_done(dispatcher, outbox, receiver, clock):
    sent = outbox.add(receiver.url, real(RULE, clock.now))
    assert dispatcher.dispatch_due() == 1
    assert dispatcher.dispatch_due() == 0
    assert outbox.message(sent).status == "delivered"


def test_a_message_that_fails_is_tried_again_later(dispatcher, outbox, receiver, clock):
    receiver.answers = [503, 200]
    sent = outbox.add(receiver.url, real(RULE, clock.now))
    dispatcher.dispatch_due()
    clock.now += 4 * S
    assert dispatcher.dispatch_due() == 0
    clock.now += 1 * S
    assert dispatcher.dispatch_due() == 1
    assert (outbox.message(sent).status, outbox.message(sent).attempts) == ("delivered", 2)


def test_it_gives_up_after_an_hour(dispatcher, outbox, receiver, clock):
    receiver.answers = [503]
    sent = outbox.add(receiver.url, real(RULE, clock.now))
    while outbox.message(sent).status == "waiting":
        clock.now = outbox.message(sent).due_ns
        dispatcher.dispatch_due()
    assert 3000 * S < clock.now - 1000 * S <= 3600 * S
    assert outbox.message(sent).reason == "answered 503"


def test_what_cannot_succeed_is_given_up_at_once(dispatcher, outbox, receiver):
    receiver.answers = [404]
    sent = outbox.add(receiver.url, real(RULE, 0))
    dispatcher.dispatch_due()
    assert (outbox.message(sent).status, outbox.message(sent).reason) == ("failed", "answered 404")


def test_a_test_message_is_marked_and_sent_once_only(dispatcher, outbox, receiver, clock):
    receiver.answers = [503]
    sent = outbox.add(receiver.url, sample_notification(RULE, clock.now))
    dispatcher.dispatch_due()
    assert outbox.message(sent).status == "failed"
    assert receiver.got[0]["alerts"][0]["labels"]["test"] == "true"


def test_messages_of_a_rule_arrive_in_order(dispatcher, outbox, receiver, clock):
    for number in range(3):
        outbox.add(receiver.url, replace(sample_notification(RULE, clock.now), rule_name=f"n{number}"))
    dispatcher.dispatch_due()
    assert [b["commonLabels"]["alertname"] for b in receiver.got] == ["n0", "n1", "n2"]


def test_a_message_already_delivered_stays_so_when_a_later_one_takes_its_place(outbox, receiver):
    first = outbox.add(receiver.url, real(RULE, 1))
    outbox.add(receiver.url, real(RULE, 2))
    outbox.failed(first, "answered 500", 3)
    assert outbox.message(first).status == "superseded"
    outbox.delivered(first, 4)
    assert outbox.message(first).status == "delivered"


def test_a_fault_of_our_own_ends_the_message_and_not_the_thread(dispatcher, outbox, receiver, monkeypatch):
    monkeypatch.setattr("collector.alerts.dispatcher.notifier_for", lambda _: 1 / 0)
    sent = outbox.add(receiver.url, real(RULE, 0))
    assert dispatcher.dispatch_due() == 1
    assert outbox.message(sent).reason == "a fault in tracekit: ZeroDivisionError"


def test_started_it_sends_what_is_added(dispatcher, outbox, receiver):
    dispatcher.start()
    try:
        outbox.add(receiver.url, real(RULE, 0))
        assert receiver.arrived.acquire(timeout=10)
    finally:
        dispatcher.stop()
