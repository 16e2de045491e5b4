"""Cold starts as bars of phases on one scale: runtime init, function init, initializer, invocation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from collector.storage.base import ColdStart, Window, bucket_index
from dashboards.charts.timeseries import Line, TimeChart, bar_chart
from dashboards.i18n import N_, _

# (tracekit.phase, title) in the order they happen; colours are classes of app.css.
PHASES = (
    ("runtime_init", N_("Runtime init")),
    ("function_init", N_("Function init")),
    ("initializer", N_("Initializer")),
    ("invocation", N_("Invocation")),
)
TITLES = dict(PHASES)


@dataclass(frozen=True, slots=True)
class Segment:
    """A phase on the bar; `x` and `width` in percent of the longest row."""

    phase: str
    title: str
    duration_ns: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One cold start placed. `total_ns` runs from its first phase to the end of the call."""

    cold: ColdStart
    total_ns: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class PhaseChart:
    rows: tuple[PhaseRow, ...]
    medians: tuple[Segment, ...]  # end to end, on the scale of the rows
    median_total_ns: float


Piece = tuple[str, int, int]  # phase, start_ns, duration_ns


def phase_chart(colds: Sequence[ColdStart], shown: int) -> PhaseChart:
    """The first `shown` cold starts as rows, with medians over all of them."""
    placed = [(cold, _pieces(cold)) for cold in colds]
    totals = [_total(pieces) for _, pieces in placed]
    medians = _medians([pieces for _, pieces in placed])
    scale = max([*totals[:shown], sum(ns for _, ns in medians), 1])
    rows = (
        PhaseRow(cold, total, tuple(_segments(pieces, scale)))
        for (cold, pieces), total in zip(placed[:shown], totals, strict=False)
    )
    return PhaseChart(tuple(rows), tuple(_end_to_end(medians, scale)), median(totals) if totals else 0)


def _pieces(cold: ColdStart) -> list[Piece]:
    """The known phases and the call itself, in order of time. `cold_start` spans them all and is left out."""
    phases = [piece for piece in cold.phases if piece[0] in TITLES and piece[0] != "invocation"]
    call = ("invocation", cold.call_start_ns, cold.call_duration_ns)
    return sorted([*phases, call], key=lambda piece: piece[1])


def _total(pieces: Sequence[Piece]) -> int:
    return max(start + duration for _, start, duration in pieces) - pieces[0][1]


def _segments(pieces: Sequence[Piece], scale: float) -> list[Segment]:
    begin = pieces[0][1]
    return [
        Segment(phase, TITLES[phase], duration, _percent(start - begin, scale), _percent(duration, scale))
        for phase, start, duration in pieces
    ]


def _medians(starts: Sequence[Sequence[Piece]]) -> list[tuple[str, float]]:
    """Median of each phase over the cold starts that have it."""
    found = []
    for phase in TITLES:
        durations = [duration for pieces in starts for name, _, duration in pieces if name == phase]
        if durations:
            found.append((phase, float(median(durations))))
    return found


def _end_to_end(medians: Sequence[tuple[str, float]], scale: float) -> list[Segment]:
    segments, at = [], 0.0
    for phase, duration in medians:
        x, width = _percent(at, scale), _percent(duration, scale)
        segments.append(Segment(phase, TITLES[phase], duration, x, width))
        at += duration
    return segments


def _percent(part: float, scale: float) -> float:
    return round(100 * part / scale, 3)


def phases_over_time(colds: Sequence[ColdStart], window: Window, buckets: int) -> TimeChart:
    """The mean of each phase in every part of the window, stacked: how long starts were then."""
    parts: dict[int, list[list[Piece]]] = {}
    for cold in colds:
        parts.setdefault(bucket_index(window, buckets, cold.call_start_ns), []).append(_pieces(cold))
    lines = [
        Line(_(title), f"p-{phase}", tuple(_mean(parts.get(part, []), phase) for part in range(buckets)))
        for phase, title in PHASES
    ]
    chart = bar_chart(_("Phases over time, mean"), window, lines, "duration")
    return replace(chart, legend=tuple((line.css, line.name, "") for line in lines if any(line.values)))


def _mean(starts: Sequence[Sequence[Piece]], phase: str) -> float | None:
    """Over all starts, those without the phase too: so that the stack is as high as they were long."""
    if not starts:
        return None
    return sum(ns for pieces in starts for name, _, ns in pieces if name == phase) / len(starts)
