"""The broker batches, redelivers message by message, and gives up after three deliveries."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tracekit.demo.broker import Broker, Consume
from tracekit.demo.ledger import Ledger
from tracekit.demo.web import call

Start = Callable[[Consume], Broker]


@pytest.fixture
def start(ledger: Ledger) -> Iterator[Start]:
    brokers: list[Broker] = []

    def begin(consume: Consume) -> Broker:
        brokers.append(
            Broker("orders", "worker", consume, ledger, batch_size=3, window_s=0.2, redeliver_after_s=0.05)
        )
        return brokers[-1]

    yield begin
    for broker in brokers:
        broker.close()


class Consumer:
    """Remembers batches; fails those that contain the word bad."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self._lock = threading.Lock()

    def __call__(self, event: bytes) -> bool:
        with self._lock:
            self.batches.append(json.loads(event))
        return b"bad" not in event

    def bodies(self) -> list[list[str]]:
        return [[message["data"]["body"] for message in batch] for batch in self.batches]


def send(broker: Broker, *bodies: str, **properties: str) -> None:
    for body in bodies:
        content = json.dumps({"body": body, "properties": properties}).encode()
        assert (
            call("POST", f"{broker.url}/topics/orders/messages", content, {"x-demo-caller": "me"}).status
            == 200
        )


def test_a_full_batch_is_delivered_and_the_rest_follows_when_the_window_closes(start: Start) -> None:
    consumer = Consumer()
    broker = start(consumer)
    send(broker, "a", "b", "c", "d")
    assert broker.drain(5)
    assert consumer.bodies() == [["a", "b", "c"], ["d"]]


def test_a_message_is_a_rocketmq_cloud_event_with_the_senders_properties(start: Start) -> None:
    consumer = Consumer()
    broker = start(consumer)
    send(broker, "a", traceparent="00-abc")
    assert broker.drain(5)
    event = consumer.batches[0][0]
    assert event["type"] == "mq:Topic:SendMessage"
    assert event["data"]["userProperties"] == {"traceparent": "00-abc"}
    assert event["data"]["systemProperties"]["RECONSUME_TIMES"] == "0"


def test_a_failed_batch_comes_again_one_by_one_and_a_bad_message_dies_after_three_deliveries(
    start: Start, ledger: Ledger
) -> None:
    consumer = Consumer()
    broker = start(consumer)
    send(broker, "good", "bad", "fine")
    assert broker.drain(5)
    assert consumer.bodies()[0] == ["good", "bad", "fine"]
    assert sorted(consumer.bodies()[1:]) == [["bad"], ["bad"], ["fine"], ["good"]]
    counts = ledger.snapshot()["queues"]["orders"]
    assert counts == {"sent": 3, "batches": 5, "delivered": 7, "redelivered": 4, "dead": 1}


def test_a_message_to_another_topic_is_refused(start: Start) -> None:
    broker = start(Consumer())
    assert call("POST", f"{broker.url}/topics/other/messages", b"{}").status == 404
