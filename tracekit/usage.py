"""What one call used: processor time, memory, network, and its place among the calls of its instance.

Measured, 2 cores: 9 µs a call, and 12 more for a look at the peak of memory, which is one read of /proc:
short calls do without it while the last look is recent. The reset of that peak and the counters of interfaces
make it 75 µs, so TRACEKIT_USAGE=full has to ask for them. Several calls at once share a process:
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
    from collections.abc import Mapping
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
        full = level == "full"
        self._peak_is_ours = full and not self._others and _reset_peak()
        self._network = _network() if full else None
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
        used = call.used
        peak = used["faas.mem_usage"] = used["faas.mem_usage"] or self._peak(call)
        if not peak:
            del used["tracekit.memory.scope"]
        took = max(call.end - call.start, 1)
        used["tracekit.billed_duration_ms"] = billed_ms(took, self._init_ns(), os.environ)
        call.used = {key: value for key, value in used.items() if value is not None}
        call.span.set_attributes(call.used)

    def _peak(self, call: Call) -> int | None:
        short = call.end - call.start < SHORT_NS and not self._peak_is_ours
        if not short or not 0 <= call.end - _instance.looked_at < RECENT_NS:
            _instance.peak, _instance.looked_at = peak_memory(), call.end
        return _instance.peak

    def _init_ns(self) -> int:
        return max(LIFECYCLE.function_end - process_start(), 0) if self._cold else 0

    def _thread_time(self) -> float | None:
        if thread_time_ns is None or get_ident() != self._thread:
            return None  # a generator may end on another thread than it began on
        return (thread_time_ns() - self._thread_cpu) / 1e9

    def _network_used(self) -> dict[str, int]:
        now = _network() if self._network else None
        if now is None or self._network is None:
            return {}
        received, sent = now[0] - self._network[0], now[1] - self._network[1]
        if received < 0 or sent < 0:  # an interface went away meanwhile
            return {}
        return {
            "faas.net_io": received + sent,
            "tracekit.network.received": received,
            "tracekit.network.sent": sent,
        }


def peak_memory() -> int | None:
    """The largest resident size of this process in bytes since it started, or since the last reset.

    VmHWM and not getrusage's ru_maxrss: the latter is inherited from whoever forked us, cannot be reset, and
    its module costs 0.5 ms to load.
    """
    text = _read("/proc/self/status")
    begin = text.find(b"VmHWM:")
    digits = text[begin + 6 : text.find(b"kB", begin)].strip() if begin >= 0 else b""
    return int(digits) * 1024 if digits.isdigit() else _max_rss()


def _max_rss() -> int | None:
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return None
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def _reset_peak() -> bool:
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)
    except OSError:
        return False
    try:
        return os.write(file, b"5") == 1  # proc(5): 5 resets the peak resident size
    except OSError:
        return False
    finally:
        os.close(file)


def _network() -> tuple[int, int] | None:
    """Bytes (received, sent) of all interfaces but loopback in the network namespace of this process."""
    received = sent = 0
    for line in _read("/proc/self/net/dev").split(b"\n")[2:]:
        name, colon, numbers = line.partition(b":")
        fields = numbers.split()
        if colon and name.strip() != b"lo" and len(fields) > 8:
            received += int(fields[0])
            sent += int(fields[8])
    return (received, sent) if received or sent else None


def _read(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 16384)
    except OSError:
        return b""
    finally:
        os.close(file)


def remaining_ms(context: Any, took: int) -> int | None:
    """Milliseconds left to a call that took `took` nanoseconds before its platform stops it; None: no limit.

    Lambda's context tells; Function Compute's has the timeout in seconds (a number or text).
    """
    ask = getattr(context, "get_remaining_time_in_millis", None)
    if callable(ask):
        return int(ask())
    timeout = str(getattr(getattr(context, "function", None), "timeout", ""))
    return int(timeout) * 1000 - took // MS if timeout.isdigit() and int(timeout) else None


def billed_ms(duration: int, init: int, env: Mapping[str, str]) -> int | None:
    """The milliseconds the platform will probably bill for a call of `duration` nanoseconds.

    Lambda: whole milliseconds of call and, on demand, of its initialization too (since 2025-08-01).
    Function Compute: whole milliseconds on demand (2025-12). Google: whole 100 ms. Others: None.
    """
    if env.get("AWS_LAMBDA_FUNCTION_NAME"):
        on_demand = env.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") == "on-demand"
        return _up(duration + (init if on_demand else 0), 1)
    if env.get("FC_FUNCTION_NAME") or env.get("FC_FUNC_CODE_PATH"):
        return _up(duration, 1)
    if env.get("K_REVISION"):
        return _up(duration, 100)
    return None


def _up(duration: int, step_ms: int) -> int:
    step = step_ms * MS
    return max(-(-duration // step), 1) * step_ms
