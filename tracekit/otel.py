"""The bridge: opentelemetry's API and tracekit share one context and one way out.

Loaded only when something imports opentelemetry. Its runtime context is put on our context variable, so an
attached Context is a node between our spans and the order stays exact. Tracers, loggers and meters that
nobody gave a provider are ours (tracekit.otel_tracer, otel_logs, otel_metrics); a provider the user sets
takes over, and shares its spans with us (tracekit.otel_provider).

Of opentelemetry only public names are replaced, each by a step of its own: one that another version of
opentelemetry does not allow is left out, said once, and named by `tracekit doctor`.
"""

from __future__ import annotations

import os
import sys
from contextvars import Token

import opentelemetry.context as otel_context_api
import opentelemetry.trace as otel_trace
from opentelemetry.context.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext

from tracekit import config, context, guard
from tracekit.otel_identity import otel_context, own_context
from tracekit.otel_tracer import SpanView, Tracer
from tracekit.span import NonRecordingSpan, Span, SpanContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# What could not be connected, in plain words. For `tracekit doctor`.
problems: list[str] = []
_installed: set[str] = set()


def install() -> None:
    """Connects contexts and tracers. Called once opentelemetry.trace is imported; again changes nothing."""
    if step("spans of opentelemetry's API and tracekit's do not nest in each other", _share_context):
        context.foreign_parent = foreign_parent
        context.foreign_baggage = foreign_baggage
    step("spans of opentelemetry's API are not recorded without a provider of your own", _serve_tracers)
    if config.get().otel_share:
        step("a provider of your own does not share its spans with tracekit", _watch_provider)


def install_logs() -> None:
    """Connects loggers. Called once opentelemetry's logs API is imported."""
    install()
    step("records of opentelemetry's logs API are not sent", _serve_loggers)


def install_metrics() -> None:
    """Connects meters. Called once opentelemetry.metrics is imported."""
    install()
    step("measurements of opentelemetry's metrics API are not sent", _serve_meters)


def step(consequence: str, connect: Callable[[], None]) -> bool:
    """Runs one step of the bridge, once. Where it fails, says what that means; never raises."""
    if consequence in _installed:
        return True
    try:
        connect()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        problem = f"{consequence}: this opentelemetry-api is not as expected ({reason})"
        if problem not in problems:
            problems.append(problem)
        guard.say(problem)
        return False
    _installed.add(consequence)
    return True


def _serve_loggers() -> None:
    from tracekit import otel_logs

    otel_logs.install()


def _serve_meters() -> None:
    from tracekit import otel_metrics

    otel_metrics.install()


def _share_context() -> None:
    kind = ContextVarsRuntimeContext
    methods = {name: getattr(kind, name) for name in ("attach", "get_current", "detach")}
    attached = otel_context_api.get_current()
    _replace_methods(kind, _attach, _get_current, _detacher(methods["detach"]))
    if not _is_shared():
        _replace_methods(kind, *methods.values())
        raise LookupError("its context is not kept by ContextVarsRuntimeContext; is OTEL_PYTHON_CONTEXT set?")
    if attached and context.get() is None:
        context.attach(attached)


def _replace_methods(kind: Any, attach: Any, get_current: Any, detach: Any) -> None:
    kind.attach, kind.get_current, kind.detach = attach, get_current, detach


def _is_shared() -> bool:
    """Whether what is attached by opentelemetry's functions is found by ours, and the reverse."""
    probe = Context({"tracekit": "probe"})
    token = otel_context_api.attach(probe)
    try:
        return context.get() is probe and otel_context_api.get_current() is probe
    finally:
        otel_context_api.detach(token)


def _attach(self: ContextVarsRuntimeContext, context_: Context) -> Token[Context]:
    return context.attach(context_)


def _get_current(self: ContextVarsRuntimeContext) -> Context:
    node = context.get()
    if node is None:
        return Context()
    return node if isinstance(node, Context) else _as_context(node)


def _detacher(before: Any) -> Callable[[ContextVarsRuntimeContext, Token[Context]], None]:
    def detach(self: ContextVarsRuntimeContext, token: Token[Context]) -> None:
        try:
            context.detach(token)
        except ValueError:
            if not context.is_ours(token):
                before(self, token)  # attached before tracekit was imported
            # Else a generator is closed by another task than ran it: that context goes away with its owner.

    return detach


