"""The storage contract of what calls use: how long they took as a heatmap, memory, processor, what is billed.

Query objects go in, rows come out; see also base.py. What a call used is in attributes that senders set
(docs/sdk.md: `faas.mem_usage`, `tracekit.cpu.utilization`, `tracekit.concurrent_invocations`,
`tracekit.remaining_ms`, `tracekit.billed_duration_ms`; of the resource `faas.max_memory`). Only finite
numbers of zero or more count there; anything else is as if it were absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from collector.storage.base import Window

GIB = 2**30
# Error types of callers that were turned away; ignoring case.
REFUSALS = "throttl|too.?many.?requests|concurrency.?limit|resource.?exhausted"


# A sample is taken at so many moments, evenly spread.
SLICES = 24


def slices(window: Window, one_in: int) -> tuple[Window, ...]:
    """The stretches of a window that a sample is of: the first `one_in`th of each of SLICES equal parts."""
    if one_in <= 1:
        return (window,)
    part = (window.end_ns - window.start_ns) // SLICES
    starts = (window.start_ns + index * part for index in range(SLICES))
    return tuple(Window(start, start + max(part // one_in, 1)) for start in starts)


@dataclass(frozen=True, slots=True)
class HeatmapQuery:
    """Calls by when they started, in `buckets` equal parts of the window, and by how long they took.

    `bounds` are durations in ascending order: row i holds calls longer than bounds[i - 1] and no longer than
    bounds[i]; the last row, len(bounds), those longer than all of them.
    """

    window: Window
    bounds: tuple[int, ...]
    service: str = ""
    buckets: int = 60
    instance: str = ""  # only calls of this instance, trigger, span name
    trigger: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class HeatmapCell:
    """Cells without calls are left out. Ordered by (start_ns, row)."""

    start_ns: int
    row: int
    calls: int
    errors: int


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """What calls used, in `buckets` equal parts of the window, in all or by service, instance or span name.

    Of more calls than anyone waits for, a sample: only the calls of `slices`, so that every sum stands for
    `one_in` times as much. Slices of time and not single calls, because what lies between is not even read.
    """

    window: Window
    service: str = ""
    by: Literal["", "service", "instance", "operation", "trigger"] = ""
    buckets: int = 1
    instance: str = ""
    trigger: str = ""
    operation: str = ""
    one_in: int = 1
    limit: int = 1_000  # groups, those with most calls; ties by name


@dataclass(frozen=True, slots=True)
class Usage:
    """One part of one group. Parts without calls are left out. Ordered by (group, start_ns).

    None stands where no call told. `timeouts` are calls that were cut off by their platform's timeout, or
    ended when no time was left. `gb_seconds` is the sum over calls of billed time times configured memory in
    GiB, of calls whose resource told it; billed is what the call said, else its duration rounded up to a
    millisecond.
    """

    group: str
    start_ns: int
    calls: int
    busy_ns: int  # durations added up: divided by the length of the part, how many ran at once on average
    at_once: int | None  # the most that ran in one process
    memory_bytes: int | None  # the most that was used
    limit_bytes: int | None  # the largest that was configured
    cpu: float | None  # mean over calls; 1 is one core all the time
    timeouts: int
    gb_seconds: float


@dataclass(frozen=True, slots=True)
class MemoryQuery:
    """How the memory of each instance went over its calls, in order of start. `one_in` as in UsageQuery."""

    window: Window
    service: str = ""
    points: int = 16
    one_in: int = 1
    limit: int = 1_000  # instances, those with most calls; ties by service, then instance


@dataclass(frozen=True, slots=True)
class InstanceMemory:
    """One instance. Its calls that told their memory are cut into at most `points` runs of equal length;
    `points` holds for each (start of the last call, median of bytes). Ordered by (service, instance)."""

    service: str
    instance: str
    version: str  # the last by name, where it ran several
    calls: int
    limit_bytes: int | None
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class TagsQuery:
    """Texts that the resources of the calls of the window have under these keys."""

    window: Window
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    service: str
    key: str
    value: str


class UsageReader(Protocol):
    """Thread-safe, as the SpanReader it belongs to."""

    def heatmap(self, query: HeatmapQuery) -> tuple[HeatmapCell, ...]: ...

    def usage(self, query: UsageQuery) -> tuple[Usage, ...]: ...

    def memory(self, query: MemoryQuery) -> tuple[InstanceMemory, ...]: ...

    def tags(self, query: TagsQuery) -> tuple[Tag, ...]:
        """Each once, sorted."""
        ...

    def throttled(self, window: Window) -> tuple[tuple[str, int], ...]:
        """Functions and how often somebody who called them was refused: CLIENT spans to a function with
        HTTP status 429 or an error type that speaks of too many requests (REFUSALS). Sorted by name.
        """
        ...
