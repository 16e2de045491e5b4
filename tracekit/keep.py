"""Tail-like rules: calls worth keeping are known at their end, so every call is recorded until then.

TRACEKIT_KEEP=errors,cold,slow:500ms. A call that matches is sent whatever the sampler said at its start and
stands for itself alone, since all its like are kept; any other is sent if the sampler said so. Spans wait
here, in bounded memory, until their local root has ended.
"""

from __future__ import annotations

from tracekit.guard import say
from tracekit.span import ERROR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.sampling import Sampling
    from tracekit.span import Span

HELD_SPANS = 8192
_UNITS_NS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


class Rules:
    """Which calls are kept for what they turned out to be."""

    __slots__ = ("_tests",)

    def __init__(self, tests: Mapping[str, Callable[[Span], bool]]) -> None:
        self._tests = dict(tests)

    @classmethod
    def parse(cls, text: str) -> Rules | None:
        """Rules from TRACEKIT_KEEP; None if it holds none. What is not understood is said and left out."""
        tests: dict[str, Callable[[Span], bool]] = {}
        for item in text.split(","):
            name, _, argument = item.strip().partition(":")
            if name in ("errors", "cold") and not argument:
                tests[name] = _failed if name == "errors" else _cold
            elif name == "slow" and (limit := duration_ns(argument)):
                tests[name] = _slower_than(limit)
            elif item.strip():
                say(f"TRACEKIT_KEEP: {item.strip()!r} is none of errors, cold, slow:500ms; ignoring it")
        return cls(tests) if tests else None

    def reason(self, root: Span) -> str:
        """The first rule that the ended root matches; empty if there is none."""
        return next((name for name, matches in self._tests.items() if matches(root)), "")


class Sieve:
    """Holds back spans whose call is undecided. Used under the queue's lock."""

    def __init__(self) -> None:
        self._held: list[Span] = []

    def __len__(self) -> int:
        return len(self._held)

    def pass_on(self, spans: list[Span]) -> tuple[list[Span], int]:
        """The spans that may leave now, of these and of those held, and how many found no room."""
        leaving: list[Span] = []
        waiting: list[Span] = []
        for span in self._held + spans:
            kept = _verdict(span)
            if kept:
                leaving.append(span)
            elif kept is None:
                waiting.append(span)
        excess = len(waiting) - HELD_SPANS
        self._held = waiting[max(excess, 0) :]
        return leaving, max(excess, 0)

    def settle(self) -> None:
        """Nobody will end the calls that are open: chance has the last word."""
        for span in self._held:
            sampling = span.trace.sampling
            if sampling is not None and sampling.kept is None:
                sampling.settle("")

    def clear(self) -> None:
        """Forgets everything."""
        self._held.clear()


def _verdict(span: Span) -> bool | None:
    sampling: Sampling | None = span.trace.sampling
    if sampling is None:
        return True
    if sampling.kept is None and _is_last_word(span):
        sampling.settle("unfinished")
    if sampling.kept and sampling.reason:
        span.trace.state = sampling.certain(span.trace.state)
    return sampling.kept


def _is_last_word(span: Span) -> bool:
    # A record of a span that has not ended is sent because the process may be killed before it does.
    return bool(span.attributes) and span.attributes.get("tracekit.unfinished") is True  # type: ignore[union-attr]


def duration_ns(text: str) -> int:
    """`500ms`, `2s`, `250` (milliseconds) in nanoseconds; 0 if it is none of these."""
    digits = text.rstrip("msu")
    unit = _UNITS_NS.get(text[len(digits) :] or "ms", 0)
    try:
        return max(int(float(digits) * unit), 0)
    except (ValueError, OverflowError):
        return 0


def _failed(root: Span) -> bool:
    return root.rare is not None and root.rare.status == ERROR


def _cold(root: Span) -> bool:
    attributes: dict[str, Any] = root.attributes or {}
    return attributes.get("faas.coldstart") is True


def _slower_than(limit: int) -> Callable[[Span], bool]:
    return lambda root: root.end - root.start >= limit
