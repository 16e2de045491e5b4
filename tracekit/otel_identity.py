"""A span's identity as opentelemetry's API has it, and as we have it."""

from __future__ import annotations

import opentelemetry.trace as otel_trace

from tracekit.span import SpanContext


def otel_context(found: SpanContext) -> otel_trace.SpanContext:
    """Our context as theirs."""
    flags = otel_trace.TraceFlags(1 if found.sampled else 0)
    state = otel_trace.TraceState.from_header([found.state]) if found.state else otel_trace.TraceState()
    return otel_trace.SpanContext(found.tid, found.sid, found.remote, flags, state)


def own_context(theirs: otel_trace.SpanContext) -> SpanContext:
    """Their context as ours."""
    state = ",".join([f"{key}={value}" for key, value in (theirs.trace_state or {}).items()])
    return SpanContext(theirs.trace_id, theirs.span_id, theirs.trace_flags.sampled, state, theirs.is_remote)
