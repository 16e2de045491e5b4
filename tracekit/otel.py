"""The bridge: opentelemetry's API and tracekit share one context and one way out.

Loaded only when something imports opentelemetry. The runtime context of opentelemetry is replaced by one on
our context variable, so an attached Context is a node between our spans and the order stays exact.
Tracers that nobody gave a provider use one of opentelemetry-sdk that is made at their first span and whose
ended spans go into our queue. A provider the user sets is left alone: their exporters get their spans, and
ours still nest. Without opentelemetry-sdk their spans are not recorded; ours are.
"""

from __future__ import annotations

from contextvars import Token

import opentelemetry.context as otel_context
import opentelemetry.trace as otel_trace
from opentelemetry.context.context import Context, _RuntimeContext
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.trace.span import NonRecordingSpan as OtelNonRecordingSpan

from tracekit import context, guard
from tracekit.config import DEFAULT_SAMPLER
from tracekit.queue import QUEUE
from tracekit.span import NonRecordingSpan, Span, SpanContext, Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NAMES = {0: "unset", 1: "ok", 2: "error"}


class SharedContext(_RuntimeContext):
    """opentelemetry's runtime context on tracekit's context variable."""

    def __init__(self, before: _RuntimeContext) -> None:
        self._before = before

    def attach(self, context_: Context) -> Token[Context]:
        return context.attach(context_)

    def get_current(self) -> Context:
        node = context.get()
        if node is None:
            return Context()
        return node if isinstance(node, Context) else _as_context(node)

    def detach(self, token: Token[Context]) -> None:
        try:
            context.detach(token)
        except ValueError:
            self._before.detach(token)  # attached before tracekit was imported


