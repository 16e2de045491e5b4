"""Spans that are still open: found, and sent as they are.

Spans cost nothing for this while they are made: open ones are found through the garbage collector, which
knows every object (10 ms for a heap of a million objects, 0.3 ms for a small one). A snapshot has the span's
ids, `tracekit.unfinished`, and the moment it was taken as its end.
"""

from __future__ import annotations

import time
from _thread import start_new_thread

from tracekit import pipeline
from tracekit.queue import QUEUE
from tracekit.span import Extra, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Iterable
    from typing import Any

    from tracekit.deadline import Watched

NEVER = float("inf")
# A snapshot of a span that goes on is sent again after this: the collector must hear that it still runs.
REFRESH_S = 15.0
# Looks for open spans may take this share of the time at most.
LOOKING_SHARE = 0.01
_PATIENCE_S = 5.0


def tell(due: list[Watched], lock: LockType) -> None:
    """Sends what is to be sent of calls that something is to be done for, and plans the next look at them."""
    now = time.monotonic()
    _catch_up()
    found = open_spans([watched.root for watched in due])
    urgent = False
    sent = 0
    for watched in due:
        sent += _tell(watched, found.get(watched.root, []), now, lock)
        urgent = urgent or watched.warn_at <= now
        _plan(watched, now)
    if sent:
        start_new_thread(deliver, (urgent,))


def _catch_up() -> None:
    # What the first call of a process put off is about the phases before it: they are told of, too.
    from tracekit.invocation import catch_up  # which has loaded this, but not where an import hangs

    catch_up()


def _plan(watched: Watched, now: float) -> None:
    # The scan grows with the heap, and holds up everybody: a larger heap is looked at less often.
    took = time.monotonic() - now
    if watched.warn_at <= now:
        watched.warn_at = NEVER
    if watched.look_at <= now:
        watched.look_at = now + max(watched.snapshot_after_s, took / LOOKING_SHARE)


def _tell(watched: Watched, spans: list[Span], now: float, lock: LockType) -> int:
    imminent = watched.warn_at <= now
    with lock:
        if watched.over:
            return 0
        if imminent:
            left = max(watched.deadline - now, 0.0)
            watched.root.add_event("tracekit.timeout_imminent", {"tracekit.remaining_ms": round(left * 1000)})
    moment = time.time_ns()
    count = 0
    for span in spans:
        lasts_s = (moment - span.start) / 1e9
        heard = now - watched.sent.get(span, -NEVER)
        if imminent or (lasts_s >= watched.snapshot_after_s and heard >= REFRESH_S):
            watched.sent[span] = now
            count += send(span, moment, imminent)
    return count


def leave_behind(roots: list[Span]) -> None:
    """Queues the open spans of these calls as they are: the process ends."""
    moment = time.time_ns()
    for spans in open_spans(roots).values():
        for span in spans:
            send(span, moment, False)


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
