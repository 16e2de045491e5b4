"""The way of a payload: admission, decoding, journal, answer; the store's writer behind it.

With a journal the answer follows one fdatasync that many payloads share, and neither a checkpoint nor a query
holds it up. Without one it follows the store's commit.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from collector.decode.registry import DECODERS, Decoders
from collector.decode.result import Decoded
from collector.ingest.appending import Appending
from collector.ingest.budget import Budget, Busy, Reservation, Turns
from collector.ingest.checkpointing import Checkpointing
from collector.ingest.decoding import Decoding
from collector.ingest.inserting import Inserting, InsertingBehind
from collector.ingest.job import Job
from collector.ingest.preparing import Preparing
from collector.ingest.quarantine import Quarantine
from collector.ingest.stage import Stage
from collector.ingest.stats import Counts, IngestStats
from collector.journal import Journal
from collector.payload import Payload
from collector.storage.base import Grace, SpanWriter

# (compressed body, its content encoding) -> the body
Inflate = Callable[[bytes, str], bytes]


class Ingest:
    """Owns the writer and the journal. `close` stores what was admitted, then stops."""

    def __init__(
        self,
        writer: SpanWriter,
        max_queue_bytes: int,
        clock: Callable[[], int] = time.time_ns,
        grace: Grace | None = None,
        decoders: Decoders = DECODERS,
        *,
        max_waiting_bytes: int = 2**30,
        journal: Journal | None = None,
        quarantine: Path | None = None,
        inflate: Inflate | None = None,
    ) -> None:
        """`journal`: acknowledge there, insert behind; needs a `quarantine`, and `inflate` to replay
        what came compressed. What the journal holds above the store's mark is stored first."""
        self._budget = Budget(max_queue_bytes, max_waiting_bytes)
        self._turns = Turns(self._budget)
        self._counts = Counts()
        self._journal = journal
        self._inflate = inflate
        self._behind: InsertingBehind | None = None
        self._checkpointing: Checkpointing | None = None
        inserting = Inserting(writer, self._budget, self._counts, clock, grace or Grace())
        following: Stage = inserting
        if journal:
            if quarantine is None:
                raise ValueError("a journal needs a quarantine folder")
            inserting = self._behind = InsertingBehind(
                writer,
                self._budget,
                self._counts,
                clock,
                grace or Grace(),
                journal,
                Quarantine(quarantine),
                self._decode_again,
            )
            following = Appending(journal, self._budget, self._counts, self._behind)
            self._checkpointing = Checkpointing(writer, journal)
            self._preparing = Preparing(journal)
        self._decoding = Decoding(decoders, self._budget, self._counts, following)
        stages = [self._decoding, following, inserting]
        self._stages = stages if journal else stages[:2]
        for stage in self._stages:
            stage.start()
        if self._checkpointing:
            self._checkpointing.start()
            self._preparing.start()

    # ------------------------------------------------------------ receivers call

    def reserve(self) -> Reservation:
        """Use as a context around reading and exporting one payload."""
        return Reservation(self._budget, self._turns)

    async def export(self, payload: Payload) -> Decoded:
        """Decode and acknowledge one payload; returns once it is durable.

        Raises Undecodable, TooLarge, Rejected (never helps to resend), Busy or RetryLater (resend later).
        A payload whose items are all rejected stores nothing: the caller sees it in the result. With a
        journal, readers see it a moment later: `settle`.
        """
        if self._budget.closed:
            raise Busy("shutting down", 1.0)
        trouble = self._behind.trouble if self._behind else None
        if trouble:
            raise type(trouble)(str(trouble), trouble.retry_after_s)
        loop = asyncio.get_running_loop()
        job = Job(payload, loop, loop.create_future(), cost=len(payload.body))
        self._budget.wait(job.cost)
        self._decoding.put([job])
        assert job.future is not None
        return await job.future

    # ------------------------------------------------------------ everyone may ask

    def settle(self, timeout_s: float = 30.0) -> bool:
        """Wait until readers see all that is acknowledged by now. False if that took longer."""
        if self._behind is None or self._journal is None:
            return True
        return self._behind.wait_for(self._journal.end, timeout_s)

    async def settled(self, timeout_s: float = 30.0) -> bool:
        """`settle` for a coroutine."""
        return await asyncio.to_thread(self.settle, timeout_s)

    def stats(self) -> IngestStats:
        stats = self._counts.stats(
            refused=self._budget.refused,
            queue_bytes=self._budget.arriving,
            waiting_bytes=self._budget.waiting,
        )
        if self._journal is None or self._behind is None:
            return stats
        trouble = self._behind.trouble
        return dataclasses.replace(
            stats,
            journal_bytes=self._journal.live_bytes,
            journal_end=self._journal.end,
            inserted=self._behind.inserted,
            trouble=str(trouble) if trouble else "",
        )

    def close(self, timeout_s: float = 30.0) -> bool:
        """Refuse new payloads, store the admitted ones. False if that took longer than the timeout."""
        self._budget.close()
        deadline = time.monotonic() + timeout_s
        done = all(stage.close(max(deadline - time.monotonic(), 0.1)) for stage in self._stages)
        if self._checkpointing:
            self._preparing.close(max(deadline - time.monotonic(), 0.1))
            self._checkpointing.close(max(deadline - time.monotonic(), 0.1))
        if self._journal and done:
            self._journal.close()
        return done

    def _decode_again(self, payload: Payload) -> Decoded:
        if payload.compressed is not None:
            if self._inflate is None:
                raise ValueError("nothing here can decompress it")
            body = self._inflate(payload.compressed, payload.content_encoding)
            payload = dataclasses.replace(payload, body=body)
        return self._decoding.decode(payload)
