"""Bytes become batches, one payload at a time; what cannot be read is refused before it is acknowledged."""

from __future__ import annotations

from collector.decode.registry import Decoders
from collector.decode.result import Decoded
from collector.ingest.budget import Budget
from collector.ingest.job import Job, answer
from collector.ingest.stage import Stage
from collector.ingest.stats import Counts
from collector.payload import Payload

# What a decoded row of Python lists weighs, measured over 100,000 spans of the benchmark's corpus.
_ROW_BYTES = 4_000


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
            self._recost(job, len(job.payload.body) + weight(job.decoded))
            self._following.put([job])

    def decode(self, payload: Payload) -> Decoded:
        return self._decoders[payload.signal, payload.encoding](payload.body, payload.received_ns)

    def _recost(self, job: Job, cost: int) -> None:
        self._budget.wait(cost - job.cost)
        job.cost = cost

    def _drop(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._recost(job, 0)


def weight(decoded: Decoded) -> int:
    """Bytes of memory a decoded batch takes, about: one outside Python's lists says so itself."""
    known = getattr(decoded.batch, "nbytes", None)
    return known if isinstance(known, int) else len(decoded.batch) * _ROW_BYTES