class SpanView(otel_trace.Span):
    """A span of ours, seen through opentelemetry's API. Ending it is left to who began it."""

    def __init__(self, span: Span) -> None:
        self.span = span

    def get_span_context(self) -> otel_trace.SpanContext:
        return _otel_context(self.span.context)

    def is_recording(self) -> bool:
        return not self.span.end

    def set_attribute(self, key: str, value: Any) -> None:
        self.span.set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.span.set_attributes(attributes)

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        self.span.add_event(name, attributes, timestamp)

    def add_link(self, context: otel_trace.SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        self.span.add_link(_own_context(context), attributes)

    def update_name(self, name: str) -> None:
        self.span.name = str(name)

    def set_status(
        self, status: otel_trace.Status | otel_trace.StatusCode, description: str | None = None
    ) -> None:
        code = status.status_code if isinstance(status, otel_trace.Status) else status
        text = status.description if isinstance(status, otel_trace.Status) else description
        self.span.set_status(_NAMES[code.value], text or "")

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self.span.record_exception(exception, attributes)

    def end(self, end_time: int | None = None) -> None:
        """Nothing: `@traced` or `with span(...)` ends it."""


def foreign_parent(node: Any) -> Span | NonRecordingSpan | SpanContext | None:
    """What an attached opentelemetry Context means for a span of ours that starts below it."""
    span = node.get(_SPAN_KEY)
    if isinstance(span, SpanView):
        return span.span
    if not isinstance(span, otel_trace.Span):
        return None
    theirs = span.get_span_context()
    if not theirs.is_valid:
        return None
    found = _own_context(theirs)
    return found if found.sampled else NonRecordingSpan(found, node)


def foreign_baggage(outer: Any) -> str:
    """The baggage of an opentelemetry Context in W3C's form; empty where it has none."""
    from opentelemetry.baggage.propagation import W3CBaggagePropagator

    carrier: dict[str, str] = {}
    W3CBaggagePropagator().inject(carrier, outer)
    return carrier.get("baggage", "")


def install() -> None:
    """Connects the two. Called once, when both opentelemetry.context and opentelemetry.trace are imported."""
    current = otel_context._RUNTIME_CONTEXT
    if isinstance(current, SharedContext):
        return
    attached = current.get_current()
    otel_context._RUNTIME_CONTEXT = SharedContext(current)
    if attached and context.get() is None:
        context.attach(attached)
    context.foreign_parent = foreign_parent
    context.foreign_baggage = foreign_baggage
    _serve_tracers_without_provider()


def _serve_tracers_without_provider() -> None:
    """Gives proxy tracers our provider's as long as the user sets none."""
    original = otel_trace.ProxyTracer._tracer.fget  # type: ignore[attr-defined]

    def tracer(self: Any) -> Any:
        found = original(self)
        if not isinstance(found, otel_trace.NoOpTracer):
            return found
        provider = _own_provider()
        if provider is None:
            return found
        # Kept on the proxy, but not as its real tracer: a provider the user sets later still takes over.
        ours = self.__dict__.get("_tracekit_tracer")
        if ours is None:
            ours = self._tracekit_tracer = provider.get_tracer(
                self._instrumenting_module_name, self._instrumenting_library_version, self._schema_url
            )
        return ours

    otel_trace.ProxyTracer._tracer = property(tracer)  # type: ignore[assignment, method-assign]


_provider: Any = None


def _own_provider() -> Any:
    """Our provider of opentelemetry-sdk, made at the first span; None where the SDK is not installed."""
    global _provider
    if _provider is None:
        try:
            _provider = _make_provider()
        except ImportError:
            guard.say(
                "opentelemetry-sdk is not installed, so spans of opentelemetry's API are not recorded: "
                "pip install 'tracekit[otel]'"
            )
            _provider = False
    return _provider or None


def _make_provider() -> Any:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

    from tracekit import pipeline
    from tracekit.readable import own_span

    class IntoQueue(SpanProcessor):
        """Ended spans become records of ours."""

        def on_end(self, span: ReadableSpan) -> None:
            try:
                found = span.get_span_context()
                if found is not None and found.trace_flags.sampled:
                    QUEUE.add(own_span(span))
                    if span.parent is None or span.parent.is_remote:
                        pipeline.get().nudge()
            except Exception as error:
                guard.report(error, "opentelemetry span")

    class SameSampler(Sampler):
        """Traces that begin with a span of theirs are chosen, and counted, as ours are."""

        def should_sample(
            self, parent_context: Context | None, trace_id: int, name: str, *rest: Any, **more: Any
        ) -> SamplingResult:
            parent = otel_trace.get_current_span(parent_context).get_span_context()
            sampled, state, attributes = _choose(trace_id, parent if parent.is_valid else None)
            decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP
            return SamplingResult(decision, attributes, state)

        def get_description(self) -> str:
            return "tracekit"

    # With the default, or a name only opentelemetry-sdk knows, its own reading of the environment holds.
    sampler = SameSampler() if pipeline.get().config.sampler != DEFAULT_SAMPLER else None
    resource = Resource(pipeline.get().resource)
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(IntoQueue())
    return provider


def _choose(
    tid: int, parent: otel_trace.SpanContext | None
) -> tuple[bool, otel_trace.TraceState | None, dict[str, Any]]:
    """Whether a span of theirs is recorded, its tracestate, and attributes that say what it stands for."""
    from tracekit import pipeline
    from tracekit.sampling import COUNT

    if parent is not None and not parent.is_remote:
        return bool(parent.trace_flags.sampled), parent.trace_state, {}
    own = _own_context(parent) if parent is not None else None
    trace = Trace(tid, own.state if own else "")
    sampled = pipeline.get().sampler.admit(trace, own)
    state = otel_trace.TraceState.from_header([trace.state]) if trace.state else None
    if trace.sampling is None:
        return sampled, state, {}
    # Rules look at the end of a call of ours; here chance decides.
    if trace.sampling.kept is None:
        trace.sampling.settle("")
    count = trace.sampling.count
    return trace.sampling.sampled, state, {COUNT: count} if count != 1 else {}


def _as_context(node: Span | NonRecordingSpan) -> Context:
    if isinstance(node, Span):
        trace = node.trace
        if trace.baggage:
            trace.outer, trace.baggage = _with_baggage(trace.outer, trace.baggage), ""
        return Context({**(trace.outer or {}), _SPAN_KEY: SpanView(node)})
    found = node.context
    if found.baggage:
        node.outer, found.baggage = _with_baggage(node.outer, found.baggage), ""
    return Context({**(node.outer or {}), _SPAN_KEY: OtelNonRecordingSpan(_otel_context(node.context))})


def _with_baggage(outer: Any, text: str) -> Context:
    """The Context with the caller's baggage, from where on opentelemetry's API keeps it."""
    from opentelemetry.baggage.propagation import W3CBaggagePropagator

    return W3CBaggagePropagator().extract({"baggage": text}, outer or Context())


def _otel_context(found: SpanContext) -> otel_trace.SpanContext:
    flags = otel_trace.TraceFlags(1 if found.sampled else 0)
    state = otel_trace.TraceState.from_header([found.state]) if found.state else otel_trace.TraceState()
    return otel_trace.SpanContext(found.tid, found.sid, found.remote, flags, state)


def _own_context(theirs: otel_trace.SpanContext) -> SpanContext:
    state = ",".join([f"{key}={value}" for key, value in theirs.trace_state.items()])
    return SpanContext(theirs.trace_id, theirs.span_id, theirs.trace_flags.sampled, state, theirs.is_remote)
