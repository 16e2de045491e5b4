"""How a trace hangs together with others by span links: what it goes on from, and what goes on from it."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.waterfall import Waterfall

# As many as one line of the header names; the pane of each span lists all of its own.
NAMED = 4


@dataclass(frozen=True, slots=True)
class LinkedTrace:
    """Another trace, with the span in it to open. `service` is "" where only the link is known."""

    trace_id: str
    span_id: str
    service: str = ""
    failed: bool = False


def continues_in(waterfall: Waterfall) -> tuple[LinkedTrace, ...]:
    """Traces with a span that links into this one, each once, by when that span started."""
    found: dict[str, LinkedTrace] = {}
    for link in waterfall.backlinks:
        found.setdefault(link.trace_id, LinkedTrace(link.trace_id, link.span_id, link.service, link.failed))
    return tuple(found.values())


def follows_from(waterfall: Waterfall) -> tuple[LinkedTrace, ...]:
    """Traces that spans of this one link to, each once, in reading order."""
    links = (link for row in waterfall.rows for link in row.span.links)
    others = (link for link in links if link.trace_id != waterfall.trace_id)
    found: dict[str, LinkedTrace] = {}
    for link in others:
        found.setdefault(link.trace_id, LinkedTrace(link.trace_id, link.span_id))
    return tuple(found.values())
