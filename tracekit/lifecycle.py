"""The phases of a process before its first call: runtime start, loading of the function, initializer; and
what happens to it between two calls.

Spans (decision 0002): `ColdStart` from the kernel's start time of the process to the end of its last phase,
with children RuntimeInitialization, FunctionInitialization and Initializer, in the trace of the first call.

Between calls: how long nothing ran, and how long the process's clocks stood still. A platform freezes an
instance that has nothing to do. A cgroup's freezer leaves the clocks running, so the time is part of the idle
time and nothing tells it apart. A suspended or restored virtual machine does not: its monotonic clock stands
still, and the wall clock is set right afterwards.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock

import tracekit
from tracekit import config
from tracekit.guard import report
from tracekit.importprofile import IMPORTS, read_proc
from tracekit.queue import QUEUE
from tracekit.watch import when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.importprofile import Imported
    from tracekit.span import Span, SpanContext, Trace

# A container may report another machine's clock: a start further back than this is not believed.
_LONGEST_START_NS = 3600 * 10**9
# Below this the wall clock was merely corrected.
FROZEN_NS = 100 * 10**6
_PRECREATED = ("provisioned-concurrency", "snap-start")


class Lifecycle:
    """What is known about this process so far. Times are Unix nanoseconds, 0 for not (yet) known."""

    def __init__(self) -> None:
        self.function_start = 0
        self.function_end = 0
        self._exact_end = False
        self.initializers: list[Span] = []
        self._runtime_imports: list[Imported] = []
        self._reported = False
        self._cold = [True]
        self._stop_watch: Callable[[], None] | None = None
        # ColdStart and FunctionInitialization as they were sent before their end, in a trace of their own.
        self._begun: list[Span] = []

    def function_loading(self) -> None:
        """A runtime of ours is about to import the function's module."""
        self.function_start = time.time_ns()
        self._runtime_imports = IMPORTS.take()
        _end_unwanted_profile()
        limit_ns = config.get().init_timeout_ms * 1_000_000
        if limit_ns:
            from tracekit import startup

            left_ns = process_start() + limit_ns - self.function_start
            self._stop_watch = startup.watched(left_ns / 1e9, self._unfinished)

    def function_loaded(self) -> None:
        """A runtime of ours has imported the function's module."""
        self.function_end = time.time_ns()
        self._exact_end = True
        if self._stop_watch is not None:
            self._stop_watch()

    def _unfinished(self) -> list[Span]:
        from tracekit import coldstart

        self._begun = coldstart.unfinished(process_start(), self.function_start)
        return self._begun

    def begun_trace(self) -> int:
        """The id of a trace that phases of this process have been sent in already; 0 if there is none."""
        spans = [*self._begun, *self.initializers]
        return next((span.trace.tid for span in spans if span.trace.identified), 0)

    def decorated(self, module: str) -> None:
        """A callable of `module` was decorated: the function is loaded when the module finishes importing,
        or about now if that cannot be watched."""
        if self._exact_end or not self._cold:
            return
        self.function_end = time.time_ns()
        _end_unwanted_profile()
        when_imported(module, self._module_finished)

    def _module_finished(self, name: str) -> None:
        if self._cold and not self._exact_end:
            self.function_end = time.time_ns()

    def first_call(self) -> bool:
        """True exactly once a process (list.pop is atomic)."""
        try:
            first = self._cold.pop()
            IMPORTS.stop()
            return first
        except IndexError:
            return False

    def initialized(self, span: Span) -> None:
        """Keeps an initializer's span until the first call gives it a trace; later ones have their own."""
        if self._reported:
            QUEUE.add(span)
        else:
            self.initializers.append(span)

    def unsampled(self) -> None:
        """The first call is not sampled. Initializers were recorded before that was known, and spans below
        them may have left: they stay a trace of their own rather than an orphaned half of one."""
        if not self._reported:
            self._reported = True
            IMPORTS.take()
            for span in self.initializers:
                QUEUE.add(span)

    def report(self, trace: Trace, parent: Span | SpanContext | None, env: Mapping[str, str]) -> None:
        """Queues the spans of the phases, once a process."""
        if self._reported:
            return
        self._reported = True
        try:
            from tracekit import coldstart  # when the caller has its answer, where that can be

            begin = process_start()
            loading = max(self.function_start or tracekit.IMPORTED_AT, begin)
            loaded = max(self.function_end or loading, loading)
            imports = (self._runtime_imports, IMPORTS.take())
            phases = coldstart.phases(
                parent, trace, (begin, loading, loaded), imports, initialization_type(env)
            )
            for span in coldstart.complete(phases, self.initializers, self._begun):
                QUEUE.add(span)
        except Exception as error:
            report(error, "cold start")


