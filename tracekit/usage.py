"""What one call used: processor time, memory, network, and its place among the calls of its instance.

Measured, 2 cores: 9 µs a call, and 12 more for a look at the peak of memory, which is one read of /proc:
short calls do without it while the last look is recent. The reset of that peak and the counters of interfaces
make it 75 µs, so TRACEKIT_USAGE=full has to ask for them. What is read when the call is over, and its caller
need not wait for, is tracekit.usagefacts. Several calls at once share a process:
`tracekit.concurrent_invocations` marks where they cannot be told apart.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, get_ident
from time import process_time_ns

from tracekit.invocation import Observer
from tracekit.lifecycle import LIFECYCLE, process_start

try:
    from time import thread_time_ns
except ImportError:  # not every platform has a clock for threads
    thread_time_ns = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.config import Config
    from tracekit.invocation import Call

MS = 10**6
# A look at the peak takes a thousandth of a call that lasted so long; what a shorter one adds is seen soon.
SHORT_NS, RECENT_NS = 10 * MS, 100 * MS


class _Instance:
    """The calls that run in this process now. Counted under a lock: threads come and go at once."""

    def __init__(self) -> None:
        self.running = 0
        # Counts entries, so that a call can tell at its end whether it was alone all the time.
        self.entered = 0
        self.peak: int | None = None
        self.looked_at = 0
        self.lock = allocate_lock()


_instance = _Instance()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_instance.__init__)  # type: ignore[misc]


def observe(call: Call, config: Config) -> Usage:
    """Begins to measure a call."""
    return Usage(config.usage, call.cold)


class Usage(Observer):
    """Takes the first readings when made."""

    __slots__ = (
        "_cold",
        "_cpu",
        "_entered",
        "_network",
        "_others",
        "_peak_is_ours",
        "_thread",
        "_thread_cpu",
    )

    def __init__(self, level: str, cold: bool = False) -> None:
        self._cold = cold
        with _instance.lock:
            _instance.running += 1
            _instance.entered += 1
            self._others = _instance.running - 1
            self._entered = _instance.entered
        self._peak_is_ours = False
        self._network: tuple[int, int] | None = None
        if level == "full":
            from tracekit import usagefacts

            self._peak_is_ours = not self._others and usagefacts.reset_peak()
            self._network = usagefacts.network()
        self._thread = get_ident()
        # The process's clock around the thread's, so that a thread never seems to use more than its process.
        self._cpu = process_time_ns()
        self._thread_cpu = thread_time_ns() if thread_time_ns is not None else 0

    def ended(self, call: Call) -> None:
        with _instance.lock:
            alone = _instance.entered == self._entered
            _instance.running = max(_instance.running - 1, 0)  # a child forked in a call began with none
        thread_s = self._thread_time()
        cpu_s = (process_time_ns() - self._cpu) / 1e9
        took = max(call.end - call.start, 1)
        call.used = {
            "faas.cpu_usage": cpu_s,
            "tracekit.cpu.thread_time": thread_s,
            "tracekit.cpu.utilization": cpu_s * 1e9 / took,
            "faas.mem_usage": self._peak(call) if self._peak_is_ours else None,
            "tracekit.memory.scope": "call" if self._peak_is_ours and alone else "process",
            "tracekit.concurrent_invocations": self._others + 1,
            "tracekit.remaining_ms": remaining_ms(call.context, took),
            **self._network_used(),
        }

    def after(self, call: Call) -> None:
        """The rest of what the call used, as attributes (docs/sdk.md)."""
        from tracekit import usagefacts  # when the caller has its answer, where that can be

        used = call.used
        peak = used["faas.mem_usage"] = used["faas.mem_usage"] or self._peak(call)
        if not peak:
            del used["tracekit.memory.scope"]
        took = max(call.end - call.start, 1)
        init = max(LIFECYCLE.function_end - process_start(), 0) if self._cold else 0
        used["tracekit.billed_duration_ms"] = usagefacts.billed_ms(took, init, os.environ)
        call.used = {key: value for key, value in used.items() if value is not None}
        call.span.set_attributes(call.used)

    def _peak(self, call: Call) -> int | None:
        short = call.end - call.start < SHORT_NS and not self._peak_is_ours
        if not short or not 0 <= call.end - _instance.looked_at < RECENT_NS:
            from tracekit import usagefacts

            _instance.peak, _instance.looked_at = usagefacts.peak_memory(), call.end
        return _instance.peak

    def _thread_time(self) -> float | None:
        if thread_time_ns is None or get_ident() != self._thread:
            return None  # a generator may end on another thread than it began on
        return (thread_time_ns() - self._thread_cpu) / 1e9

    def _network_used(self) -> dict[str, int]:
        if not self._network:
            return {}
        from tracekit import usagefacts

        return usagefacts.network_used(self._network)


def remaining_ms(context: Any, took: int) -> int | None:
    """Milliseconds left to a call that took `took` nanoseconds before its platform stops it; None: no limit.

    Lambda's context tells; Function Compute's has the timeout in seconds (a number or text).
    """
    ask = getattr(context, "get_remaining_time_in_millis", None)
    if callable(ask):
        return int(ask())
    timeout = str(getattr(getattr(context, "function", None), "timeout", ""))
    return int(timeout) * 1000 - took // MS if timeout.isdigit() and int(timeout) else None
