"""A TracerProvider of the user's and tracekit, each with the whole trace. Needs opentelemetry-sdk.

Their ended spans also go into our queue. Our ended spans also go to their processors, when they leave here,
on a thread of our own. After a call their providers are flushed under the call's budget, because an instance
that is frozen would keep what their processors hold. Their sampler and resource hold for ours, too, unless
the environment says otherwise. TRACEKIT_OTEL_SHARE=false leaves a provider alone.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import allocate_lock, start_new_thread
from time import monotonic

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from tracekit import guard, pipeline
from tracekit.config import DEFAULT_SAMPLER
from tracekit.otel_resource import said_by
from tracekit.queue import QUEUE
from tracekit.readable import Borrowed, own_span, readable_spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from opentelemetry.context import Context

    from tracekit.span import Span

# Spans of ours that wait for their processors: their exporter hanging must not fill the memory.
MAX_WAITING = 8192
# Their force_flush may ignore its timeout; this is what it is told, and the longest nobody waits for.
PATIENCE_MS = 5000
_PROVIDERS = (
    ("opentelemetry.metrics", "get_meter_provider"),
    ("opentelemetry._logs", "get_logger_provider"),
)
_shared: list[Any] = []


def share(provider: Any) -> None:
    """Gives a TracerProvider of opentelemetry-sdk our spans, and us its. Once for each."""
    if not hasattr(provider, "add_span_processor") or provider in _shared:
        return
    _shared.append(provider)
    pipe = pipeline.get()
    provider.add_span_processor(IntoQueue())
    pipe.delivery.describe(said_by(provider.resource))
    if pipe.config.sampler == DEFAULT_SAMPLER:
        from tracekit.otel_sampler import adopt

        pipe.sampler = adopt(provider.sampler, pipe.sampler)
    pipe.delivery.outlet(f"provider {len(_shared)}", Outlet(provider))


class IntoQueue(SpanProcessor):
    """Ended spans of their provider become records of ours."""

    def on_end(self, span: ReadableSpan) -> None:
        try:
            found = span.get_span_context()
            if found is None or not found.trace_flags.sampled or isinstance(span, Lent):
                return
            QUEUE.add(own_span(span))
            if span.parent is None or span.parent.is_remote:
                pipeline.get().nudge()
        except Exception as error:
            guard.report(error, "opentelemetry span")

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        """Nothing: a span counts when it ends."""


class Lent(ReadableSpan):
    """A span of ours on its way to their processors; it must not come back."""


class Outlet:
    """The way of our spans to one provider's processors. In the pipeline beside the channels."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._waiting: list[Span] = []
        self._reset()
        # Before the provider's own shutdown: exit handlers run in reverse.
        atexit.register(self._last)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = allocate_lock()
        self._waiting.clear()
        self._done = allocate_lock()
        self._busy = self._overdue = False

    def take(self, spans: list[Span]) -> None:
        """Spans that leave this process. Called by whoever encodes them; cheap."""
        self._waiting += [span for span in spans if _is_whole(span)]
        del self._waiting[:-MAX_WAITING]

    def flush(self, until: float, force: bool = False) -> bool:
        """Hands over what waits and flushes the provider, waiting until `until` (time.monotonic) at most.
        A flush that somebody has waited for in vain is not waited for again. Never raises."""
        if self._overdue and not force:
            return False
        done = self._start()
        if done.acquire(timeout=max(until - monotonic(), 0.0)):
            done.release()
            return True
        self._overdue = self._busy
        return not self._overdue

    def nudge(self) -> None:
        """Lets their processors have what waits, without waiting for them. Never raises."""
        if self._waiting and not self._overdue:
            self._start()

    def close(self) -> None:
        """Nothing: the provider is the user's to shut down."""

    def _start(self) -> Any:
        with self._lock:
            if self._busy:
                return self._done
            self._busy = True
            self._done = allocate_lock()
            self._done.acquire()
            done = self._done
        try:
            start_new_thread(self._run, (done,))
        except RuntimeError:  # no thread to be had; their exporter may hang, so this is not the place
            self._end(done)
        return done

    def _run(self, done: Any) -> None:
        try:
            spans, self._waiting = self._waiting, []
            self._hand_over(spans)
            for provider in (self._provider, *_other_providers()):
                provider.force_flush(PATIENCE_MS)
        except BaseException as error:  # the thread is ours: nothing may print through the host's excepthook
            guard.report(error, "opentelemetry provider")
        finally:
            self._end(done)

    def _end(self, done: Any) -> None:
        with self._lock:
            self._busy = self._overdue = False
        done.release()

    def _hand_over(self, spans: list[Span]) -> None:
        # The one private name: their API adds processors but shows none.
        processor = getattr(self._provider, "_active_span_processor", None)
        if processor is None:
            guard.say("this opentelemetry-sdk does not show its processors: they do not get tracekit's spans")
            return
        for span in readable_spans(spans, self._provider.resource.attributes, kind=Lent):
            processor.on_end(span)

    def _last(self) -> None:
        pipeline.get().last_flush(1.0, has_time=False)


def _is_whole(span: Span) -> bool:
    """Whether it is no snapshot, and none of theirs, which their processors have had."""
    if span.attributes and span.attributes.get("tracekit.unfinished") is True:
        return False
    return not isinstance(span, Borrowed)


def _other_providers() -> list[Any]:
    """Providers of the other signals the user has set, as far as they can be flushed."""
    found = []
    for module, getter in _PROVIDERS:
        if module in sys.modules:
            provider = getattr(sys.modules[module], getter)()
            if hasattr(provider, "force_flush"):
                found.append(provider)
    return found
