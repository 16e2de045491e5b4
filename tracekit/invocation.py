"""One call from outside: recognised, described, connected to its caller, ended with its outcome, flushed.

`enter` gives a Root to the decorator's wrappers. Whatever goes wrong in here, the user's call goes on.
"""

from __future__ import annotations

import os
import time

from tracekit import config as configuration
from tracekit import context, ending, pipeline, platforms, triggers
from tracekit.guard import report
from tracekit.lifecycle import LIFECYCLE, PAUSES, initialization_type, is_cold
from tracekit.span import CONSUMER, NO_SPAN, SERVER, Span, SpanContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tracekit.config import Config
    from tracekit.decorator import Callee
    from tracekit.platforms import Facts
    from tracekit.span import NonRecordingSpan
    from tracekit.triggers.base import Trigger


# Who watches a call besides its span: the setting that asks for it, and the module whose
# `observe(call, config)` gives an Observer. Loaded at the first call, and only if asked for.
# They end in the reverse order, so that metrics know what usage found out.
OBSERVERS = (
    ("snapshots", "tracekit.deadline"),
    ("metrics", "tracekit.callmetrics"),
    ("usage", "tracekit.usage"),
    ("capture", "tracekit.capture"),
    ("profile_after", "tracekit.profiler"),
)


class Root:
    """The outermost span of ours in this context, around one call. This base is a plain span."""

    def __init__(self, span: Span | NonRecordingSpan, args: tuple[Any, ...]) -> None:
        self.span = span
        self.args = args

    def returned(self, result: Any) -> Any:
        """The call returned; gives back what the caller shall get."""
        return result

    def failed(self, error: BaseException) -> None:
        """The call raised. Never raises."""
        self.span.fail(error)

    def close(self) -> None:
        """The call is over: end the span, see to delivery. Never raises."""
        try:
            context.finish(self.span)
            if context.is_local_root(self.span):
                pipeline.get().nudge()
        except Exception as error:
            report(error, "end of a span")


class Call:
    """What observers may know about a call. `start` and `end` are Unix nanoseconds; `end` is 0 while it
    runs. `error` is what it raised; `failed` is also true for an answer that says so (status 500 or more).
    `trigger` is faas.trigger; `used` is what tracekit.usage found out, by attribute name."""

    __slots__ = ("cold", "end", "error", "facts", "failed", "result", "span", "start", "trigger", "used")

    def __init__(
        self, span: Span | NonRecordingSpan, facts: Facts, start: int, cold: bool, trigger: str = "other"
    ) -> None:
        self.span = span
        self.facts = facts
        self.trigger = trigger
        self.used: dict[str, Any] = {}
        self.start = start
        self.cold = cold
        self.end = 0
        self.result: Any = None
        self.error: BaseException | None = None
        self.failed = False

    @property
    def context(self) -> Any:
        """The platform's context object, as far as it gives one."""
        return self.facts.args[-1] if self.facts.args else None


class Observer:
    """Follows one call from its start, which is when this is made. Each method is called exactly once, and
    may raise."""

    def ended(self, call: Call) -> None:
        """The call is over: what cannot be found out later."""

    def after(self, call: Call) -> None:
        """The caller has its answer, where the platform allows that; the span is not queued yet."""


class Invocation(Root):
    """A call made by a platform."""

    def __init__(self, call: Call, trigger: Trigger, config: Config) -> None:
        super().__init__(call.span, call.facts.args)
        self._call = call
        self._facts = call.facts
        self._trigger = trigger
        self._open = False
        self._observers = _observe(call, config)

    def failed(self, error: BaseException) -> None:
        super().failed(error)
        if not isinstance(error, GeneratorExit):
            self._call.error, self._call.failed = error, True

    def returned(self, result: Any) -> Any:
        self._call.result = result
        try:
            body = None if self._facts.goes_on is None else self._facts.goes_on(result, self)
            if body is not None:
                self._open = True
                return body
        except Exception as error:
            report(error, "body of an answer")
        self._answered(result)
        return result

    def finish(self) -> None:
        """A call that went on after it returned is over. Never raises."""
        self._open = False
        self._answered(self._call.result)
        self.close()

    def _answered(self, result: Any) -> None:
        try:
            status = self._trigger.status(result)
            if status is not None:
                self.span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    self._call.failed = True
                    self.span.set_status("error")
                    self.span.set_attribute("error.type", str(status))
        except Exception as error:
            report(error, "outcome of a call")

    def close(self) -> None:
        if self._open:
            return
        call, observers = self._call, self._observers
        call.end = time.time_ns()
        for observer in observers[::-1]:
            _tell(observer.ended, call)
        PAUSES.ended()
        if self._facts.flushed_by_runtime:
            _afterwards.append(self._end)
            return
        try:
            self._end()
            flush()
        except Exception as error:
            report(error, "end of a call")

    def _end(self) -> None:
        call = self._call
        while self._observers:
            _tell(self._observers.pop().after, call)
        if self._facts.answering_since:
            took = max(call.end - self._facts.answering_since, 0)
            self.span.set_attribute("tracekit.response_ms", took / 1e6)
        context.finish(self.span, call.end)


# What is to be done about a call that no caller needs to wait for. If the process ends before, then.
_afterwards: list[Callable[[], None]] = []


def flush() -> None:
    """Delivers after a call, and remembers how long that held it up. Never raises."""
    began = time.monotonic_ns()
    catch_up()
    pipeline.get().flush()
    PAUSES.flushed(time.monotonic_ns() - began)


