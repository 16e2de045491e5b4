"""The profile view of a trace: a watched call and its stacks as an icicle, red where it computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.analysis.profile import Frame, Line, Profile, profile_of
from collector.model import Span
from dashboards.params import text
from dashboards.waterfall import Waterfall

# Narrower blocks cannot be seen, in percent of the width; deeper ones would push the lines off the page.
NARROWEST, DEEPEST = 0.2, 40
# The lines where the call was found most often.
LINES = 20


@dataclass(frozen=True, slots=True)
class Block:
    """A frame, placed in percent of the width and in rows from the top; `cpu` percent of it computed."""

    frame: Frame
    x: float
    width: float
    row: int
    cpu: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class ProfileView:
    """The chosen call's profile; `others` are all profiled calls of the trace, the slowest first."""

    profile: Profile
    blocks: tuple[Block, ...]
    rows: int
    lines: tuple[Line, ...]
    others: tuple[Span, ...]


def profile_view(waterfall: Waterfall, params: Mapping[str, str]) -> ProfileView | None:
    """Of the span that `profile` names, else of the slowest profiled one. None without any."""
    carriers = [row.span for row in waterfall.rows if "tracekit.profile" in row.span.attributes]
    profiles = {span.span_id: profile for span in carriers if (profile := profile_of(span))}
    if not profiles:
        return None
    others = sorted((p.span for p in profiles.values()), key=lambda s: (-s.duration_ns, s.span_id))
    profile = profiles.get(text(params, "profile")) or profiles[others[0].span_id]
    blocks = tuple(block for block in _blocks(profile) if block.width >= NARROWEST and block.row < DEEPEST)
    rows = 1 + max((block.row for block in blocks), default=0)
    return ProfileView(profile, blocks, rows, profile.lines[:LINES], tuple(others))


def _blocks(profile: Profile) -> list[Block]:
    per_look = 100 / profile.seen
    return [
        Block(
            placed.frame,
            x=round(placed.start * per_look, 3),
            width=round(placed.looks * per_look, 3),
            row=placed.depth,
            cpu=round(100 * placed.cpu / placed.looks, 1),
            time_ns=profile.time_ns(placed.looks),
        )
        for placed in profile.frames
    ]
