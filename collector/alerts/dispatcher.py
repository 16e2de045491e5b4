"""Carries messages from the outbox to their receivers, on threads of its own, until they arrive or expire."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from collector.alerts.notifiers import notifier_for
from collector.alerts.notifiers.base import GIVE_UP_AFTER_S, Delivery, Policy, retry_delay_s
from collector.alerts.outbox import Message, Outbox
from collector.storage.base import StorageError

log = logging.getLogger(__name__)

_POLL_S = 1.0  # how late a retry may be; new messages wake the workers at once
_WORKERS = 4  # one receiver that hangs until its timeout must not keep the others from being told


class Dispatcher:
    """Delivers each message at least once, one at a time for each rule, so that order is kept."""

    def __init__(
        self, outbox: Outbox, policy: Policy, clock: Callable[[], int] = time.time_ns, workers: int = _WORKERS
    ) -> None:
        self._outbox = outbox
        self._policy = policy
        self._clock = clock
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._busy_rules: set[int] = set()
        self._stopping = False
        outbox.subscribe(self.wake)

    def start(self) -> None:
        self._stopping = False
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"alert-send-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Take no further message. One in flight longer than the timeout is left; it is sent again
        after a restart if it was not answered."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._threads.clear()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def dispatch_due(self) -> int:
        """Send everything that is due, on this thread; returns how many attempts were made."""
        attempts = 0
        while (message := self._claim()) is not None:
            self._deliver(message)
            attempts += 1
        return attempts

    def _work(self) -> None:
        while not self._stopping:
            try:
                sent = self.dispatch_due()
            except StorageError as error:
                log.warning("alert messages wait: %s", error)
                sent = 0
            with self._changed:
                if not sent and not self._stopping:
                    self._changed.wait(_POLL_S)

    def _claim(self) -> Message | None:
        """The oldest due message of a rule nobody is sending for."""
        with self._changed:
            if self._stopping:
                return None
            due = self._outbox.due(self._clock())
            message = next((m for m in due if m.rule_id not in self._busy_rules), None)
            if message is not None:
                self._busy_rules.add(message.rule_id)
            return message

    def _deliver(self, message: Message) -> None:
        try:
            self._record(message, self._attempt(message))
        finally:
            with self._changed:
                self._busy_rules.discard(message.rule_id)

    def _attempt(self, message: Message) -> Delivery:
        try:
            notifier = notifier_for(message.target)
            return notifier.deliver(message.target, message.notification, self._policy)
        except Exception as error:  # a fault of ours must neither end the thread nor come back for ever
            return Delivery(False, f"a fault in tracekit: {type(error).__name__}")

    def _record(self, message: Message, delivery: Delivery) -> None:
        now_ns = self._clock()
        if delivery.delivered:
            self._outbox.delivered(message.id, now_ns)
            return
        attempts = message.attempts + 1
        due_ns = now_ns + int(retry_delay_s(attempts, delivery.retry_after_s) * 1e9)
        expired = due_ns - message.created_ns > GIVE_UP_AFTER_S * 1e9
        if delivery.final or expired or message.test:
            log.warning("alert rule %d: a message was not delivered: %s", message.rule_id, delivery.reason)
            self._outbox.failed(message.id, delivery.reason, now_ns)
        else:
            self._outbox.postponed(message.id, delivery.reason, now_ns, due_ns)
