"""What calls used (collector/storage/usage.py), written the plain way for the reference engine."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean, median
from typing import Any, Protocol

from collector import jsonvalue
from collector.model import Kind, Span
from collector.storage.base import Window, bucket_index, bucket_start
from collector.storage.usage import (
    GIB,
    REFUSALS,
    HeatmapCell,
    HeatmapQuery,
    InstanceMemory,
    MemoryQuery,
    Tag,
    TagsQuery,
    Usage,
    UsageQuery,
    slices,
)

_REFUSED = re.compile(REFUSALS, re.IGNORECASE)


class OfCalls(Protocol):
    """A query about calls, of one service, instance, trigger or span name where they are given."""

    @property
    def window(self) -> Window: ...
    @property
    def service(self) -> str: ...
    @property
    def instance(self) -> str: ...
    @property
    def trigger(self) -> str: ...
    @property
    def operation(self) -> str: ...


def calls_of(spans: Iterable[Span], query: OfCalls) -> list[Span]:
    return [
        s
        for s in spans
        if s.is_call
        and query.service in ("", s.service)
        and query.instance in ("", s.instance)
        and query.trigger in ("", s.trigger)
        and query.operation in ("", s.name)
    ]


class MemoryUsage:
    """`spans` gives those that start in a window."""

    def __init__(self, spans: Callable[[Window], list[Span]]) -> None:
        self._spans = spans

    def heatmap(self, query: HeatmapQuery) -> tuple[HeatmapCell, ...]:
        return heatmap(calls_of(self._spans(query.window), query), query)

    def usage(self, query: UsageQuery) -> tuple[Usage, ...]:
        return usage(calls_of(self._spans(query.window), query), query)

    def memory(self, query: MemoryQuery) -> tuple[InstanceMemory, ...]:
        asked = UsageQuery(query.window, query.service)
        return memory(calls_of(self._spans(query.window), asked), query)

    def tags(self, query: TagsQuery) -> tuple[Tag, ...]:
        return tags(calls_of(self._spans(query.window), UsageQuery(query.window)), query)

    def throttled(self, window: Window) -> tuple[tuple[str, int], ...]:
        return throttled(self._spans(window))


def heatmap(calls: Iterable[Span], query: HeatmapQuery) -> tuple[HeatmapCell, ...]:
    cells: dict[tuple[int, int], list[Span]] = defaultdict(list)
    for span in calls:
        part = bucket_index(query.window, query.buckets, span.start_ns)
        cells[part, bisect_left(query.bounds, span.duration_ns)].append(span)
    return tuple(
        HeatmapCell(
            bucket_start(query.window, query.buckets, part), row, len(spans), sum(s.failed for s in spans)
        )
        for (part, row), spans in sorted(cells.items())
    )


def usage(calls: Iterable[Span], query: UsageQuery) -> tuple[Usage, ...]:
    attribute = {"operation": "name"}.get(query.by, query.by)
    groups: dict[str, dict[int, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for span in sampled(calls, query):
        group = str(getattr(span, attribute)) if attribute else ""
        groups[group][bucket_index(query.window, query.buckets, span.start_ns)].append(span)
    sizes = {group: sum(map(len, parts.values())) for group, parts in groups.items()}
    largest = sorted(groups, key=lambda group: (-sizes[group], group))[: query.limit]
    return tuple(
        _usage(group, bucket_start(query.window, query.buckets, part), spans)
        for group in sorted(largest)
        for part, spans in sorted(groups[group].items())
    )


def _usage(group: str, start_ns: int, spans: list[Span]) -> Usage:
    def told(key: str) -> list[float]:
        return [n for s in spans if (n := number(s.attributes, key)) is not None]

    limits = [n for s in spans if (n := number(s.resource, "faas.max_memory")) is not None]
    return Usage(
        group=group,
        start_ns=start_ns,
        calls=len(spans),
        busy_ns=sum(s.duration_ns for s in spans),
        at_once=_most(told("tracekit.concurrent_invocations")),
        memory_bytes=_most(told("faas.mem_usage")),
        limit_bytes=_most(limits),
        cpu=fmean(cpu) if (cpu := told("tracekit.cpu.utilization")) else None,
        timeouts=sum(map(_timed_out, spans)),
        gb_seconds=sum(map(_billed_bytes_ms, spans)) / 1000 / GIB,
    )


def _timed_out(span: Span) -> bool:
    remaining = jsonvalue.number(span.attributes.get("tracekit.remaining_ms"))
    cut_off = span.failed and span.error_type == "tracekit.unfinished"
    return (remaining is not None and remaining <= 0) or (
        cut_off and span.attributes.get("tracekit.timeout_imminent") is True
    )


def _billed_bytes_ms(span: Span) -> float:
    memory = number(span.resource, "faas.max_memory")
    if memory is None:
        return 0.0
    told = number(span.attributes, "tracekit.billed_duration_ms")
    return memory * (-(-span.duration_ns // 1_000_000) if told is None else told)


def memory(calls: Iterable[Span], query: MemoryQuery) -> tuple[InstanceMemory, ...]:
    told: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in sampled(calls, query):
        if span.instance and number(span.attributes, "faas.mem_usage") is not None:
            told[span.service, span.instance].append(span)
    largest = sorted(told, key=lambda key: (-len(told[key]), key))[: query.limit]
    return tuple(_instance(*key, told[key], query.points) for key in sorted(largest))


def _instance(service: str, instance: str, spans: list[Span], points: int) -> InstanceMemory:
    spans.sort(key=lambda s: (s.start_ns, s.trace_id, s.span_id))
    runs: dict[int, list[Span]] = defaultdict(list)
    for index, span in enumerate(spans):
        runs[index * min(points, len(spans)) // len(spans)].append(span)
    limits = [n for s in spans if (n := number(s.resource, "faas.max_memory")) is not None]
    return InstanceMemory(
        service,
        instance,
        max(s.version for s in spans),
        len(spans),
        _most(limits),
        tuple(
            (run[-1].start_ns, float(median(number(s.attributes, "faas.mem_usage") or 0.0 for s in run)))
            for _, run in sorted(runs.items())
        ),
    )


def tags(calls: Iterable[Span], query: TagsQuery) -> tuple[Tag, ...]:
    found = {
        (span.service, key, value)
        for span in calls
        for key in query.keys
        if isinstance(value := span.resource.get(key), str)
    }
    return tuple(Tag(*row) for row in sorted(found))


def throttled(spans: Iterable[Span]) -> tuple[tuple[str, int], ...]:
    refused = Counter(
        span.peer
        for span in spans
        if span.kind is Kind.CLIENT and span.peer_kind == "function" and span.peer and was_refused(span)
    )
    return tuple(sorted(refused.items()))


def was_refused(span: Span) -> bool:
    """Whether a call that this span made was turned away."""
    return span.http_status == 429 or bool(_REFUSED.search(span.error_type))


def sampled(calls: Iterable[Span], query: UsageQuery | MemoryQuery) -> list[Span]:
    parts = slices(query.window, query.one_in)
    return [span for span in calls if any(p.start_ns <= span.start_ns < p.end_ns for p in parts)]


def number(attributes: Mapping[str, Any], key: str) -> float | None:
    """A finite number of zero or more; None for anything else that a sender may have written."""
    value = jsonvalue.number(attributes.get(key))
    return value if value is not None and value >= 0 else None


def _most(values: list[float]) -> int | None:
    return int(max(values)) if values else None
