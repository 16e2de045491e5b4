"""What ingest counts, for the status page and the tests."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass

from collector.decode.result import Decoded
from collector.storage.base import WriteResult

_LATENCIES_KEPT = 1_024


@dataclass(frozen=True, slots=True)
class IngestStats:
    """Counted since start. Latencies are of the last commits and appends, in seconds; None before any."""

    received: int  # items decoded: spans, log records, data points
    stored: int
    duplicates: int
    rejected: dict[str, int]  # items left out, by reason
    refused: int  # payloads turned away for want of room
    queue_bytes: int  # of payloads that arrive
    commits: int
    commit_p50_s: float | None
    commit_p99_s: float | None
    closed_unfinished: int = 0  # running spans that were never heard of again, stored as failed
    waiting_bytes: int = 0  # memory of what waits for its insert
    appends: int = 0  # groups made durable by the journal
    append_p50_s: float | None = None
    append_p99_s: float | None = None
    journal_bytes: int = 0  # of the journal that no checkpoint covers yet
    journal_end: int = 0  # position after what was acknowledged last
    inserted: int = 0  # position up to which the store has it
    replayed: int = 0  # items inserted from the journal at the start
    retries: int = 0  # writes that failed and were tried again
    quarantined: int = 0  # payloads the store would not take after they were acknowledged
    trouble: str = ""  # why the store takes nothing at the moment


class Counts:
    """The numbers behind IngestStats; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._commits: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        self._appends: deque[float] = deque(maxlen=_LATENCIES_KEPT)

    def decoded(self, decoded: Decoded) -> None:
        with self._lock:
            self._numbers["received"] += len(decoded.batch) + decoded.rejected_items
            self._rejected.update(decoded.rejected)

    def appended(self, seconds: float) -> None:
        with self._lock:
            self._numbers["appends"] += 1
            self._appends.append(seconds)

    def committed(self, result: WriteResult, seconds: float) -> None:
        with self._lock:
            self._numbers["stored"] += result.stored
            self._numbers["duplicates"] += result.duplicates
            self._numbers["commits"] += 1
            self._commits.append(seconds)

    def add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self._numbers[name] += count

    def stats(self, **more: int | str) -> IngestStats:
        """`more`: what others know."""
        with self._lock:
            numbers: dict[str, int | str] = {name: self._numbers[name] for name in _NUMBERS}
            commits, appends = sorted(self._commits), sorted(self._appends)
            rejected = dict(self._rejected)
        return IngestStats(
            rejected=rejected,
            commit_p50_s=_at(commits, 0.5),
            commit_p99_s=_at(commits, 0.99),
            append_p50_s=_at(appends, 0.5),
            append_p99_s=_at(appends, 0.99),
            **(numbers | more),  # type: ignore[arg-type]
        )


_NUMBERS = (
    "received",
    "stored",
    "duplicates",
    "commits",
    "closed_unfinished",
    "appends",
    "replayed",
    "retries",
    "quarantined",
)


def _at(ordered: list[float], share: float) -> float | None:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None
