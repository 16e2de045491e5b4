"""Payloads become acknowledged: the journal takes them, with one fdatasync for all that wait."""

from __future__ import annotations

import logging
import time

from collector.ingest.budget import Budget
from collector.ingest.inserting import Inserting
from collector.ingest.job import Job, answer
from collector.ingest.stage import Stage
from collector.ingest.stats import Counts
from collector.journal import Journal, JournalFull
from collector.payload import Payload
from collector.storage.base import RetryLater

log = logging.getLogger(__name__)


class Appending(Stage):
    """Answers when the journal has it; what it took goes on to the store in the same order."""

    def __init__(self, journal: Journal, budget: Budget, counts: Counts, following: Inserting) -> None:
        super().__init__("journal")
        self._journal = journal
        self._budget = budget
        self._counts = counts
        self._following = following

    def _work(self, jobs: list[Job]) -> None:
        trouble = self._following.trouble
        if trouble:
            self._refuse(jobs, RetryLater(str(trouble), trouble.retry_after_s))
            return
        began = time.perf_counter()
        try:
            ends = self._journal.append([(_payload(job), job.rows) for job in jobs])
        except JournalFull as error:
            self._refuse(jobs, RetryLater(str(error), 5.0))
        except OSError as error:
            log.error("the journal cannot be written: %s", error)
            self._refuse(jobs, RetryLater(f"the journal cannot be written: {error.strerror}", 5.0))
        else:
            self._counts.appended(time.perf_counter() - began)
            self._acknowledge(jobs, ends)

    def _acknowledge(self, jobs: list[Job], ends: list[int]) -> None:
        now = time.monotonic()
        for job, end in zip(jobs, ends):
            job.end, job.since = end, now
            # The journal has it: from here on it is read from there if it must be.
            self._budget.wait(-len(_payload(job).body))
            job.cost -= len(_payload(job).body)
            job.payload = None
        answer(jobs)
        self._following.put(jobs)

    def _refuse(self, jobs: list[Job], error: RetryLater) -> None:
        self._drop(jobs)
        answer(jobs, error)

    def _drop(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._budget.wait(-job.cost)
            job.cost = 0


def _payload(job: Job) -> Payload:
    assert job.payload is not None
    return job.payload
