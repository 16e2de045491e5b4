"""Where the time of one trace went, by kind of work: counts, errors and self time of equal spans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from collector.analysis.critical_path import Section
from collector.analysis.tree import Placed
from collector.model import Kind, Span

GroupBy = Literal["functions", "operations", "calls", "statements"]


@dataclass(frozen=True, slots=True)
class Group:
    """Equal work. `name` is the span name, peer or statement; "" for functions. `system` is the database,
    broker or kind of peer, "" where it is none.

    Times are nanoseconds. `self_ns` is what no child span covers, so that over all functions or operations
    it adds up to the work of the trace; `total_ns` is the sum of whole spans, in which time nested in a
    group's own spans counts again. `critical_ns` is what lies on the critical path itself.
    `slowest` is the row of the longest span.
    """

    service: str
    name: str
    system: str
    count: int
    errors: int
    self_ns: int
    total_ns: int
    median_ns: float
    max_ns: int
    critical_ns: int
    slowest: int


def group(rows: Sequence[Placed], path: Iterable[Section], by: GroupBy) -> tuple[Group, ...]:
    """Groups by self time, most first, then by name. Spans that are no work of this kind are left out."""
    key_of = _KEYS[by]
    members: dict[tuple[str, str, str], list[int]] = {}
    for index, row in enumerate(rows):
        if key := key_of(row.span):
            members.setdefault(key, []).append(index)
    critical = _critical_by_span(path)
    groups = [_group(key, indices, rows, critical) for key, indices in members.items()]
    return tuple(sorted(groups, key=lambda g: (-g.self_ns, g.service, g.name, g.system)))


def _group(
    key: tuple[str, str, str], indices: list[int], rows: Sequence[Placed], critical: dict[str, int]
) -> Group:
    spans = [rows[i].span for i in indices]
    durations = [span.duration_ns for span in spans]
    return Group(
        *key,
        count=len(spans),
        errors=sum(span.failed for span in spans),
        self_ns=sum(rows[i].self_ns for i in indices),
        total_ns=sum(durations),
        median_ns=float(median(durations)),
        max_ns=max(durations),
        critical_ns=sum(critical.get(span.span_id, 0) for span in spans),
        slowest=max(indices, key=lambda i: (rows[i].span.duration_ns, -i)),
    )


def _critical_by_span(path: Iterable[Section]) -> dict[str, int]:
    found: dict[str, int] = {}
    for section in path:
        found[section.span_id] = found.get(section.span_id, 0) + section.end_ns - section.start_ns
    return found


_Key = tuple[str, str, str]


def _function(span: Span) -> _Key:
    return span.service, "", ""


def _operation(span: Span) -> _Key:
    return span.service, span.name, ""


def _call(span: Span) -> _Key | None:
    if span.kind not in (Kind.CLIENT, Kind.PRODUCER):
        return None
    return span.service, span.peer or span.name, span.db_system or span.messaging_system or span.peer_kind


def _statement(span: Span) -> _Key | None:
    return (span.service, span.db_statement, span.db_system) if span.db_statement else None


_KEYS: dict[GroupBy, Callable[[Span], _Key | None]] = {
    "functions": _function,
    "operations": _operation,
    "calls": _call,
    "statements": _statement,
}