class Pauses:
    """Calls that come and go; `begins` and `ended` once for each."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._running = 0
        self._idle_since: tuple[int, int] | None = None
        self._flush_ns = 0

    def begins(self) -> dict[str, Any]:
        """A call begins. Attributes that say what was before: none at the first call, or beside another."""
        now = _now()
        with self._lock:
            before, flush_ns = self._idle_since, self._flush_ns
            self._running += 1
            self._idle_since, self._flush_ns = None, 0
        found: dict[str, Any] = {}
        if flush_ns:
            found["tracekit.previous_flush_ms"] = flush_ns / 1e6
        if before is not None:
            idle, ran = max(now[0] - before[0], 0), now[1] - before[1]
            found["tracekit.idle_ms"] = idle / 1e6
            if idle - ran >= FROZEN_NS:
                found["tracekit.frozen_ms"] = (idle - ran) / 1e6
        return found

    def ended(self) -> None:
        """A call has ended. The process is idle if it was the only one."""
        with self._lock:
            self._running = max(self._running - 1, 0)
            if not self._running:
                self._idle_since = _now()

    def flushed(self, took_ns: int) -> None:
        """A delivery has held the process up for so long after a call."""
        with self._lock:
            self._flush_ns = took_ns
            if not self._running:
                self._idle_since = _now()


def _now() -> tuple[int, int]:
    """Nanoseconds of the wall clock and of the one that stands still with the machine."""
    return time.time_ns(), time.monotonic_ns()


def _end_unwanted_profile() -> None:
    # It began before anybody had read the configuration.
    if IMPORTS.running and not config.get().import_profile:
        IMPORTS.stop()
        IMPORTS.take()


def initialization_type(env: Mapping[str, str]) -> str:
    """How the platform made this process: `on-demand`, `provisioned-concurrency` or `snap-start`; "" where it
    does not say. Only on demand does a caller wait for it."""
    return env.get("AWS_LAMBDA_INITIALIZATION_TYPE", "")


def is_cold(first_call: bool, env: Mapping[str, str]) -> bool:
    """Whether the caller waited for this process to start. Pre-created instances are not cold."""
    return first_call and initialization_type(env) not in _PRECREATED


def process_start() -> int:
    """Unix nanoseconds at which the kernel started this process (10 ms resolution).

    Where the kernel does not tell, the moment tracekit was imported. A forked worker that serves the first
    call answers for its parent's start, because that is when the instance began to start.
    """
    global _process_start
    if not _process_start:
        _process_start = _read_process_start()
    return _process_start


def _read_process_start() -> int:
    try:
        fields = read_proc("/proc/self/stat").rpartition(b")")[2].split()
        # proc(5): field 22 is the start in clock ticks since boot; the two before the name are cut off.
        since_boot = int(fields[19]) * 10**9 // os.sysconf("SC_CLK_TCK")
        started = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + since_boot
    except (OSError, ValueError, IndexError, AttributeError):
        return tracekit.IMPORTED_AT
    if tracekit.IMPORTED_AT - _LONGEST_START_NS < started < tracekit.IMPORTED_AT:
        return started
    return tracekit.IMPORTED_AT


_process_start = 0
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=process_start)
LIFECYCLE = Lifecycle()
PAUSES = Pauses()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PAUSES.__init__)  # type: ignore[misc]
IMPORTS.start()


def module_of(function: object) -> str:
    """The name of the module that is being run, for `Lifecycle.decorated`."""
    name = getattr(function, "__module__", None)
    return name if isinstance(name, str) and name in sys.modules else ""
