"""Code instrumented with OpenTracing records through OpenTelemetry's shim, in the same trace."""

from __future__ import annotations

from typing import Any

from opentelemetry.shim import opentracing_shim as shim

from tracekit import span


def test_opentracing_spans_nest_in_ours_and_ours_in_theirs(recorded: Any) -> None:
    from opentelemetry import trace

    tracer = shim.create_tracer(trace.get_tracer_provider())
    with span("outer") as outer, tracer.start_active_span("old") as scope:
        scope.span.set_tag("order", 7)
        with span("inner"):
            pass
    old, inner = recorded.named("old"), recorded.named("inner")
    assert old.parent.span_id == outer.span_id
    assert inner.parent.span_id == old.span_id
    assert old.attributes["order"] == 7
