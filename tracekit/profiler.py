"""Where a slow call spends its time: its thread's stack, looked at again and again once it is overdue.

One thread for the process, started by the first call that asks for it. It sleeps until a call passes its
threshold; a call that ends before costs an entry in a table. Each look takes the stack with line numbers and
asks the thread's own clock whether it computed or waited since the look before. The time between looks grows
with what they cost (at most 1% of it) and with the length of the call, so memory stays bounded.

The result is text that flame graph tools read, a line a stack: `wait;app.py:handler:12;db.py:query:40 17`
is 17 looks that found line 40 of query, called from line 12 of handler, waiting; `cpu` is computing.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock, get_ident, start_new_thread

from tracekit import guard
from tracekit.invocation import Observer
from tracekit.span import Span
from tracekit.stack import is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

    from tracekit.config import Config
    from tracekit.invocation import Call

FIRST_INTERVAL_S, LONGEST_INTERVAL_S = 0.01, 1.0
LOOKS_BEFORE_SLOWING = 200  # after so many looks, and again after each as many, the interval doubles
COST_RATIO = 100  # a look may take 1/100 of the interval
MAX_STACKS, MAX_DEPTH, MAX_TEXT = 200, 64, 12_288
# "auto": the 95th percentile of the function's own latest calls, when there are enough of them.
LEARNED_CALLS, ENOUGH_CALLS, LEAST_LEARNED_MS = 128, 20, 50.0
_IDLE = -1.0

Stack = tuple[tuple["CodeType", int], ...]


def observe(call: Call, config: Config) -> Observer:
    """Watches a recorded call that may turn out slow."""
    after_s = threshold_s(config.profile_after, call)
    if not isinstance(call.span, Span):
        return Observer()
    return Watch(after_s, config.profile_after == "auto")


def threshold_s(setting: str, call: Call) -> float | None:
    """Seconds after which this call is profiled; None for not at all (nothing learned yet, or "off")."""
    if setting == "auto":
        return _learned.threshold_s(call.facts.function or "")
    try:
        milliseconds = float(setting)
    except ValueError:
        milliseconds = 0.0 if setting == "off" else -1.0
    if milliseconds > 0:
        return milliseconds / 1000
    if milliseconds < 0:
        guard.say(
            f"TRACEKIT_PROFILE_AFTER_MS={setting!r} is neither a number of milliseconds nor auto or off"
        )
    return None


class Learned:
    """How long the latest calls of each function took, in milliseconds."""

    def __init__(self) -> None:
        self._took: dict[str, list[float]] = {}
        self._p95: dict[str, float] = {}

    def add(self, function: str, took_ms: float) -> None:
        """A call has ended. The percentile is worked out at every 16th."""
        took = self._took.setdefault(function, [])
        took.append(took_ms)
        if len(took) >= ENOUGH_CALLS and len(took) % 16 == 0:
            del took[:-LEARNED_CALLS]
            self._p95[function] = sorted(took)[len(took) * 95 // 100]

    def threshold_s(self, function: str) -> float | None:
        """Seconds; None while too few calls were seen."""
        p95 = self._p95.get(function)
        return None if p95 is None else max(p95, LEAST_LEARNED_MS) / 1000


class Watch(Observer):
    """One call under watch. Made on the thread that runs it."""

    def __init__(self, after_s: float | None, learns: bool) -> None:
        self.thread = get_ident()
        self.clock = _thread_clock(self.thread)
        # What is below the handler (the runtime, and we) is the same in every look: not worth recording.
        self.depth = _depth(sys._getframe())
        self.stacks: dict[tuple[str, Stack], int] = {}
        self.looks = self.computing = self.lost = 0
        self.interval_s = FIRST_INTERVAL_S
        self.cpu_s, self.looked_at = _read(self.clock), time.monotonic()
        self._learns = learns
        self._after_s = after_s
        if after_s is not None:
            self.due = self.looked_at + after_s
            _sampler.add(self)

    def ended(self, call: Call) -> None:
        if self._learns:
            _learned.add(call.facts.function or "", (call.end - call.start) / 1e6)
        if self._after_s is None:
            return
        _sampler.remove(self)
        if self.looks and isinstance(call.span, Span):
            call.span.set_attribute("tracekit.profile", render(self.stacks))
            call.span.set_attribute("tracekit.profile.samples", self.looks)
            call.span.set_attribute("tracekit.profile.computing", round(self.computing / self.looks, 3))
            call.span.set_attribute("tracekit.profile.after_ms", round(self._after_s * 1000, 1))

    def look(self, frame: FrameType, now: float) -> None:
        """Takes the stack as it is now."""
        activity = self._activity(now)
        self.computing += activity == "cpu"
        key = (activity, _stack(frame, self.depth))
        if key in self.stacks or len(self.stacks) < MAX_STACKS:
            self.stacks[key] = self.stacks.get(key, 0) + 1
        else:
            self.lost += 1
        self.looks += 1
        if self.looks % LOOKS_BEFORE_SLOWING == 0:
            self.interval_s = min(self.interval_s * 2, LONGEST_INTERVAL_S)

    def _activity(self, now: float) -> str:
        cpu = _read(self.clock)
        since, used = now - self.looked_at, cpu - self.cpu_s
        self.looked_at, self.cpu_s = now, cpu
        return "wait" if used < since / 2 else "cpu"


class Sampler:
    """The thread that looks."""

    def __init__(self) -> None:
        self._watches: dict[int, Watch] = {}
        self._lock = allocate_lock()
        self._alarm = allocate_lock()
        self._alarm.acquire()
        self._wakes_at = _IDLE
        self._running = False

    def add(self, watch: Watch) -> None:
        """Looks at the call from its due time on."""
        with self._lock:
            self._watches[id(watch)] = watch
            start = not self._running
            self._running = True
            late = self._wakes_at != _IDLE and watch.due >= self._wakes_at
        if start:
            start_new_thread(self._run, ())
        elif not late and self._alarm.locked():
            self._ring()

    def remove(self, watch: Watch) -> None:
        """The call is over. The thread notices when it wakes: telling it would cost more."""
        with self._lock:
            self._watches.pop(id(watch), None)

    def _ring(self) -> None:
        try:
            self._alarm.release()
        except RuntimeError:  # somebody else was quicker
            return

    def _run(self) -> None:
        while True:
            try:
                self._sleep(self._round())
            except BaseException as error:  # ours alone: nothing may print through the host's excepthook
                guard.report(error, "profiler")
                time.sleep(LONGEST_INTERVAL_S)

    def _sleep(self, until: float) -> None:
        if until == _IDLE:
            self._alarm.acquire()
        else:
            self._alarm.acquire(timeout=max(until - time.monotonic(), 0.0))

    def _round(self) -> float:
        """Looks at the calls that are due; when to come back."""
        began = time.monotonic()
        with self._lock:
            watches = list(self._watches.values())
        due = [watch for watch in watches if watch.due <= began]
        if due:
            _look_at(due, began)
        with self._lock:
            self._wakes_at = min([watch.due for watch in self._watches.values()], default=_IDLE)
            return self._wakes_at


def _look_at(watches: list[Watch], began: float) -> None:
    frames = sys._current_frames()
    for watch in watches:
        frame = frames.get(watch.thread)
        if frame is not None:
            watch.look(frame, began)
    del frames, frame  # they would keep the host's locals alive
    took = time.monotonic() - began
    for watch in watches:
        watch.due = began + max(watch.interval_s, took * COST_RATIO)


def render(stacks: dict[tuple[str, Stack], int]) -> str:
    """The stacks as folded text, the commonest first, as many as fit."""
    lines: list[str] = []
    size = 0
    for (activity, stack), count in sorted(stacks.items(), key=lambda item: -item[1]):
        frames = [f"{_short(code.co_filename)}:{code.co_qualname}:{line}" for code, line in reversed(stack)]
        line = ";".join([activity, *["_".join(frame.replace(";", ",").split()) for frame in frames]])
        size += len(line) + 12
        if size > MAX_TEXT and lines:
            break
        lines.append(f"{line[:MAX_TEXT]} {count}")
    return "\n".join(lines)


def _stack(frame: FrameType | None, base: int) -> Stack:
    """Innermost first, without frames of ours and those at the `base` of the thread."""
    found: list[tuple[CodeType, int]] = []
    while frame is not None:
        found.append((frame.f_code, frame.f_lineno or 0))
        frame = frame.f_back
    above = found[: max(len(found) - base, 0)]
    return tuple([entry for entry in above if not is_ours(entry[0])][:MAX_DEPTH])


def _depth(frame: FrameType | None) -> int:
    """Frames below the call: those of the wrapper and everything that called it."""
    while frame is not None and (is_ours(frame.f_code) or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    count = 0
    while frame is not None:
        count += 1
        frame = frame.f_back
    return count


def _short(path: str) -> str:
    """The last two parts of a path: enough to know the file by."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def _thread_clock(thread: int) -> int | None:
    try:
        return time.pthread_getcpuclockid(thread)
    except (AttributeError, OSError):
        return None


def _read(clock: int | None) -> float:
    if clock is None:
        return 0.0
    try:
        return time.clock_gettime(clock)
    except OSError:  # the thread has ended
        return 0.0


_learned = Learned()
_sampler = Sampler()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sampler.__init__)  # type: ignore[misc]
