"""A trace as a waterfall: arithmetic from spans to the columns a browser draws. No HTML, no request.

The payload is one list a column, because 5,000 spans as objects weigh three times as much. Span ids stay
out of it; rows are named by their index in reading order (see `collector.analysis.tree.place`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.analysis.clocks import Skew, skews
from collector.analysis.critical_path import Section, critical_path
from collector.analysis.tree import Placed, children_of, place, root_of
from collector.model import Span, Status
from collector.storage.base import Backlink

# Up to this many spans times are sent to the nanosecond; above it to the microsecond, which a screen
# cannot show anyway and which compresses to half.
EXACT_SPANS = 1_000
# Ticks drawn on one bar. More are the same pixels; the detail pane lists them all.
EVENT_TICKS = 24


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace laid out. `start_ns` to `end_ns` spans the earliest start to the latest end of any span, so
    cold starts that precede their call are inside. `services` are by spans, most first, then by name.
    `backlinks` are spans of other traces that link into this one. `errors` counts spans that failed,
    `cold_starts` cold calls, as the Functions page does, and `orphans` spans whose parent is not stored.
    `skews` are processes whose clocks disagree."""

    trace_id: str
    root: Span
    rows: tuple[Placed, ...]
    start_ns: int
    end_ns: int
    services: tuple[tuple[str, int], ...]
    path: tuple[Section, ...]
    errors: int
    cold_starts: int
    orphans: int
    backlinks: tuple[Backlink, ...] = ()
    skews: tuple[Skew, ...] = ()

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns

    def index_of(self, span_id: str) -> int | None:
        return next((i for i, row in enumerate(self.rows) if row.span.span_id == span_id), None)


def lay_out(spans: Sequence[Span], backlinks: Sequence[Backlink] = ()) -> Waterfall:
    """The waterfall of one trace's spans, with the links into it. ValueError for no spans."""
    root = root_of(spans)
    if root is None:
        raise ValueError("a waterfall needs at least one span")
    services = Counter(span.service for span in spans)
    children = children_of(spans)
    rows = place(spans, children)
    return Waterfall(
        trace_id=root.trace_id,
        root=root,
        rows=rows,
        start_ns=min(span.start_ns for span in spans),
        end_ns=max(span.start_ns + span.duration_ns for span in spans),
        services=tuple(sorted(services.items(), key=lambda item: (-item[1], item[0]))),
        path=critical_path(spans, children),
        errors=sum(span.status is Status.ERROR for span in spans),
        cold_starts=sum(span.coldstart is True and span.is_call for span in spans),
        orphans=sum(row.orphan for row in rows),
        backlinks=tuple(backlinks),
        skews=skews(spans, children),
    )


def payload(waterfall: Waterfall, colours: Mapping[str, int]) -> dict[str, Any]:
    """What static/js/waterfall.js reads. `colours` maps services to palette slots, 0 for grey.

    Keys: `t0` epoch ns of the start as text; `unit` ns per time step; `total` steps; `names`, `services`,
    `colours` tables; per row `ds` start minus the row before's start, `du` duration, `d` depth, `n` name,
    `v` service, `k` kind; indices of rows that failed `e`, are cold `c`, are phases of a cold start `p`,
    are orphans `o`, are linked with another trace `l`; `ev` [row, step after its start...] for event ticks;
    `cp` [row, start, length...].
    """
    spans = [row.span for row in waterfall.rows]
    unit = 1 if len(spans) <= EXACT_SPANS else 1_000
    starts = [(span.start_ns - waterfall.start_ns) // unit for span in spans]
    names = _table(span.name for span in spans)
    services = {service: index for index, (service, _) in enumerate(waterfall.services)}
    return {
        "t0": str(waterfall.start_ns),
        "unit": unit,
        "total": -(-waterfall.duration_ns // unit),
        "names": list(names),
        "services": list(services),
        "colours": [colours.get(service, 0) for service in services],
        "ds": [start - before for start, before in zip(starts, [0, *starts])],
        "du": [span.duration_ns // unit for span in spans],
        "d": [row.depth for row in waterfall.rows],
        "n": [names[span.name] for span in spans],
        "v": [services[span.service] for span in spans],
        "k": [span.kind.value for span in spans],
        "e": [i for i, span in enumerate(spans) if span.status is Status.ERROR],
        "c": [i for i, span in enumerate(spans) if span.coldstart is True],
        "p": [i for i, span in enumerate(spans) if span.phase not in ("", "invocation")],
        "o": [i for i, row in enumerate(waterfall.rows) if row.orphan],
        "l": _linked(waterfall),
        "ev": [_ticks(i, span, unit) for i, span in enumerate(spans) if span.events],
        "cp": _path(waterfall, unit),
    }


def matching(waterfall: Waterfall, text: str) -> list[int]:
    """Rows in which every word of `text` occurs, ignoring case: in the name, service, peer, status message,
    or any attribute or event of the span or attribute of its resource."""
    words = text.casefold().split()
    if not words:
        return []
    resources: dict[int, str] = {}
    found = []
    for index, row in enumerate(waterfall.rows):
        span = row.span
        about = resources.setdefault(span.resource_id, "\n".join(_texts(span.resource)).casefold())
        own = "\n".join(_searched(span)).casefold()
        if all(word in own or word in about for word in words):
            found.append(index)
    return found


def _searched(span: Span) -> list[str]:
    texts = [span.name, span.service, span.peer, span.status_message, span.span_id, *_texts(span.attributes)]
    for event in span.events:
        texts += [event.name, *_texts(event.attributes)]
    return texts


def _texts(attributes: Mapping[str, Any]) -> list[str]:
    return [f"{key} {value}" for key, value in attributes.items()]


def _table(values: Any) -> dict[str, int]:
    """Distinct values in order of appearance, to their index."""
    table: dict[str, int] = {}
    for value in values:
        table.setdefault(value, len(table))
    return table


def _ticks(index: int, span: Span, unit: int) -> list[int]:
    inside = sorted(
        {min(max(event.time_ns - span.start_ns, 0), span.duration_ns) // unit for event in span.events}
    )
    return [index, *inside[:EVENT_TICKS]]


def _linked(waterfall: Waterfall) -> list[int]:
    """Rows that link to another trace, or that another trace links to."""
    targets = {link.target_span_id for link in waterfall.backlinks}
    return [
        index
        for index, row in enumerate(waterfall.rows)
        if row.span.span_id in targets
        or (row.span.links and any(link.trace_id != waterfall.trace_id for link in row.span.links))
    ]


def _path(waterfall: Waterfall, unit: int) -> list[int]:
    index = {row.span.span_id: i for i, row in enumerate(waterfall.rows)}
    flat: list[int] = []
    for section in waterfall.path:
        start = (section.start_ns - waterfall.start_ns) // unit
        flat += [index[section.span_id], start, (section.end_ns - waterfall.start_ns) // unit - start]
    return flat
