"""The small functions a user calls inside a function: spans by hand, the current span, context in and out."""

from __future__ import annotations

from tracekit import context, pipeline, propagation, values
from tracekit.decorator import Callee
from tracekit.guard import report
from tracekit.invocation import Root, enter
from tracekit.span import INTERNAL, KINDS, NO_SPAN, NonRecordingSpan, Span, SpanContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping
    from types import TracebackType
    from typing import Any


class SpanScope:
    """What `span(...)` gives: a context manager for `with` and `async with`. One use at a time."""

    __slots__ = ("_callee", "_links", "_root", "_token")

    def __init__(self, callee: Callee, links: Iterable[SpanContext]) -> None:
        self._callee = callee
        self._links = links
        self._root: Root | None = None
        self._token: Any = None

    def __enter__(self) -> Span | NonRecordingSpan:
        self._root = enter(self._callee, (), {})
        for link in self._links:
            self._root.span.add_link(link)
        self._token = context.attach(self._root.span)
        return self._root.span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        root = self._root
        if root is None:
            return
        context.release(self._token)
        if error is not None:
            root.failed(error)
        root.close()

    async def __aenter__(self) -> Span | NonRecordingSpan:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def span(
    name: str,
    *,
    kind: str = "internal",
    attributes: Mapping[str, Any] | None = None,
    links: Iterable[SpanContext] = (),
) -> SpanScope:
    """A span around a block. `kind` is one of internal, client, server, producer, consumer.

    The block's exception goes through and is recorded.
    """
    return SpanScope(Callee(values.clean_key(name), KINDS.get(kind, INTERNAL), attributes, False), links)


def current_span() -> Span | NonRecordingSpan:
    """The active span; a span that ignores everything where there is none."""
    try:
        return context.current_span()
    except Exception as error:
        report(error, "current_span")
        return NO_SPAN


def set_attribute(key: str, value: Any) -> None:
    """Sets an attribute of the active span."""
    current_span().set_attribute(key, value)


def add_event(name: str, attributes: Mapping[str, Any] | None = None) -> None:
    """Adds an event to the active span."""
    current_span().add_event(name, attributes)


def inject(carrier: MutableMapping[str, str]) -> None:
    """Writes the active span's identity and its baggage into a carrier, if there is one.

    In the formats OTEL_PROPAGATORS names; by default W3C's `traceparent`, `tracestate` and `baggage`.
    """
    try:
        found = context.outgoing()
        if found is not None:
            propagation.inject(found, carrier)
    except Exception as error:
        report(error, "inject")


def extract(carrier: Mapping[str, Any]) -> SpanContext | None:
    """The span context a carrier holds in any known format; None if there is none."""
    try:
        return propagation.extract(carrier)
    except Exception as error:
        report(error, "extract")
        return None


def flush(timeout_ms: float | None = None) -> bool:
    """Delivers finished spans now; True if all were acknowledged in time (default: the flush budget)."""
    return pipeline.get().flush(None if timeout_ms is None else timeout_ms / 1000)


def shutdown() -> None:
    """The last flush of a process. It also happens at exit by itself."""
    pipeline.close()
