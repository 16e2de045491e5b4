"""Short-hand for spans in tests of pure analysis: only what the analysis reads is named."""

from __future__ import annotations

from collector.model import Kind, Span, Status


def span(
    span_id: str,
    start_ns: int,
    end_ns: int,
    parent: str = "",
    *,
    kind: Kind = Kind.INTERNAL,
    status: Status = Status.UNSET,
    service: str = "shop",
    name: str = "",
) -> Span:
    return Span(
        trace_id="0" * 31 + "1",
        span_id=span_id,
        parent_span_id=parent,
        start_ns=start_ns,
        duration_ns=end_ns - start_ns,
        kind=kind,
        status=status,
        status_message="",
        service=service,
        name=name or span_id,
        scope="",
        resource_id=1,
        attributes={},
        resource={},
    )
