"""One payload on its way through the stages, and the answer that somebody may be waiting for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.decode.result import Decoded
from collector.model import SpanBatch
from collector.payload import Payload

log = logging.getLogger(__name__)

# Of a job that is not decoded yet, or whose payload was set aside. Never changed.
NOTHING = Decoded(SpanBatch.empty())


@dataclass(slots=True, eq=False)
class Job:
    """`payload` is dropped once the journal has it; `end` is the position after it there (0: no journal)."""

    payload: Payload | None
    loop: asyncio.AbstractEventLoop | None = None
    future: asyncio.Future[Decoded] | None = None
    decoded: Decoded = field(default_factory=lambda: NOTHING)
    cost: int = 0  # bytes counted as waiting
    since: float = 0.0  # time.monotonic() when it began to wait for its insert
    end: int = 0

    @property
    def rows(self) -> int:
        return len(self.decoded.batch)

    @property
    def spans(self) -> int:
        return len(self.decoded.batch) if isinstance(self.decoded.batch, SpanBatch) else 0


def answer(jobs: Sequence[Job], error: Exception | None = None) -> None:
    """From any thread: what the job's `export` returns or raises. One wake-up for all of them."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if job.loop:
            by_loop.setdefault(job.loop, []).append(job)
    for loop, theirs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, theirs, error)
        except RuntimeError:
            log.info("%d answers came after the receivers had stopped", len(theirs))


def _resolve(jobs: list[Job], error: Exception | None) -> None:
    for job in jobs:
        # An error knows the frames it came through, and they know the job: with its future a circle would
        # close, and what was refused would stay in memory until the collector of garbage comes by.
        future, job.future = job.future, None
        # A client that went away takes back the wait, not the payload.
        if future is None or future.done():
            continue
        if error is None:
            future.set_result(job.decoded)
        else:
            future.set_exception(error)
