"""Our spans as opentelemetry-sdk's ReadableSpan, and the reverse. Needs opentelemetry-sdk."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as SdkEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link as SdkLink
from opentelemetry.trace import SpanContext as SdkContext
from opentelemetry.trace import SpanKind, Status, StatusCode

from tracekit import __version__
from tracekit.otel_identity import otel_context, own_context
from tracekit.span import Event, Link, Span, Trace
from tracekit.values import clean_mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KINDS = {
    1: SpanKind.INTERNAL,
    2: SpanKind.SERVER,
    3: SpanKind.CLIENT,
    4: SpanKind.PRODUCER,
    5: SpanKind.CONSUMER,
}
_NUMBERS = {kind: number for number, kind in _KINDS.items()}
_STATUSES = (StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR)


class Borrowed(Span):
    """A span that a provider of the user's made and has given to its own processors."""

    __slots__ = ()


def readable_spans(
    spans: list[Span], resource: Mapping[str, Any], dropped: int = 0, kind: type[ReadableSpan] = ReadableSpan
) -> list[ReadableSpan]:
    """Spans for official exporters. `dropped` becomes a scope attribute, as in tracekit.otlp."""
    shared = Resource(dict(resource))
    reported = {"tracekit.dropped_spans": dropped} if dropped else None
    own = InstrumentationScope("tracekit", __version__, attributes=reported)
    return [_readable(span, shared, own, kind) for span in spans]


def _readable(
    span: Span, resource: Resource, own: InstrumentationScope, kind: type[ReadableSpan]
) -> ReadableSpan:
    rare = span.rare
    status = Status(StatusCode.UNSET)
    if rare is not None and rare.status:
        status = Status(_STATUSES[rare.status], rare.message or None)
    return kind(
        name=span.name,
        context=otel_context(span.context),
        parent=_parent(span),
        resource=resource,
        attributes=_attributes(span.attributes or {}),
        events=[_event(event) for event in rare.events] if rare else (),
        links=[_link(link) for link in rare.links] if rare else (),
        kind=_KINDS[span.kind],
        status=status,
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=InstrumentationScope(*rare.scope) if rare and rare.scope else own,
    )


def _parent(span: Span) -> SdkContext | None:
    parent = span.parent
    if parent is None:
        return None
    return otel_context(parent.context if isinstance(parent, Span) else parent)


def _event(event: Event) -> SdkEvent:
    return SdkEvent(event.name, _attributes(event.attributes), event.time)


def _link(link: Link) -> SdkLink:
    return SdkLink(otel_context(link.context), _attributes(link.attributes))


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _attribute(value) for key, value in attributes.items()}


def _attribute(value: Any) -> Any:
    return value if isinstance(value, (str, bool, int, float, bytes, list, dict)) else str(value)


def own_span(span: ReadableSpan) -> Span:
    """An ended span of opentelemetry-sdk as a record of ours."""
    context = span.get_span_context()
    if context is None:
        raise ValueError("a span without context")
    identity = own_context(context)
    parent = own_context(span.parent) if span.parent else None
    attributes, dropped = clean_mapping(span.attributes)
    kind = _NUMBERS[span.kind]
    own = Borrowed(
        span.name, kind, parent, Trace(identity.tid, identity.state), span.start_time or 0, attributes or None
    )
    own.end = span.end_time or own.start
    own.sid = identity.sid
    extra = own.extra
    extra.dropped_attributes = dropped + span.dropped_attributes
    extra.dropped_events, extra.dropped_links = span.dropped_events, span.dropped_links
    extra.status = _STATUSES.index(span.status.status_code)
    extra.message = span.status.description or ""
    extra.events = [
        Event(event.name, event.timestamp, *clean_mapping(event.attributes)) for event in span.events
    ]
    extra.links = [Link(own_context(link.context), *clean_mapping(link.attributes)) for link in span.links]
    scope = span.instrumentation_scope
    if scope is not None:
        extra.scope = (scope.name, scope.version or "")
    return own
