"""What an alert rule is, and what it has become: plain data, no opinion on how it is stored or shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Signal = Literal["error_rate", "p95_ms", "cold_start_share"]
Op = Literal[">", ">=", "<", "<="]
State = Literal["pending", "firing", "resolved"]

OPS: tuple[Op, ...] = (">", ">=", "<", "<=")


@dataclass(frozen=True, slots=True)
class SignalInfo:
    """A quantity a rule can watch, per function, over the rule's window."""

    signal: Signal
    title: str
    unit: str  # "ratio" (0..1, shown as percent) or "ms"
    meaning: str


SIGNALS: tuple[SignalInfo, ...] = (
    SignalInfo("error_rate", "Error rate", "ratio", "failed calls / all calls"),
    SignalInfo("p95_ms", "p95 duration", "ms", "95th percentile of call duration, in milliseconds"),
    SignalInfo("cold_start_share", "Cold-start share", "ratio", "cold calls / calls that say either way"),
)


def signal_info(signal: Signal) -> SignalInfo:
    """What is known about a signal."""
    return next(info for info in SIGNALS if info.signal == signal)


@dataclass(frozen=True, slots=True)
class Rule:
    """When `signal` of `service` over the last `window_s` is `op` `threshold` for `for_s`: tell
    `webhook_url`.

    `service` "" watches every function, one alert each. Fewer than `min_calls` calls in the window is
    no data, never a breach. `for_s` and `keep_firing_for_s` follow Prometheus (SEMANTICS.md).
    """

    name: str
    signal: Signal
    threshold: float
    service: str = ""
    op: Op = ">"
    window_s: int = 300
    for_s: int = 60
    keep_firing_for_s: int = 0
    min_calls: int = 1
    webhook_url: str = ""
    enabled: bool = True
    id: int = 0  # 0 until stored
    created_ns: int = 0
    updated_ns: int = 0


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule on one function. Identity is (rule_id, service)."""

    rule_id: int
    rule_name: str
    service: str
    state: State
    value: float  # at the latest evaluation that had data
    threshold: float
    active_since_ns: int  # when it became pending
    fired_ns: int = 0  # 0 until firing
    keep_firing_since_ns: int = 0  # since when only `keep_firing_for_s` holds it; 0 while the condition holds
    resolved_ns: int = 0  # 0 until resolved
    evaluated_ns: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of an alert's history."""

    at_ns: int
    rule_id: int
    rule_name: str
    service: str
    state: Literal["pending", "firing", "resolved", "inactive"]
    value: float
    delivery: str = ""  # what became of the message: "" (none was due), "delivered", or why it was not (yet)
