"""Instances whose memory grows with every call: when they would reach their limit.

What a call tells is mostly the peak of its process, which never falls: every process grows at first. A
leak goes on growing, so the slope is Theil and Sen's (the median of the slopes of all pairs of points, which
a step up or an outlier does not move), and it must hold for the later half by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf
from statistics import median

from collector.storage.usage import InstanceMemory

MIB = 2**20
# The fewest points of one instance, and calls behind them, that have a slope worth the name.
POINTS = 8
CALLS = 20
# What it must have grown by: below, allocators do as much by themselves.
GROWTH_BYTES = 16 * MIB
GROWTH_SHARE = 0.1
# The later half must go on at this part of the slope at least.
STEADY = 0.4
# Of the instances of a function that can be judged: one in a crowd may have its own reasons.
INSTANCES_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Leak:
    """One function. `instance` is the one nearest to its limit (without limits, that which grows fastest),
    and the figures are its own but for `calls`, which are of all that grow, `instances` and `judged`.
    `calls_left` until the limit; None without one."""

    service: str
    instance: str
    version: str
    bytes_per_call: float
    first_bytes: float
    last_bytes: float
    limit_bytes: int | None
    calls_left: float | None
    calls: int
    instances: int
    judged: int


def leaks(memories: Iterable[InstanceMemory], one_in: int = 1) -> list[Leak]:
    """One a function at most, by name. `one_in` as the memories were sampled."""
    judged: dict[str, list[Leak | None]] = defaultdict(list)
    for memory in memories:
        if len(memory.points) >= POINTS and memory.calls * one_in >= CALLS:
            judged[memory.service].append(_leak(memory, one_in))
    return [worst for service in sorted(judged) if (worst := _worst(judged[service]))]


def _worst(judged: Sequence[Leak | None]) -> Leak | None:
    growing = [leak for leak in judged if leak]
    if not growing or len(growing) < INSTANCES_SHARE * len(judged):
        return None
    worst = min(growing, key=_urgency)
    return replace(
        worst, calls=sum(leak.calls for leak in growing), instances=len(growing), judged=len(judged)
    )


def _urgency(leak: Leak) -> tuple[float, float, str]:
    return inf if leak.calls_left is None else leak.calls_left, -leak.bytes_per_call, leak.instance


def _leak(memory: InstanceMemory, one_in: int) -> Leak | None:
    values = [value for _, value in memory.points]
    slope = theil_sen(values)
    growth = slope * (len(values) - 1)
    if growth < max(GROWTH_BYTES, GROWTH_SHARE * values[0]):
        return None
    if theil_sen(values[len(values) // 2 :]) < STEADY * slope:
        return None
    calls = memory.calls * one_in
    per_call = slope * len(values) / calls
    limit = memory.limit_bytes
    left = max(limit - values[-1], 0.0) / per_call if limit else None
    return Leak(
        memory.service,
        memory.instance,
        memory.version,
        per_call,
        values[0],
        values[-1],
        limit,
        left,
        calls,
        1,
        1,
    )


def theil_sen(values: Sequence[float]) -> float:
    """The median slope of all pairs of equally spaced values, a step."""
    slopes = [(b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(values), 2)]
    return median(slopes)
