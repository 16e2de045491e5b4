"""The critical path of a trace: at each moment of the root, the one span that kept it from ending sooner.

The rule (shared/SEMANTICS.md, "Critical path", as Jaeger computes it): start at the end of a span, step
into the child that finished last, come back to the parent where that child started, and take the latest
child that had ended by then. Children count only inside their parent; what a PRODUCER hands to a CONSUMER
runs on its own and is left out. The sections add up to the root's duration exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.analysis.tree import Children, children_of, root_of
from collector.model import Kind, Span


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch [start_ns, end_ns) during which `span_id` itself was on the critical path."""

    span_id: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class _Clipped:
    """A span, cut to what lies inside its (cut) parent."""

    span: Span
    start_ns: int
    end_ns: int


@dataclass(slots=True)
class _Frame:
    """A span being walked backwards: `cursor` moves from its end to its start as children are taken."""

    span: Span
    start_ns: int
    cursor: int
    candidates: Iterator[_Clipped]  # children, latest end first


def critical_path(spans: Sequence[Span], children: Children | None = None) -> tuple[Section, ...]:
    """Sections by start, without gap or overlap from the root's start to its end; () for no spans.
    `children` saves grouping them again."""
    root = root_of(spans)
    if root is None:
        return ()
    children = children_of(spans) if children is None else children
    visited = {root.span_id}
    sections: list[Section] = []
    stack = [_frame(_Clipped(root, root.start_ns, root.end_ns), children)]
    while stack:
        frame = stack[-1]
        taken = _latest_ended(frame, visited)
        worked_since = taken.end_ns if taken else frame.start_ns
        if worked_since < frame.cursor:
            sections.append(Section(frame.span.span_id, worked_since, frame.cursor))
        if taken is None:
            stack.pop()
            continue
        frame.cursor = taken.start_ns
        visited.add(taken.span.span_id)
        stack.append(_frame(taken, children))
    return tuple(reversed(sections))


def _frame(parent: _Clipped, children: Children) -> _Frame:
    clipped = (
        _Clipped(child, max(child.start_ns, parent.start_ns), min(child.end_ns, parent.end_ns))
        for child in children.get(parent.span.span_id, ())
        if not _is_handed_over(parent.span, child)
    )
    inside = [child for child in clipped if child.start_ns < child.end_ns]
    # Of children that end together the one that started first explains most; ids make the rest certain.
    inside.sort(key=lambda child: (-child.end_ns, child.start_ns, child.span.span_id))
    return _Frame(parent.span, parent.start_ns, parent.end_ns, iter(inside))


def _latest_ended(frame: _Frame, visited: set[str]) -> _Clipped | None:
    """The next child, latest end first, that had ended when the cursor is reached."""
    for child in frame.candidates:
        if child.end_ns <= frame.cursor and child.span.span_id not in visited:
            return child
    return None


def _is_handed_over(parent: Span, child: Span) -> bool:
    return parent.kind is Kind.PRODUCER and child.kind is Kind.CONSUMER
