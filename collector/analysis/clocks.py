"""Clocks that cannot both be right: a call that started before the one who called it.

Only that is proof. A call that ends after its caller is none: the caller may have timed out, or never waited.
Times stay as they were sent; what moves spans to where they "must" have been hides the fault it covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.analysis.tree import Children, children_of
from collector.model import Kind, Span

# Some SDKs read the clock to the millisecond: what is less may be that.
LEAST_NS = 1_000_000
# Who asks for messages may ask before there is one (semantic conventions, old name and new).
_OPERATIONS = ("messaging.operation.type", "messaging.operation")


@dataclass(frozen=True, slots=True)
class Skew:
    """`callee` stands before its `caller`: its clock is behind the caller's by `ns` at least."""

    caller: Span
    callee: Span

    @property
    def ns(self) -> int:
        return self.caller.start_ns - self.callee.start_ns


def skews(spans: Sequence[Span], children: Children | None = None) -> tuple[Skew, ...]:
    """The largest between each two processes, by their resources; largest first. `children` saves grouping
    them again."""
    children = children_of(spans) if children is None else children
    found: dict[tuple[int, int], Skew] = {}
    for caller in spans:
        for callee in children.get(caller.span_id, ()):
            if callee.start_ns >= caller.start_ns:
                break  # they stand by their start
            if skew := skew_of(caller, callee):
                _keep_larger(found, skew)
    return tuple(sorted(found.values(), key=lambda skew: (-skew.ns, skew.callee.span_id)))


def skew_of(caller: Span, callee: Span) -> Skew | None:
    """Of a span and one below it. None where their times can be true."""
    skew = Skew(caller, callee)
    return skew if skew.ns >= LEAST_NS and _is_called_by(callee, caller) else None


def _keep_larger(found: dict[tuple[int, int], Skew], skew: Skew) -> None:
    pair = skew.caller.resource_id, skew.callee.resource_id
    if pair not in found or skew.ns > found[pair].ns:
        found[pair] = skew


def _is_called_by(callee: Span, caller: Span) -> bool:
    """Across processes. Phases of a cold start may well precede the call, and are no calls."""
    crosses = caller.kind in (Kind.CLIENT, Kind.PRODUCER) or caller.resource_id != callee.resource_id
    asks = any(callee.attributes.get(key) == "receive" for key in _OPERATIONS)
    return callee.is_call and crosses and not asks
