"""A thread with a queue before it: what waits is worked on together."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

from collector.ingest.job import Job, answer
from collector.storage.base import RetryLater

log = logging.getLogger(__name__)


class Stage:
    """Base of decoding, appending and inserting. `close` works off what waits, then stops."""

    def __init__(self, name: str) -> None:
        self._wake = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"tracekit-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, jobs: Sequence[Job]) -> None:
        with self._wake:
            self._waiting.extend(jobs)
            self._wake.notify()

    def close(self, timeout_s: float) -> bool:
        """False if what waits could not be worked off in time."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while jobs := self._next():
            try:
                self._work(jobs)
            except Exception:  # a defect of ours: these fail, the thread goes on
                log.exception("%s failed in a way it does not know", self._thread.name)
                self._drop(jobs)
                answer(jobs, RetryLater("internal error", 5.0))
            jobs = []  # nothing is to be kept alive while the next are waited for

    def _next(self) -> list[Job]:
        """What waits; [] at the end of all."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closing)
            jobs = list(self._waiting)
            self._waiting.clear()
            return jobs

    def _work(self, jobs: list[Job]) -> None:
        raise NotImplementedError

    def _drop(self, jobs: list[Job]) -> None:
        """They leave the pipeline here."""
        raise NotImplementedError
