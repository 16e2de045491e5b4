"""From a payload to a committed span: admission by bytes, decoding, group commit by the single writer.

An answer follows the commit, so DuckDB's one fdatasync a commit is shared by whatever queued meanwhile:
that grouping is what makes many small requests fast.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

from collector.decode.registry import DECODERS, Decoders
from collector.decode.result import Decoded
from collector.model import SpanBatch
from collector.payload import Payload
from collector.storage.base import Grace, Rejected, RetryLater, SpanWriter, StorageError

log = logging.getLogger(__name__)

# One INSERT: larger groups cost less a span, but every answer in the group waits for the whole.
_GROUP_ROWS = 50_000
_LATENCIES_KEPT = 1_024
# How often running spans are looked through for those that were not heard of for too long.
_LOOK_EVERY_S = 1.0


class Busy(RetryLater):
    """The queue is full or closing (HTTP 429); other RetryLater come from the engine (503)."""


@dataclass(frozen=True, slots=True)
class IngestStats:
    """Counted since start. Latencies are of the last commits, in seconds; None before the first."""

    received: int  # spans decoded
    stored: int
    duplicates: int
    rejected: dict[str, int]  # spans left out, by reason
    refused: int  # payloads turned away for want of room
    queue_bytes: int
    commits: int
    commit_p50_s: float | None
    commit_p99_s: float | None
    closed_unfinished: int = 0  # running spans that were never heard of again, stored as failed


@dataclass(slots=True)
class _Job:
    batch: SpanBatch
    done: Future[None] = field(default_factory=Future)


class Reservation:
    """Bytes of one payload in the queue's budget, from its first byte read to its answer."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._held = 0

    def grow(self, count: int) -> None:
        """Raises Busy if the budget is spent. A payload that is alone may pass it, or it could never pass."""
        self._ingest._take(count, alone=self._held)
        self._held += count

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ingest._give_back(self._held)
        self._held = 0


class Ingest:
    """Owns the writer. `close` drains what was admitted, then stops."""

    def __init__(
        self,
        writer: SpanWriter,
        max_queue_bytes: int,
        clock: Callable[[], int] = time.time_ns,
        grace: Grace | None = None,
        decoders: Decoders = DECODERS,
    ) -> None:
        self._writer = writer
        self._max_queue_bytes = max_queue_bytes
        self._clock = clock
        self._grace = grace or Grace()
        self._decoders = decoders
        self._started_ns = clock()
        self._looked_at = time.monotonic()
        self._lock = threading.Condition()
        self._pending: deque[_Job] = deque()
        self._held = 0
        self._closing = False
        self._received = self._stored = self._duplicates = self._refused = self._commits = 0
        self._closed_unfinished = 0
        self._rejected: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        # One thread: decoding holds the GIL, more would only take turns.
        self._decoding = ThreadPoolExecutor(1, thread_name_prefix="tracekit-decode")
        self._thread = threading.Thread(target=self._run, name="tracekit-writer", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ receivers call

    def reserve(self) -> Reservation:
        """Use as a context around reading and exporting one payload."""
        return Reservation(self)

    async def export(self, payload: Payload) -> Decoded:
        """Decode and store one payload; returns once it is durable.

        Raises Undecodable, TooLarge, Rejected (never helps to resend), Busy or RetryLater (resend later).
        A payload whose spans are all rejected stores nothing: the caller sees it in the result.
        """
        loop = asyncio.get_running_loop()
        decode = self._decoders[payload.signal, payload.encoding]
        decoded = await loop.run_in_executor(self._decoding, decode, payload.body, payload.received_ns)
        with self._lock:
            self._received += len(decoded.batch) + decoded.rejected_items
            self._rejected.update(decoded.rejected)
        if len(decoded.batch):
            # Shielded: a client that goes away takes back the wait, not the spans.
            await asyncio.shield(asyncio.wrap_future(self._submit(decoded.batch)))
        return decoded

    def stats(self) -> IngestStats:
        with self._lock:
            latencies = sorted(self._latencies)
            return IngestStats(
                self._received,
                self._stored,
                self._duplicates,
                dict(self._rejected),
                self._refused,
                self._held,
                self._commits,
                _at(latencies, 0.5),
                _at(latencies, 0.99),
                self._closed_unfinished,
            )

    def close(self, timeout_s: float = 30.0) -> bool:
        """Refuse new payloads, commit the admitted ones. False if that took longer than the timeout."""
        self._decoding.shutdown(wait=True)
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ------------------------------------------------------------ admission

    def _take(self, count: int, alone: int) -> None:
        with self._lock:
            full = self._held + count > self._max_queue_bytes and self._held > alone
            if full or self._closing:
                self._refused += 1
                raise Busy("shutting down" if self._closing else "the ingest queue is full", 1.0)
            self._held += count

    def _give_back(self, count: int) -> None:
        with self._lock:
            self._held -= count

    def _submit(self, batch: SpanBatch) -> Future[None]:
        job = _Job(batch)
        with self._lock:
            if self._closing:
                raise Busy("shutting down", 1.0)
            self._pending.append(job)
            self._lock.notify()
        return job.done

    # ------------------------------------------------------------ the writer's thread

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            if group:
                self._store(group)
            if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
                self._looked_at = time.monotonic()
                self._close_unfinished()

    def _close_unfinished(self) -> None:
        now = self._clock()
        # While nobody was listening no function could say that it was still running.
        if now < self._started_ns + max(self._grace.ordinary_ns, self._grace.imminent_ns):
            return
        try:
            closed = self._writer.close_unfinished(now, self._grace)
        except StorageError as error:
            log.warning("spans that never finished stay open for now: %s", error)
            return
        except Exception:
            log.exception("spans that never finished could not be closed")
            return
        with self._lock:
            self._closed_unfinished += closed

    def _next_group(self) -> list[_Job] | None:
        """What waits, up to _GROUP_ROWS; [] if nothing came for a while, None at the end of all."""
        with self._lock:
            self._lock.wait_for(lambda: self._pending or self._closing, _LOOK_EVERY_S)
            if self._closing and not self._pending:
                return None
            group: list[_Job] = []
            rows = 0
            while self._pending and (not group or rows + len(self._pending[0].batch) <= _GROUP_ROWS):
                group.append(self._pending.popleft())
                rows += len(group[-1].batch)
            return group

    def _store(self, group: list[_Job]) -> None:
        error = self._try(group)
        if error is None or isinstance(error, RetryLater) or len(group) == 1:
            _answer(group, error)
            return
        # One payload the engine will not take must not fail its neighbours: each on its own.
        for job in group:
            _answer([job], self._try([job]))

    def _try(self, group: list[_Job]) -> Exception | None:
        began = time.perf_counter()
        try:
            result = self._writer.write([job.batch for job in group])
        except StorageError as error:
            return error
        except Exception as error:
            log.exception("the writer failed in a way it does not know")
            return Rejected(f"the store does not take this data: {error}")
        with self._lock:
            self._stored += result.stored
            self._duplicates += result.duplicates
            self._commits += 1
            self._latencies.append(time.perf_counter() - began)
        return None


def _answer(jobs: list[_Job], error: Exception | None) -> None:
    for job in jobs:
        if not job.done.set_running_or_notify_cancel():
            continue
        if error is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(error)


def _at(ordered: list[float], share: float) -> float | None:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None
