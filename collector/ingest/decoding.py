"""Bytes become batches, one payload at a time; what cannot be read is refused before it is acknowledged."""

from __future__ import annotations

from collector.decode.registry import Decoders
from collector.decode.result import Decoded
from collector.ingest.budget import Budget
from collector.ingest.job import Job, answer
from collector.ingest.stage import Stage
from collector.ingest.stats import Counts
from collector.ingest.weight import weight
from collector.payload import Payload


class Decoding(Stage):
    """One thread: Python's decoders hold the GIL, and the one in C is faster than all that follows it."""

    def __init__(self, decoders: Decoders, budget: Budget, counts: Counts, following: Stage) -> None:
        super().__init__("decode")
        self._decoders = decoders
        self._budget = budget
        self._counts = counts
        self._following = following

    def _work(self, jobs: list[Job]) -> None:
        for job in jobs:
            assert job.payload is not None
            try:
                job.decoded = self.decode(job.payload)
            except Exception as error:
                # Undecodable and TooLarge are the sender's; anything else the receiver answers with 503.
                self._drop([job])
                answer([job], error)
                continue
            self._counts.decoded(job.decoded)
            if not job.rows:
                self._drop([job])
                answer([job])
                continue
            self._recost(job, len(job.payload.body) + weight(job.decoded.batch))
            self._following.put([job])

    def decode(self, payload: Payload) -> Decoded:
        return self._decoders[payload.signal, payload.encoding](payload.body, payload.received_ns)

    def _recost(self, job: Job, cost: int) -> None:
        self._budget.wait(cost - job.cost)
        job.cost = cost

    def _drop(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._recost(job, 0)
