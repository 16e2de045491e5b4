"""Which traces are recorded: opentelemetry's standard samplers by their standard names, and `tracekit.rate`.

What is left out must not distort rates, so every decision says how many calls a recorded one stands for: a
threshold in tracestate (`ot=th:`, OpenTelemetry's "TraceState: Probability Sampling") where chance decided,
and the attribute `tracekit.adjusted_count` on the outermost span wherever that number is not 1. Rules that
look at a call's end (tracekit.keep) are loaded only if TRACEKIT_KEEP asks for them.
"""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from tracekit.config import DEFAULT_SAMPLER, SAMPLERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.config import Config
    from tracekit.keep import Rules
    from tracekit.span import Span, SpanContext, Trace

COUNT = "tracekit.adjusted_count"
_LOW_64, _ALL_56 = (1 << 64) - 1, 1 << 56
_MAX_STATE = 512


class Sampling:
    """How one local root came to be recorded; shared by its spans. Made only where that is not certain.

    `sampled` is what callees are told. `kept` is None while the end of the call has yet to tell.
    """

    __slots__ = ("attributes", "count", "kept", "rate", "reason", "rules", "sampled")

    def __init__(self, sampled: bool, count: float, rules: Rules | None = None) -> None:
        self.sampled = sampled
        self.count = count
        self.rules = rules
        self.kept: bool | None = None if rules else True
        self.reason = ""
        # What a sampler of somebody else's wants to be on the local root.
        self.attributes: Mapping[str, Any] | None = None
        # Whose bookkeeping waits for the decision: others stand for what is left out in the end.
        self.rate: Rate | None = None

    def ended(self, root: Span) -> None:
        """The local root has ended: decide if that is still open, and say what the call stands for."""
        rules = self.rules
        if rules is not None and self.kept is None:
            self.settle(rules.reason(root))
        if self.attributes:
            root.set_attributes(self.attributes)
        if self.reason:
            root.set_attribute("tracekit.kept", self.reason)
        if self.count != 1:
            root.set_attribute(COUNT, self.count)

    def certain(self, state: str) -> str:
        """The tracestate of a call kept for a reason: here, for tracekit.keep is loaded by this module."""
        return certain(state)

    def settle(self, reason: str) -> None:
        """Decides: kept for `reason`, as all its like are, or left to the sampler where there is none."""
        self.kept = bool(reason) or self.sampled
        self.reason = reason
        if reason:
            self.count = 1
        elif self.rate is not None and self.sampled:
            self.count = self.rate.stands_for()
        elif self.rate is not None:
            self.rate.skipped()


class Sampler:
    """Decides once for each local root. May be asked from any thread."""

    __slots__ = ("_bound", "_follow_parent", "_rate", "_state", "rules")

    def __init__(
        self,
        name: str = "parentbased_always_on",
        ratio: float = 1.0,
        rate: float = 0.0,
        rules: Rules | None = None,
    ) -> None:
        self._follow_parent = name.startswith("parentbased")
        name = name.removeprefix("parentbased_")
        share = {"always_on": 1.0, "always_off": 0.0}.get(name, ratio)
        # The low 64 bits decide, as in opentelemetry's TraceIdRatioBased, so that both agree on a trace.
        self._bound = round(share * (1 << 64))
        self._state = threshold(share) if 0 < share < 1 else ""
        self._rate = Rate(rate) if name == "tracekit.rate" else None
        self.rules = rules

    @classmethod
    def of(cls, config: Config) -> Sampler:
        """The sampler the configuration names; the default where it names one of somebody else's."""
        rules = None
        if config.keep:
            from tracekit.keep import Rules

            rules = Rules.parse(config.keep)
        name = config.sampler if config.sampler in SAMPLERS else DEFAULT_SAMPLER
        return cls(name, config.sampler_ratio, config.sampler_rate, rules)

    @property
    def never(self) -> bool:
        """Whether no new trace is ever recorded."""
        return self._bound == 0 and self._rate is None and self.rules is None

    def keep(self, trace: int, parent: SpanContext | None) -> bool:
        """Whether chance records spans below this root (without a rate limit)."""
        if parent is not None and self._follow_parent:
            return parent.sampled
        return trace & _LOW_64 < self._bound

    def admit(
        self,
        trace: Trace,
        parent: SpanContext | None,
        name: str = "",
        kind: int = 1,
        attributes: dict[str, Any] | None = None,
    ) -> bool:
        """Whether spans below this root are recorded, at least until its end. Completes `trace`. What the
        root will be is for samplers of others, which may ask (tracekit.otel_sampler)."""
        if parent is not None and not parent.remote:
            return parent.sampled  # a span of opentelemetry's API above: this process has decided already
        if parent is not None and self._follow_parent:
            found = self._of_parent(parent)
        elif self._rate is not None:
            found = self._limited(trace)
        else:
            found = self._by_chance(trace, parent)
        if found is None:
            return True
        trace.sampling = found
        return found.sampled or found.rules is not None

    def _of_parent(self, parent: SpanContext) -> Sampling | None:
        count = adjusted_count(parent.state)
        if parent.sampled and count == 1 and self.rules is None:
            return None
        return Sampling(parent.sampled, count, self.rules)

    def _by_chance(self, trace: Trace, parent: SpanContext | None) -> Sampling | None:
        sampled = trace.tid & _LOW_64 < self._bound
        if self._bound > _LOW_64 and self.rules is None:
            return None
        if parent is not None:
            # Its threshold says nothing of this span, and only the root of a trace may give its randomness.
            trace.state = without_ot(parent.state)
        elif self._state:
            trace.state = f"ot=th:{self._state};rv:{randomness(trace.tid)}"
        return Sampling(sampled, _LOW_64 / self._bound if self._bound else 1, self.rules)

    def _limited(self, trace: Trace) -> Sampling:
        rate = self._rate
        assert rate is not None
        trace.state = without_ot(trace.state)
        sampled = rate.allows()
        found = Sampling(sampled, 1, self.rules)
        found.rate = rate
        if self.rules is None:
            found.settle("")
        return found


