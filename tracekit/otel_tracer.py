"""opentelemetry's tracer and span, made of ours: what their API starts is a span like any other.

Needs only opentelemetry-api. Their spans have our parents, sampling, keep rules, limits and snapshots,
because they are ours, and cost what ours cost.
"""

from __future__ import annotations

import opentelemetry.trace as otel_trace

from tracekit import context, guard, pipeline
from tracekit.otel_identity import otel_context, own_context
from tracekit.span import OK, UNSET, NonRecordingSpan, Span
from tracekit.values import clean_key, clean_mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from opentelemetry.context import Context

_NAMES = {0: "unset", 1: "ok", 2: "error"}
# opentelemetry numbers its kinds from 0, OTLP from 1.
_FIRST_KIND = 1


class SpanView(otel_trace.Span):
    """A span of ours, seen through opentelemetry's API. Ending it is left to who began it.

    The properties are those of opentelemetry-sdk's ReadableSpan that instrumentations are seen to read.
    """

    def __init__(self, span: Span) -> None:
        self.span = span

    def get_span_context(self) -> otel_trace.SpanContext:
        return otel_context(self.span.context)

    def is_recording(self) -> bool:
        return not self.span.end

    @property
    def context(self) -> otel_trace.SpanContext:
        return self.get_span_context()

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def kind(self) -> otel_trace.SpanKind:
        return otel_trace.SpanKind(self.span.kind - _FIRST_KIND)

    @property
    def parent(self) -> otel_trace.SpanContext | None:
        parent = self.span.parent
        if parent is None:
            return None
        return otel_context(parent.context if isinstance(parent, Span) else parent)

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes or {})

    @property
    def start_time(self) -> int:
        return self.span.start

    @property
    def end_time(self) -> int | None:
        return self.span.end or None

    @property
    def status(self) -> otel_trace.Status:
        rare = self.span.rare
        if rare is None:
            return otel_trace.Status()
        return otel_trace.Status(otel_trace.StatusCode(rare.status), rare.message or None)

    def set_attribute(self, key: str, value: Any) -> None:
        if self.is_recording():
            self.span.set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self.is_recording():
            self.span.set_attributes(attributes)

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        if self.is_recording():
            self.span.add_event(name, attributes, timestamp)

    def add_link(self, context: otel_trace.SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        if self.is_recording():
            self.span.add_link(own_context(context), attributes)

    def update_name(self, name: str) -> None:
        if self.is_recording():
            self.span.name = clean_key(name)

    def set_status(
        self, status: otel_trace.Status | otel_trace.StatusCode, description: str | None = None
    ) -> None:
        code = status.status_code if isinstance(status, otel_trace.Status) else status
        text = status.description if isinstance(status, otel_trace.Status) else description
        # Their specification: ok is final, and unset changes nothing.
        before = self.span.rare.status if self.span.rare is not None else UNSET
        if self.is_recording() and before != OK and code.value != UNSET:
            self.span.set_status(_NAMES[code.value], text or "")

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        if not self.is_recording():
            return
        self.span.record_exception(exception, attributes)
        if timestamp and self.span.rare is not None and self.span.rare.events:
            self.span.rare.events[-1].time = timestamp

    def end(self, end_time: int | None = None) -> None:
        """Nothing: `@traced` or `with span(...)` ends it."""


class OwnedSpan(SpanView):
    """A span that was started through opentelemetry's API, and ends through it."""

    def __init__(self, span: Span, record_exception: bool, set_status_on_exception: bool) -> None:
        super().__init__(span)
        self._record_exception = record_exception
        self._set_status_on_exception = set_status_on_exception

    def end(self, end_time: int | None = None) -> None:
        """Ends it now, or at `end_time` (Unix nanoseconds). Never raises; a second end changes nothing."""
        try:
            if self.is_recording():
                context.finish(self.span, end_time or 0)
                if context.is_local_root(self.span):
                    pipeline.get().nudge()
        except Exception as error:
            guard.report(error, "opentelemetry span")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # As in their use_span: what is no Exception (GeneratorExit, CancelledError) is no failure.
        if isinstance(error, Exception) and self.is_recording():
            if self._record_exception:
                self.record_exception(error)
            if self._set_status_on_exception:
                self.span.set_status("error", _described(error))
        self.end()


class Tracer(otel_trace.NoOpTracer):
    """Starts spans of ours. `start_as_current_span`, which is inherited, calls `start_span`."""

    def __init__(self, name: str, version: str | None = None) -> None:
        self._scope = (clean_key(name or ""), clean_key(version or ""))

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: otel_trace.SpanKind = otel_trace.SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[otel_trace.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> otel_trace.Span:
        """A span below the one in `context`, or the active one. Never raises."""
        try:
            span = self._begin(name, context, kind, attributes, links or (), start_time or 0)
        except Exception as error:
            guard.report(error, "opentelemetry span")
            return otel_trace.INVALID_SPAN
        if isinstance(span, NonRecordingSpan):
            return otel_trace.NonRecordingSpan(otel_context(span.context))
        return OwnedSpan(span, record_exception, set_status_on_exception)

    def _begin(
        self,
        name: str,
        given: Context | None,
        kind: otel_trace.SpanKind,
        attributes: Mapping[str, Any] | None,
        links: Sequence[otel_trace.Link],
        started: int,
    ) -> Span | NonRecordingSpan:
        parent, outer = context.active() if given is None else context.around(given)
        cleaned, dropped = clean_mapping(attributes)
        number = kind.value + _FIRST_KIND
        span = context.start_below(parent, outer, clean_key(name), number, cleaned or None, started)
        if isinstance(span, Span):
            span.extra.scope = self._scope
            span.extra.dropped_attributes = dropped
            for link in links:
                span.add_link(own_context(link.context), link.attributes)
        return span


def _described(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # its __str__ is what is broken
        return type(error).__name__
