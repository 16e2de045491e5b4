"""What the collector knows of itself, gathered when somebody asks."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.decode import decoder_name
from collector.forward import ForwardStats
from collector.ingest import IngestStats
from collector.receivers.counts import Counts
from collector.storage.base import RetryLater, SampledOut

RATE_WINDOW_S = 60
NOTHING = SampledOut()


@dataclass(frozen=True, slots=True)
class Facts:
    """One moment of the collector. Sizes in bytes, times in seconds."""

    version: str
    decoder: str  # what reads protobuf: "c" or "python"
    uptime_s: float
    ingest: IngestStats
    queue_limit_bytes: int
    requests: Mapping[tuple[str, str, str], int]  # by protocol, signal, code
    taken_bytes: Mapping[tuple[str, str], int]  # by protocol, signal
    taken_items: Mapping[tuple[str, str], int]
    rates: Mapping[str, float]  # items a second over the last minute, by signal
    files: Mapping[str, int]  # size by name of what lies in the data folder; a folder counts as one
    disk_free_bytes: int
    disk_total_bytes: int
    disk_floor_bytes: int
    rss_bytes: int
    cpu_s: float
    forward: ForwardStats | None = None
    # Spans that should have been summed up by now: queries over hours read them one by one. None: the store
    # was not asked, or cannot tell now.
    rollup_lag: int | None = 0
    sampled_out: SampledOut = NOTHING

    @property
    def trouble(self) -> str:
        """Why nothing is taken at the moment; "" if all is well."""
        if self.ingest.trouble:
            return self.ingest.trouble
        if self.disk_free_bytes < self.disk_floor_bytes:
            return f"the disk has {self.disk_free_bytes} bytes left, fewer than {self.disk_floor_bytes}"
        return ""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where the facts come from. `version` and the others are handed in by whoever composes the process."""

    version: str
    data_dir: Path
    queue_limit_bytes: int
    disk_floor_bytes: int
    ingest: Callable[[], IngestStats]
    counts: Counts
    forward: Callable[[], ForwardStats] | None = None
    rollup_lag: Callable[[], int] | None = None
    sampled_out: Callable[[], SampledOut] = SampledOut
    started_s: float = field(default_factory=time.monotonic)

    def facts(self, asks_store: bool = True) -> Facts:
        """What is true now. Who only wants to know whether the process is well does not ask the store: it may
        be the one that is not, and answer late or not at all."""
        disk = shutil.disk_usage(self.data_dir)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return Facts(
            version=self.version,
            decoder=decoder_name(),
            uptime_s=time.monotonic() - self.started_s,
            ingest=self.ingest(),
            queue_limit_bytes=self.queue_limit_bytes,
            requests=self.counts.requests(),
            taken_bytes=self.counts.bytes_taken(),
            taken_items=self.counts.items_taken(),
            rates=self.counts.rates(RATE_WINDOW_S),
            files=file_sizes(self.data_dir),
            disk_free_bytes=disk.free,
            disk_total_bytes=disk.total,
            disk_floor_bytes=self.disk_floor_bytes,
            rss_bytes=_rss_bytes(usage.ru_maxrss),
            cpu_s=usage.ru_utime + usage.ru_stime,
            forward=self.forward() if self.forward else None,
            rollup_lag=self._rollup_lag() if asks_store else None,
            sampled_out=self.sampled_out(),
        )

    def _rollup_lag(self) -> int | None:
        try:
            return self.rollup_lag() if self.rollup_lag else 0
        except RetryLater:
            return None


def file_sizes(folder: Path) -> dict[str, int]:
    """By name. Only the directory is read: opening a database's file would drop its lock."""
    sizes = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            sizes[entry.name] = _size(entry)
    return dict(sorted(sizes.items()))


def _size(entry: os.DirEntry[str]) -> int:
    try:
        if not entry.is_dir(follow_symlinks=False):
            return entry.stat(follow_symlinks=False).st_size
        with os.scandir(entry.path) as inner:
            return sum(_size(one) for one in inner)
    except FileNotFoundError:  # removed between listing and asking
        return 0


def _rss_bytes(highest_kib: int) -> int:
    """Resident now, where the kernel tells; else the highest so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return highest_kib * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