class Rate:
    """So many traces a second, as a bucket of tokens (at most a second's worth, and at least one)."""

    __slots__ = ("_at", "_burst", "_left", "_lock", "_per_s", "_skipped")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._burst = max(per_s, 1.0) if per_s else 0.0
        self._left = self._burst
        self._at = monotonic()
        self._skipped = 0
        self._lock = allocate_lock()

    def allows(self) -> bool:
        """Takes a token if there is one."""
        with self._lock:
            now = monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def skipped(self) -> None:
        """A call was left out; the next one recorded stands for it too."""
        with self._lock:
            self._skipped += 1

    def stands_for(self) -> int:
        """How many calls one that is recorded now stands for: itself and those skipped before it."""
        with self._lock:
            count, self._skipped = 1 + self._skipped, 0
            return count


def threshold(share: float) -> str:
    """The rejection threshold of a probability, 0 < share < 1: up to 14 hexadecimal digits of 2^56."""
    rejected = min(_ALL_56 - round(share * _ALL_56), _ALL_56 - 1)
    return f"{rejected:014x}".rstrip("0") or "0"


def randomness(tid: int) -> str:
    """The trace's explicit randomness: the bits that decide, turned round. opentelemetry's TraceIdRatioBased
    samples low ids and the thresholds' convention samples high randomness; so both hold for one decision."""
    return f"{_ALL_56 - 1 - ((tid & _LOW_64) >> 8):014x}"


def adjusted_count(state: str) -> float:
    """How many spans one with this tracestate stands for; 1 where it does not say."""
    digits = _subkey(state, "th")
    if not digits or len(digits) > 14:
        return 1
    try:
        rejected = int(digits.ljust(14, "0"), 16)
    except ValueError:
        return 1
    return _ALL_56 / (_ALL_56 - rejected) if rejected >= 0 else 1


def certain(state: str) -> str:
    """The tracestate with a threshold that rejects nothing: for spans that are always recorded."""
    random = _subkey(state, "rv")
    mine = f"ot=th:0;rv:{random}" if random else "ot=th:0"
    rest = without_ot(state)
    return f"{mine},{rest}" if rest and len(mine) + len(rest) < _MAX_STATE else mine


def without_ot(state: str) -> str:
    """The tracestate without OpenTelemetry's own entry."""
    if "ot=" not in state:
        return state
    return ",".join([part for part in state.split(",") if not part.strip().startswith("ot=")])


def _subkey(state: str, key: str) -> str:
    for part in state.split(","):
        name, _, value = part.strip().partition("=")
        if name == "ot":
            for pair in value.split(";"):
                found, _, digits = pair.partition(":")
                if found == key:
                    return digits
    return ""