def foreign_parent(node: Any) -> Span | NonRecordingSpan | SpanContext | None:
    """What an attached opentelemetry Context means for a span of ours that starts below it."""
    span = otel_trace.get_current_span(node)
    if isinstance(span, SpanView):
        return span.span
    theirs = span.get_span_context()
    if not theirs.is_valid:
        return None
    found = own_context(theirs)
    return found if found.sampled else NonRecordingSpan(found, node)


def foreign_baggage(outer: Any) -> str:
    """The baggage of an opentelemetry Context in W3C's form; empty where it has none."""
    from opentelemetry.baggage.propagation import W3CBaggagePropagator

    carrier: dict[str, str] = {}
    W3CBaggagePropagator().inject(carrier, outer)
    return carrier.get("baggage", "")


def _serve_tracers() -> None:
    """Lets tracers that were got without a provider start spans of ours as long as the user sets none."""
    proxy = otel_trace.ProxyTracer
    start, start_current = proxy.start_span, proxy.start_as_current_span

    def start_span(self: Any, *args: Any, **kwargs: Any) -> Any:
        ours = _tracer_for(self)
        return start(self, *args, **kwargs) if ours is None else ours.start_span(*args, **kwargs)

    def start_as_current_span(self: Any, *args: Any, **kwargs: Any) -> Any:
        ours = _tracer_for(self)
        begin = start_current.__get__(self) if ours is None else ours.start_as_current_span
        return begin(*args, **kwargs)

    proxy.start_span = start_span  # type: ignore[method-assign]
    proxy.start_as_current_span = start_as_current_span  # type: ignore[method-assign]


def _tracer_for(proxy: Any) -> Tracer | None:
    """Our tracer under the proxy's name; None where the user has set a provider."""
    if not isinstance(otel_trace.get_tracer_provider(), otel_trace.ProxyTracerProvider):
        return None
    ours: Tracer | None = proxy.__dict__.get("_tracekit_tracer")
    if ours is None:
        name = getattr(proxy, "_instrumenting_module_name", "")
        ours = Tracer(name, getattr(proxy, "_instrumenting_library_version", ""))
        proxy._tracekit_tracer = ours
    return ours


def _watch_provider() -> None:
    """Shares spans with a provider of the user's: the one that is set already, or as soon as it is set."""
    original = otel_trace.set_tracer_provider

    def set_tracer_provider(tracer_provider: otel_trace.TracerProvider) -> None:
        original(tracer_provider)
        _share_with(tracer_provider)

    otel_trace.set_tracer_provider = set_tracer_provider
    if "OTEL_PYTHON_TRACER_PROVIDER" not in os.environ:  # asking would load it, during an import
        _share_with(otel_trace.get_tracer_provider())


def _share_with(provider: Any) -> None:
    # Only opentelemetry-sdk's have processors; without it loaded there can be none.
    if isinstance(provider, otel_trace.ProxyTracerProvider) or "opentelemetry.sdk.trace" not in sys.modules:
        return
    try:
        from tracekit import otel_provider

        if provider is otel_trace.get_tracer_provider():
            otel_provider.share(provider)
    except Exception as error:
        guard.report(error, "opentelemetry provider")


def _as_context(node: Span | NonRecordingSpan) -> Context:
    view: otel_trace.Span
    if isinstance(node, Span):
        trace = node.trace
        if trace.baggage:
            trace.outer, trace.baggage = _with_baggage(trace.outer, trace.baggage), ""
        outer, view = trace.outer, SpanView(node)
    else:
        found = node.context
        if found.baggage:
            node.outer, found.baggage = _with_baggage(node.outer, found.baggage), ""
        outer, view = node.outer, otel_trace.NonRecordingSpan(otel_context(found))
    # An empty Context, rather than None, which would ask for the current one: this one.
    return otel_trace.set_span_in_context(view, outer or Context())


def _with_baggage(outer: Any, text: str) -> Context:
    """The Context with the caller's baggage, from where on opentelemetry's API keeps it."""
    from opentelemetry.baggage.propagation import W3CBaggagePropagator

    return W3CBaggagePropagator().extract({"baggage": text}, outer or Context())
