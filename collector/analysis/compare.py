"""Two traces of the same work laid over each other: what only one of them does, and what takes longer.

Spans are matched by their path, the (service, name) of every span from the root down. Equal siblings count
together, so that a loop of nine is compared with a loop of three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from collector.analysis.tree import Placed

# A difference in self time is worth a word from this share of the longer trace on, and of the longer of the
# two: below, two calls of the same code differ as much by chance.
NOTABLE_OF_TRACE = 0.01
NOTABLE_OF_PATH = 0.1

Change = Literal["added", "removed", "slower", "faster", "same"]


@dataclass(frozen=True, slots=True)
class Side:
    """Equal spans of one trace. Times in nanoseconds, of all of them together. `first` is the row of the
    first."""

    count: int
    errors: int
    self_ns: int
    total_ns: int
    first: int


@dataclass(frozen=True, slots=True)
class PathDiff:
    """One path. `parent` is the index of the path above in the result, -1 for a root. `here` is the trace
    in question and `there` the one it is compared with; None where it has no such path."""

    service: str
    name: str
    depth: int
    parent: int
    here: Side | None
    there: Side | None
    change: Change

    @property
    def self_delta_ns(self) -> int:
        """How much longer it worked itself here; negative: how much shorter."""
        return (self.here.self_ns if self.here else 0) - (self.there.self_ns if self.there else 0)


def compare(here: Sequence[Placed], there: Sequence[Placed]) -> tuple[PathDiff, ...]:
    """Every path of both, parents before children, siblings in the order of `there` and then of `here`.
    Self times of one side add up to the self time of all its spans."""
    top = _Node()
    _grow(top, there, "there")
    _grow(top, here, "here")
    least = NOTABLE_OF_TRACE * max(_length(here), _length(there))
    found: list[PathDiff] = []
    stack = [(node, 0, -1) for node in reversed(top.below.values())]
    while stack:
        node, depth, parent = stack.pop()
        stack += [(child, depth + 1, len(found)) for child in reversed(node.below.values())]
        mine, other = node.side("here"), node.side("there")
        change = _change(mine, other, least)
        found.append(PathDiff(node.service, node.name, depth, parent, mine, other, change))
    return tuple(found)


@dataclass(slots=True)
class _Node:
    """A path being filled: the rows of both sides, and the paths below by (service, name)."""

    service: str = ""
    name: str = ""
    below: dict[tuple[str, str], _Node] = field(default_factory=dict)
    rows: dict[str, list[tuple[int, Placed]]] = field(default_factory=dict)

    def side(self, which: str) -> Side | None:
        rows = self.rows.get(which)
        if not rows:
            return None
        return Side(
            count=len(rows),
            errors=sum(row.span.failed for _, row in rows),
            self_ns=sum(row.self_ns for _, row in rows),
            total_ns=sum(row.span.duration_ns for _, row in rows),
            first=rows[0][0],
        )


def _grow(top: _Node, rows: Sequence[Placed], which: str) -> None:
    """Puts each row at its path; the rows are in reading order, so the open branch is a stack."""
    branch = [top]
    for index, row in enumerate(rows):
        del branch[row.depth + 1 :]
        key = row.span.service, row.span.name
        node = branch[-1].below.setdefault(key, _Node(*key))
        node.rows.setdefault(which, []).append((index, row))
        branch.append(node)


def _length(rows: Sequence[Placed]) -> int:
    if not rows:
        return 0
    return max(row.span.end_ns for row in rows) - min(row.span.start_ns for row in rows)


def _change(here: Side | None, there: Side | None, least: float) -> Change:
    if there is None:
        return "added"
    if here is None:
        return "removed"
    delta = here.self_ns - there.self_ns
    if abs(delta) < max(least, NOTABLE_OF_PATH * max(here.self_ns, there.self_ns), 1):
        return "same"
    return "slower" if delta > 0 else "faster"