def catch_up() -> None:
    """Does what was put off until callers have their answers. From any thread; never raises."""
    while _afterwards:
        try:
            _afterwards.pop(0)()
        except IndexError:  # done, by another thread
            return
        except Exception as error:
            report(error, "after a call")


ending.LAST_WORDS.append(catch_up)


def get_ready(adapter: str) -> None:
    """Loads what the first call of a platform's instance will need."""
    __import__(f"tracekit.platforms.{adapter}")
    config = configuration.get()
    for setting, module in OBSERVERS:
        if getattr(config, setting):
            __import__(module)


def _observe(call: Call, config: Config) -> list[Observer]:
    observers = []
    for setting, module in OBSERVERS:
        if getattr(config, setting):
            try:
                observers.append(__import__(module, fromlist=("observe",)).observe(call, config))
            except Exception as error:
                report(error, setting)
    return observers


def _tell(told: Callable[[Call], None], call: Call) -> None:
    try:
        told(call)
    except Exception as error:
        report(error, "end of a call")


def enter(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Root:
    """Begins a span for a call that is not known to be below a recorded span of ours. Never raises."""
    try:
        parent, outer = context.active()
        if parent is None and callee.handler is not False:
            facts = platforms.recognise(args, kwargs, os.environ, bool(callee.handler), callee.platform)
            if facts is not None:
                return _invocation(callee, facts, outer)
        copy = callee.copy_attributes
        return Root(context.start(callee.name, callee.kind, copy() if copy else None), args)
    except Exception as error:
        report(error, "start of a call")
        return Root(NO_SPAN, args)


def _invocation(callee: Callee, facts: Facts, outer: Any) -> Root:
    if facts.unseen or facts.is_initializer:
        # By name, as observers are: what it makes are kinds of Root.
        return __import__("tracekit.hooks", fromlist=("special",)).special(callee, facts)  # type: ignore[no-any-return]
    started = time.time_ns()
    trigger = facts.trigger or triggers.detect(facts.event)
    parent, segment, baggage = _caller(facts, trigger)
    first = LIFECYCLE.first_call()
    cold = is_cold(first, os.environ)
    pause = PAUSES.begins()
    name = trigger.name or facts.function or callee.name
    # What is known of it by now is for samplers that ask; the rest is added below.
    span = context.start_root(name, SERVER, trigger.attributes, parent, outer, started, baggage)
    if isinstance(span, Span):
        if first and parent is None and span.trace.sampling is None:
            begun = LIFECYCLE.begun_trace()
            if begun:  # the phases before this call hung for a while, and have been told of
                span.trace.tid = begun
        _describe(span, callee, facts, trigger, cold)
        span.set_attributes(pause)
        _link(span, trigger)
        if segment:
            _afterwards.append(lambda: _link_segment(span, segment))
        if first:
            span.set_attribute("tracekit.initialization_type", initialization_type(os.environ) or None)
            # The caller's span really waited for the cold start, so that is the parent where there is one.
            above = parent or span
            if facts.flushed_by_runtime:
                _afterwards.append(lambda: LIFECYCLE.report(span.trace, above, os.environ))
            else:
                LIFECYCLE.report(span.trace, above, os.environ)
    elif first:
        LIFECYCLE.unsampled()
    call = Call(span, facts, started, cold, trigger.kind)
    return Invocation(call, trigger, pipeline.get().config)


def _caller(facts: Facts, trigger: Trigger) -> tuple[SpanContext | None, str, str]:
    """The parent, X-Ray's segment as text where that is only worth a link (it is not in our store), and the
    baggage of a caller without a span."""
    carriers = [carrier for carrier in (trigger.carrier, facts.carrier) if carrier]
    baggage = ""
    if carriers:
        from tracekit import propagation

        for carrier in carriers:
            parent = propagation.extract(carrier)
            if parent is not None:
                return parent, "", ""
            baggage = baggage or propagation.baggage_of(carrier)
    segment = os.environ.get("_X_AMZN_TRACE_ID", "")  # set anew for each call: never keep it
    if segment and pipeline.get().config.xray_parent:
        from tracekit.propagation import xray

        return xray.parse(segment, {}), "", baggage
    return None, segment, baggage


def _describe(span: Span, callee: Callee, facts: Facts, trigger: Trigger, cold: bool) -> None:
    span.name = trigger.name or facts.function or callee.name
    span.kind = CONSUMER if trigger.is_message else SERVER
    span.attributes = callee.copy_attributes() if callee.copy_attributes else {}
    for key, value in (
        ("faas.trigger", trigger.kind),
        ("faas.invocation_id", facts.invocation_id),
        ("faas.coldstart", cold),
        ("cloud.resource_id", facts.resource_id),
        ("tracekit.phase", "invocation"),
    ):
        span.set_attribute(key, value)
    span.set_attributes(facts.attributes)
    span.set_attributes(trigger.attributes)
    if trigger.sent_ms is not None:
        # Clocks differ: what was sent after it arrived has waited no time.
        span.set_attribute("tracekit.queue_delay_ms", max(0, round(span.start / 1e6 - trigger.sent_ms)))


def _link(span: Span, trigger: Trigger) -> None:
    if trigger.messages:
        from tracekit import propagation

        for carrier in trigger.messages:
            linked = propagation.extract(carrier)
            if linked is not None:
                span.add_link(linked)


def _link_segment(span: Span, text: str) -> None:
    from tracekit.propagation import xray

    segment = xray.parse(text, {})
    if segment is not None:
        span.add_link(segment)
