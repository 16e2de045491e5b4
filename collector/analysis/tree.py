"""Spans as a tree: who is whose child, in the order a waterfall reads, and how long each worked itself.

Input may be anything senders produce: parents that never arrived, spans that are their own parent,
cycles, children that start before their parent. Every span appears exactly once in the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from collector.model import Span

Children = dict[str, list[Span]]


class Placed(NamedTuple):
    """A span at its place in the tree. (A tuple, because a trace may have 50,000.)

    `depth` counts from 0 at a root. `descendants` counts all spans below, which directly follow this one
    in reading order. `orphan` says that the span names a parent that is not there. `self_ns` is the part
    of the span's time that none of its children covers.
    """

    span: Span
    depth: int
    descendants: int
    orphan: bool
    self_ns: int


def place(spans: Sequence[Span], children: Children | None = None) -> tuple[Placed, ...]:
    """The spans in reading order: parents before children, siblings and roots by start, then by span id.
    `children` saves grouping them again."""
    children = children_of(spans) if children is None else children
    order = _reading_order(sorted(spans, key=_by_start), children)
    depths = [depth for _, depth in order]
    known = {span.span_id for span in spans}
    return tuple(
        map(
            Placed,
            [span for span, _ in order],
            depths,
            _count_descendants(depths),
            [
                bool(span.parent_span_id) and (depth == 0 or span.parent_span_id not in known)
                for span, depth in order
            ],
            [_self_time(span, children.get(span.span_id)) for span, _ in order],
        )
    )


def root_of(spans: Sequence[Span]) -> Span | None:
    """The span a trace is named after, by the rule of `TraceSummary`: the earliest call without a parent in
    the store, else the earliest span without one, else (a cycle) the earliest call, else the earliest span.
    Ties: smallest span id. None for no spans."""
    known = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_span_id not in known]
    return min(roots or spans, key=lambda span: (not span.is_call, *_by_start(span)), default=None)


def children_of(spans: Sequence[Span]) -> Children:
    """Children by their parent's span id, siblings by start. Spans that are their own parent are left out."""
    children: Children = {}
    for span in sorted(spans, key=_by_start):
        if span.parent_span_id and span.parent_span_id != span.span_id:
            children.setdefault(span.parent_span_id, []).append(span)
    return children


def self_time(span: Span, children: Sequence[Span]) -> int:
    """Nanoseconds of `span` that no child covers. Children (sorted by start) count only inside the span."""
    covered, reached, last = 0, span.start_ns, span.end_ns
    for child in children:
        start = child.start_ns
        end = start + child.duration_ns
        if start < reached:
            start = reached
        if end > last:
            end = last
        if end > start:
            covered += end - start
            reached = end
    return span.duration_ns - covered


def _self_time(span: Span, children: Sequence[Span] | None) -> int:
    return self_time(span, children) if children else span.duration_ns


def _by_start(span: Span) -> tuple[int, str]:
    return span.start_ns, span.span_id


def _reading_order(ordered: Sequence[Span], children: Children) -> list[tuple[Span, int]]:
    """Spans with their depths: from those without a parent here, then from one of each cycle left over."""
    known = {span.span_id for span in ordered}
    seen: set[str] = set()
    roots = [s for s in ordered if s.parent_span_id not in known or s.parent_span_id == s.span_id]
    order = list(_walk(children, roots, seen))
    if len(order) < len(ordered):
        for span in ordered:
            order += _walk(children, [span], seen)
    return order


def _walk(children: Children, roots: Sequence[Span], seen: set[str]) -> Iterator[tuple[Span, int]]:
    """Depth first without recursion (traces get 20,000 deep); each span once, even in a cycle of parents."""
    stack = [(root, 0) for root in reversed(roots)]
    while stack:
        span, depth = stack.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        yield span, depth
        if below := children.get(span.span_id):
            stack.extend(zip(reversed(below), repeat(depth + 1)))


def _count_descendants(depths: Sequence[int]) -> list[int]:
    """How many entries after each are deeper, up to the next that is not."""
    counts = [0] * len(depths)
    open_at: list[int] = []
    for index, depth in enumerate(depths):
        while open_at and depths[open_at[-1]] >= depth:
            closed = open_at.pop()
            counts[closed] = index - closed - 1
        open_at.append(index)
    for closed in open_at:
        counts[closed] = len(depths) - closed - 1
    return counts
