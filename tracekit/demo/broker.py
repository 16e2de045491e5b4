"""A message broker on loopback: topics, batches for one consumer, redelivery and a dead-letter count."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from tracekit.demo.ledger import CALLER_HEADER, Ledger
from tracekit.demo.web import Loopback, Request, Response

MAX_DELIVERIES = 3
REDELIVER_AFTER_S = 1.0


@dataclass(frozen=True)
class Message:
    id: str
    topic: str
    body: str
    properties: Mapping[str, str]
    deliveries: int = 0


Consume = Callable[[bytes], bool]
"""Takes a batch (a CloudEvents list as RocketMQ triggers send it); returns whether it was processed."""


class Broker:
    """`POST /topics/{topic}/messages` with `{"body": …, "properties": {…}}` accepts a message.

    A batch closes when it is full or its oldest message has waited for the window. A failed batch is
    delivered again message by message, so that one bad message holds up no good one; after three deliveries
    a message is dead.
    """

    def __init__(
        self,
        topic: str,
        consumer: str,
        consume: Consume,
        ledger: Ledger,
        *,
        batch_size: int = 8,
        window_s: float = 1.0,
        redeliver_after_s: float = REDELIVER_AFTER_S,
    ) -> None:
        self._topic = topic
        self._consumer = consumer
        self._consume = consume
        self._ledger = ledger
        self._batch_size = batch_size
        self._window_s = window_s
        self._redeliver_after_s = redeliver_after_s
        self._waiting: list[Message] = []
        self._retries: list[tuple[float, Message]] = []
        self._window_ends = 0.0
        self._delivering = 0
        self._changed = threading.Condition()
        self._closed = False
        self._deliverers = ThreadPoolExecutor(4, "broker-delivery")
        self._dispatcher = threading.Thread(target=self._dispatch, name="broker", daemon=True)
        self._dispatcher.start()
        self._server = Loopback(self._answer)
        self.url = self._server.url

    def drain(self, timeout_s: float) -> bool:
        """Waits until every accepted message has been processed or is dead. Returns whether all are."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._waiting or self._retries or self._delivering), timeout_s
            )

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._dispatcher.join(2)
        self._deliverers.shutdown(wait=False, cancel_futures=True)
        self._server.close()

    def _answer(self, request: Request) -> Response:
        if request.method != "POST" or request.path != f"/topics/{self._topic}/messages":
            return Response(404)
        content = json.loads(request.body)
        message = Message(
            uuid.uuid4().hex.upper(), self._topic, content["body"], content.get("properties", {})
        )
        self._accept(message)
        self._ledger.queue(self._topic, "sent")
        self._ledger.call(request.headers.get(CALLER_HEADER, "unknown"), self._topic, "send")
        return Response(200, json.dumps({"messageId": message.id}).encode())

    def _accept(self, message: Message) -> None:
        with self._changed:
            if not self._waiting:
                self._window_ends = time.monotonic() + self._window_s
            self._waiting.append(message)
            self._changed.notify_all()

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, self._pause())
                if self._closed:
                    return
                batches = self._due_batches()
                self._delivering += len(batches)
            for batch in batches:
                self._deliverers.submit(self._deliver, batch)

    def _has_work(self) -> bool:
        return self._closed or len(self._waiting) >= self._batch_size

    def _pause(self) -> float:
        """Seconds until the window closes or a retry is due; a tenth of a second when nothing is known."""
        due = [at for at, _ in self._retries] + ([self._window_ends] if self._waiting else [])
        return min(0.1, max(0.0, min(due) - time.monotonic())) if due else 0.1

    def _due_batches(self) -> list[list[Message]]:
        now = time.monotonic()
        due = [[message] for at, message in self._retries if at <= now]
        self._retries = [(at, message) for at, message in self._retries if at > now]
        while len(self._waiting) >= self._batch_size or (self._waiting and now >= self._window_ends):
            due.append(self._waiting[: self._batch_size])
            del self._waiting[: self._batch_size]
        return due

    def _deliver(self, batch: Sequence[Message]) -> None:
        tried = [replace(message, deliveries=message.deliveries + 1) for message in batch]
        try:
            processed = self._consume(_cloud_events(tried))
        finally:
            self._ledger.queue(self._topic, "batches")
            self._ledger.queue(self._topic, "delivered", len(tried))
        with self._changed:
            if not processed:
                self._retry_or_bury(tried)
            self._delivering -= 1
            self._changed.notify_all()

    def _retry_or_bury(self, failed: Sequence[Message]) -> None:
        again = [message for message in failed if message.deliveries < MAX_DELIVERIES]
        at = time.monotonic() + self._redeliver_after_s
        self._retries.extend((at, message) for message in again)
        self._ledger.queue(self._topic, "redelivered", len(again))
        self._ledger.queue(self._topic, "dead", len(failed) - len(again))


def _cloud_events(batch: Sequence[Message]) -> bytes:
    return json.dumps([_cloud_event(message) for message in batch]).encode()


def _cloud_event(message: Message) -> dict[str, Any]:
    system = {"MSG_ID": message.id, "RECONSUME_TIMES": str(message.deliveries - 1), "UNIQ_KEY": message.id}
    return {
        "id": message.id,
        "source": "RocketMQ-Function",
        "specversion": "1.0",
        "type": "mq:Topic:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mq:cn-hangzhou:1234567890123456:shop%{message.topic}",
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "data": {
            "topic": message.topic,
            "systemProperties": system,
            "userProperties": dict(message.properties),
            "body": message.body,
        },
    }
