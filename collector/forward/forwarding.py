"""From the acknowledgement to another backend: a short queue in memory, a bounded one on disk, one sender.

`offer` is called where an answer waits, so it only appends to a list. One thread writes copies down, another
posts the oldest until the backend has taken or refused it.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.decode.result import TooLarge, Undecodable
from collector.forward.backend import Backend, Outcome
from collector.forward.diskqueue import DiskQueue
from collector.forward.record import of_payload
from collector.payload import Payload

log = logging.getLogger(__name__)

# What may wait in memory for the disk: as much as the disk writes in a second or so.
_MEMORY_BYTES = 64 * 1024 * 1024
_TIMEOUT_S = 10.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_PLACE_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class ForwardStats:
    """Copies on their way to another backend, counted since start."""

    waiting_bytes: int = 0
    sent: int = 0  # payloads taken by the backend
    retries: int = 0  # attempts that failed and will be repeated
    dropped: dict[str, int] = field(default_factory=dict)  # payloads given up, by reason
    last_error: str = ""


class Forwarding:
    """`start` it, `offer` what is acknowledged, `close` it: what waits then stays for the next start."""

    def __init__(
        self,
        folder: Path,
        url: str,
        headers: Mapping[str, str],
        max_bytes: int,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._queue = DiskQueue(folder, max_bytes)
        self._backend = Backend(url, headers, timeout_s)
        self._lock = threading.Condition()
        self._offered: deque[Payload] = deque()
        self._offered_bytes = 0
        self._sent = self._retries = 0
        self._dropped: Counter[str] = Counter()
        self._last_error = ""
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, name="tracekit-forward-write", daemon=True),
            threading.Thread(target=self._send, name="tracekit-forward-send", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def offer(self, payload: Payload) -> None:
        """Never waits and never raises: a copy there is no room for is dropped and counted."""
        with self._lock:
            if self._offered_bytes + len(payload.body) > _MEMORY_BYTES and self._offered:
                self._dropped["the disk is too slow"] += 1
                return
            self._offered.append(payload)
            self._offered_bytes += len(payload.body)
            self._lock.notify()

    def stats(self) -> ForwardStats:
        with self._lock:
            numbers = self._offered_bytes, self._sent, self._retries, dict(self._dropped), self._last_error
        return ForwardStats(self._queue.waiting_bytes + numbers[0], *numbers[1:])

    def close(self, timeout_s: float = 4.0) -> None:
        """Write down what was offered and stop. A request that takes longer is repeated after the next start,
        as is all that the backend has not taken."""
        self._closing.set()
        with self._lock:
            self._lock.notify_all()
        self._queue.wake()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.1))
        self._save_place()

    # ------------------------------------------------------------ to the disk

    def _write(self) -> None:
        while (payload := self._next_offered()) is not None:
            try:
                lost = self._queue.append([of_payload(payload)])
            except (OSError, Undecodable, TooLarge) as error:
                log.warning("a copy could not be kept for forwarding: %s", error)
                self._drop("the disk does not take it", 1)
                continue
            if lost:
                self._drop("the queue is full", lost)

    def _next_offered(self) -> Payload | None:
        with self._lock:
            self._lock.wait_for(lambda: self._offered or self._closing.is_set())
            if not self._offered:
                return None
            payload = self._offered.popleft()
            self._offered_bytes -= len(payload.body)
            return payload

    def _drop(self, reason: str, count: int) -> None:
        with self._lock:
            self._dropped[reason] += count

    # ------------------------------------------------------------ to the backend

    def _send(self) -> None:
        failures, saved = 0, time.monotonic()
        while not self._closing.is_set():
            failures = self._send_oldest(failures)
            if time.monotonic() - saved >= _PLACE_EVERY_S:
                saved = time.monotonic()
                self._save_place()
        self._save_place()
        self._backend.close()

    def _send_oldest(self, failures: int) -> int:
        """How often in a row it has failed by now; `failures` before."""
        try:
            waiting = self._queue.peek(_PLACE_EVERY_S)
        except OSError as error:  # no file descriptor is left, say: the thread must go on
            self._note_failure(Outcome(f"the queue cannot be read: {error}", retry=True), failures + 1)
            self._closing.wait(_pause(failures + 1, 0.0))
            return failures + 1
        if waiting is None:
            return failures
        outcome = self._backend.send(waiting.record)
        if outcome.retry:
            self._note_failure(outcome, failures + 1)
            self._closing.wait(_pause(failures + 1, outcome.wait_s))
            return failures + 1
        self._queue.advance(waiting)
        self._note_end(outcome)
        return 0

    def _note_failure(self, outcome: Outcome, failures: int) -> None:
        if failures == 1:  # once an outage, not once an attempt
            log.warning("forwarding does not get through and is retried: %s", outcome.trouble)
        with self._lock:
            self._retries += 1
            self._last_error = outcome.trouble

    def _note_end(self, outcome: Outcome) -> None:
        if not outcome.trouble:
            with self._lock:
                self._sent += 1
            return
        log.warning("the other backend refused a payload for good: %s", outcome.trouble)
        with self._lock:
            self._dropped[outcome.trouble] += 1
            self._last_error = outcome.trouble

    def _save_place(self) -> None:
        try:
            self._queue.save_place()
        except OSError as error:
            log.warning("the place of forwarding could not be written: %s", error)


def _pause(failures: int, asked_s: float) -> float:
    """Doubling with jitter; at least what the backend asked for."""
    longest = min(_FIRST_WAIT_S * 2 ** min(failures - 1, 16), _LONGEST_WAIT_S)
    return max(asked_s, random.uniform(longest / 2, longest))
