"""Where a slow call spent its time: the stacks that its profiler saw, put together as a tree.

`tracekit.profile` (docs/sdk.md) is folded text, a line a stack: what the thread did (`cpu` or `wait`), frames
from the handler inwards as file:function:line, and how often it was found so. Anybody may send it: lines that
are not of this form are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collector.model import Span

# What is read of one profile; the SDK sends 12 KiB at most.
MAX_TEXT, MAX_STACKS, MAX_DEPTH = 100_000, 2_000, 128
MS = 1_000_000
ATTRIBUTE = "tracekit.profile"

_STACK = re.compile(r"(cpu|wait);(\S+) (\d{1,9})")
_FRAME = re.compile(r"(?P<file>.*?):(?P<function>[^:]*):(?P<line>\d{1,9})")


class Frame(NamedTuple):
    """A place in the code, as its sender named it."""

    file: str
    function: str
    line: int


class Placed(NamedTuple):
    """A frame below the frames that called it. `start` counts the looks that stand left of it; of its own
    `looks`, `cpu` found it computing."""

    frame: Frame
    depth: int
    start: int
    looks: int
    cpu: int


class Line(NamedTuple):
    """How often a line was the innermost one, over all the ways that led to it."""

    frame: Frame
    looks: int
    cpu: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one call. It was looked at `samples` times during the last `observed_ns` of its
    `actual_ns`; `seen` of the looks are in `frames`, the others did not fit where it was sent.

    `cpu` of the looks seen found it computing, the others waiting. `frames` stand in reading order, callers
    before what they called, the commonest first; `lines` by looks, most first."""

    span: Span
    actual_ns: int
    observed_ns: int
    samples: int
    seen: int
    cpu: int
    frames: tuple[Placed, ...]
    lines: tuple[Line, ...]

    def time_ns(self, looks: int) -> int:
        """What so many looks stand for: equal parts of the time observed."""
        return self.observed_ns * looks // self.samples


def profile_of(span: Span) -> Profile | None:
    """The profile a span carries; None without one that can be read."""
    stacks = list(_stacks(span.attributes.get(ATTRIBUTE)))
    seen = sum(looks for _, _, looks in stacks)
    if not seen:
        return None
    root = _Node()
    lines: dict[Frame, list[int]] = {}
    for computing, frames, looks in stacks:
        _add(root, frames, looks, looks * computing)
        line = lines.setdefault(frames[-1], [0, 0])
        line[0] += looks
        line[1] += looks * computing
    told = _number(span.attributes.get("tracekit.profile.samples"))
    after_ns = min(_number(span.attributes.get("tracekit.profile.after_ms")) * MS, span.duration_ns)
    return Profile(
        span=span,
        actual_ns=span.duration_ns,
        observed_ns=span.duration_ns - int(after_ns),
        samples=max(seen, int(told)),
        seen=seen,
        cpu=root.cpu,
        frames=tuple(_walk(root)),
        lines=tuple(
            sorted((Line(f, *counts) for f, counts in lines.items()), key=lambda line: (-line.looks, line))
        ),
    )


@dataclass(slots=True)
class _Node:
    looks: int = 0
    cpu: int = 0
    below: dict[Frame, _Node] = field(default_factory=dict)


def _stacks(text: Any) -> Iterator[tuple[bool, list[Frame], int]]:
    """Whether it computed, the frames, and how often, of each line that can be read."""
    written = text[:MAX_TEXT].splitlines()[:MAX_STACKS] if isinstance(text, str) else []
    for found in filter(None, map(_STACK.fullmatch, written)):
        frames = [_FRAME.fullmatch(part) for part in found[2].split(";")[:MAX_DEPTH]]
        if all(frames) and int(found[3]):
            yield found[1] == "cpu", [_frame(frame) for frame in frames if frame], int(found[3])


def _frame(found: re.Match[str]) -> Frame:
    return Frame(found["file"], found["function"], int(found["line"]))


def _add(node: _Node, frames: list[Frame], looks: int, cpu: int) -> None:
    """Counts the looks at `node` and at each frame on the way in."""
    node.looks += looks
    node.cpu += cpu
    if frames:
        _add(node.below.setdefault(frames[0], _Node()), frames[1:], looks, cpu)


def _walk(node: _Node, depth: int = 0, start: int = 0) -> Iterator[Placed]:
    for frame, below in sorted(node.below.items(), key=lambda item: (-item[1].looks, item[0])):
        yield Placed(frame, depth, start, below.looks, below.cpu)
        yield from _walk(below, depth + 1, start)
        start += below.looks


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e12 else 0.0
