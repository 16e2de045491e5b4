"""Spans that are still open: found, and sent as they are.

Spans cost nothing for this while they are made: open ones are found through the garbage collector, which
knows every object (10 ms for a heap of a million objects, 0.3 ms for a small one). A snapshot has the span's
ids, `tracekit.unfinished`, and the moment it was taken as its end.
"""

from __future__ import annotations

import time

from tracekit import pipeline
from tracekit.queue import QUEUE
from tracekit.span import Extra, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_PATIENCE_S = 5.0


def open_spans(roots: Iterable[Span]) -> dict[Span, list[Span]]:
    """The spans of each call that have not ended, outermost first."""
    found: dict[Span, list[Span]] = {root: [] for root in roots}
    if not found:
        return found
    import gc  # not worth its time before there is a slow call

    # Every object of a class refers to it, and the collector finds who refers to what, in C.
    for span in gc.get_referrers(Span):
        if type(span) is not Span or span.end:
            continue
        root = _outermost(span)
        if root in found:
            found[root].append(span)
    for spans in found.values():
        spans.sort(key=lambda span: (span.start, _depth(span)))
    return found


def _outermost(span: Span) -> Span:
    while isinstance(span.parent, Span):
        span = span.parent
    return span


def _depth(span: Span) -> int:
    depth = 0
    while isinstance(span.parent, Span):
        span = span.parent
        depth += 1
    return depth


def send(span: Span, moment: int, imminent: bool) -> int:
    """Queues a snapshot; 0 if the span has ended meanwhile."""
    taken = snapshot(span, moment, imminent)
    if span.end:
        return 0
    QUEUE.add(taken)
    return 1


def snapshot(span: Span, moment: int, imminent: bool) -> Span:
    """The span as it is, with its ids, ending now."""
    attributes: dict[str, Any] = {**(span.attributes or {}), "tracekit.unfinished": True}
    if imminent:
        attributes["tracekit.timeout_imminent"] = True
    taken = Span(span.name, span.kind, span.parent, span.trace, span.start, attributes)
    taken.sid = span.sid
    taken.end = max(moment, span.start)
    if span.rare is not None:
        for name in Extra.__slots__:
            value = getattr(span.rare, name)
            setattr(taken.extra, name, value[:] if isinstance(value, list) else value)
    return taken


def leave(spans: list[Span]) -> None:
    """Sends spans that are still open, as they are, because the platform is about to end the process."""
    moment = time.time_ns()
    # Their ids must stand now: the call that follows, if one does, joins this trace (lifecycle.begun_trace).
    if sum([send(span, moment, True) for span in spans if span.tid]):
        deliver(True)


def deliver(urgent: bool) -> None:
    """Flushes. `urgent`: whatever came of earlier tries."""
    # On a thread of its own: an endpoint that hangs must not keep the watcher from the next deadline.
    pipeline.get().flush(_PATIENCE_S, force=urgent)
