"""The critical path as one finds it with paper and pencil: backwards from the end, one tick at a time.

The reference for collector.analysis.critical_path, written apart from it: no sorting, no sections, only the
question who holds up the trace at each tick. Slow, so times must be small.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.analysis.tree import root_of
from collector.model import Kind, Span

Clip = tuple[int, int]


def holders(spans: Sequence[Span]) -> dict[int, str]:
    """For every tick of the root the span that was on the critical path from that tick to the next."""
    root = root_of(spans)
    assert root is not None
    found: dict[int, str] = {}
    inside = [(root, (root.start_ns, root.end_ns))]
    visited = {root.span_id}
    now = root.end_ns
    while inside:
        holder, (began, ends) = inside[-1]
        entered = _ends_now(spans, holder, (began, ends), now, visited)
        if entered:
            inside.append(entered)
            visited.add(entered[0].span_id)
        elif now == began:
            inside.pop()
        else:
            now -= 1
            found[now] = holder.span_id
    return found


def _ends_now(
    spans: Sequence[Span], parent: Span, within: Clip, now: int, visited: set[str]
) -> tuple[Span, Clip] | None:
    """The child that ends now, as far as it lies within its parent; of several the one that began first."""
    best: tuple[int, str, Span] | None = None
    for span in spans:
        if span.parent_span_id != parent.span_id or span.span_id in visited:
            continue
        if parent.kind is Kind.PRODUCER and span.kind is Kind.CONSUMER:
            continue
        start, end = max(span.start_ns, within[0]), min(span.end_ns, within[1])
        if start < end == now and (best is None or (start, span.span_id) < best[:2]):
            best = (start, span.span_id, span)
    return (best[2], (best[0], now)) if best else None
