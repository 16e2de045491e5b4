"""What a platform calls besides the handler: initializers, and hooks before it freezes or stops the instance.

Kept apart from tracekit.invocation, because most processes are never called for anything but calls.
"""

from __future__ import annotations

import os
import time

from tracekit import context, pipeline
from tracekit.guard import report
from tracekit.invocation import Root
from tracekit.lifecycle import LIFECYCLE
from tracekit.span import INTERNAL, NO_SPAN, Span, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tracekit.decorator import Callee
    from tracekit.platforms import Facts
    from tracekit.span import NonRecordingSpan

# How the name of a hook ends, the span's name, and `tracekit.phase`.
HOOKS = (("freeze", "PreFreeze", "pre_freeze"), ("stop", "PreStop", "pre_stop"))
# No caller waits for a hook, so it may take longer than a call's budget.
HOOK_FLUSH_S = 2.0


class Unseen(Root):
    """Something that is no call: it is not recorded, and what starts below it starts traces of its own."""

    span: Any = None

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.args = args

    def failed(self, error: BaseException) -> None:
        """Nothing to tell."""

    def close(self) -> None:
        """Nothing to end."""


class Initializer(Root):
    """A platform's initializer: a phase of the process, whose trace is known only at the first call."""

    def __init__(self, args: tuple[Any, ...]) -> None:
        span: Span | NonRecordingSpan = NO_SPAN
        if not pipeline.get().sampler.never:
            facts = {"tracekit.phase": "initializer"}
            span = Span("Initializer", INTERNAL, None, Trace(), time.time_ns(), facts)
        super().__init__(span, args)
        self._failed = False
        self._stop_watch = watch(span, args) if isinstance(span, Span) else None

    def failed(self, error: BaseException) -> None:
        super().failed(error)
        self._failed = True

    def close(self) -> None:
        try:
            if not isinstance(self.span, Span):
                return
            self.span.end = time.time_ns()
            if self._stop_watch is not None:
                self._stop_watch()
            LIFECYCLE.initialized(self.span)
            if self._failed:  # no call may ever follow: send now, as a trace of its own
                LIFECYCLE.report(Trace(), None, os.environ)
                pipeline.get().flush()
        except Exception as error:
            report(error, "initializer")


class Hook(Root):
    """A platform's hook before it freezes or stops the instance: a trace of its own, and the last moment to
    deliver whatever waits."""

    def close(self) -> None:
        try:
            context.finish(self.span)
            pipeline.get().last_flush(HOOK_FLUSH_S)
        except Exception as error:
            report(error, "hook")


def watch(span: Span, args: tuple[Any, ...]) -> Callable[[], None] | None:
    """Sees to it that an initializer that hangs is told of; what this returns ends that. None where it is
    not known how long the platform waits."""
    function = getattr(args[-1], "function", None) if args else None
    told = getattr(function, "initialization_timeout", 0)
    limit_s = told if isinstance(told, int) and told > 0 else pipeline.get().config.init_timeout_ms / 1000
    if not limit_s:
        return None
    from tracekit import startup
    from tracekit.unfinished import open_spans

    return startup.watched(limit_s, lambda: open_spans([span])[span])


def special(callee: Callee, facts: Facts) -> Root:
    """Around what is no call: something unseen, a hook, or the initializer."""
    if facts.unseen:
        return Unseen(facts.args)
    return _hook(callee, facts) or Initializer(facts.args)


def run_initializer(initializer: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Calls an initializer as a phase of this process. Its exception goes through."""
    # One that is traced already records itself if its arguments show what it is; either way once.
    initializer = getattr(initializer, "__wrapped__", initializer)
    root: Root
    try:
        root = Initializer(args)
    except Exception as error:
        report(error, "initializer")
        root = Root(NO_SPAN, args)
    token = context.attach(root.span)
    try:
        initializer(*args)
    except BaseException as error:
        root.failed(error)
        raise
    finally:
        context.detach(token)
        root.close()


def _hook(callee: Callee, facts: Facts) -> Hook | None:
    # Function Compute calls its hooks like the initializer, with a context only: their names tell.
    for ending, name, phase in HOOKS:
        if callee.name.lower().endswith(ending):
            return Hook(context.start_root(name, INTERNAL, {"tracekit.phase": phase}, None), facts.args)
    return None
