"""The metrics of the FaaS conventions, one set of measurements a call (OTEL_METRICS_EXPORTER=otlp).

They count every call, also those whose spans are not sampled.
"""

from __future__ import annotations

from tracekit.deadline import NEVER, remaining_s
from tracekit.invocation import Observer
from tracekit.lifecycle import LIFECYCLE, process_start
from tracekit.metrics import metric
from tracekit.otlp_metrics import HISTOGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.config import Config
    from tracekit.invocation import Call

_USED = (("faas.cpu_usage", "s"), ("faas.mem_usage", "By"), ("faas.net_io", "By"))


def observe(call: Call, config: Config) -> CallMetrics:
    """Measures at the end; what the platform says about the deadline is true at the start only."""
    left = remaining_s(call.context)
    return CallMetrics(NEVER if left is None else call.start + left * 1e9)


class CallMetrics(Observer):
    """`faas.invocations` counts successful calls only: the error rate is errors / (invocations + errors)."""

    __slots__ = ("_deadline",)

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def after(self, call: Call) -> None:
        facts = {"faas.trigger": call.trigger}
        if call.failed:
            metric("faas.errors", unit="{error}", attributes=facts)
        else:
            metric("faas.invocations", unit="{invocation}", attributes=facts)
        took = (call.end - call.start) / 1e9
        metric("faas.invoke_duration", took, kind=HISTOGRAM, unit="s", attributes=facts)
        if call.end > self._deadline:
            metric("faas.timeouts", unit="{timeout}", attributes=facts)
        if call.cold:
            metric("faas.coldstarts", unit="{coldstart}", attributes=facts)
            _init_duration(facts)
        for name, unit in _USED:
            if name in call.used:
                metric(name, call.used[name], kind=HISTOGRAM, unit=unit, attributes=facts)


def _init_duration(facts: dict[str, str]) -> None:
    loaded = max([LIFECYCLE.function_end, *[span.end for span in LIFECYCLE.initializers]])
    if loaded > process_start():
        took = (loaded - process_start()) / 1e9
        metric("faas.init_duration", took, kind=HISTOGRAM, unit="s", attributes=facts)
