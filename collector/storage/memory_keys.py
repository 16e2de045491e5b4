"""The key catalogue of the reference engine: every row looked at, anew for every question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from collector import jsonvalue
from collector.model import Attributes, Resource, Scope, Span
from collector.model_logs import LogRecord
from collector.model_metrics import Metric
from collector.storage.keys import AttributeKey, Examples, KeySource, KeysQuery, merged, type_of


class Measured(Protocol):
    """A data point that is stored."""

    @property
    def metric(self) -> Metric: ...

    @property
    def attributes(self) -> Attributes: ...

    @property
    def time_ns(self) -> int: ...


# Attributes of one row, of what, and when the row was.
Said = tuple[KeySource, Mapping[str, Any], int]


def keys(said: Iterable[Said], query: KeysQuery) -> tuple[AttributeKey, ...]:
    """What all of them say, as SpanReader.keys means it."""
    return merged((one for row in said for one in _of_row(row)), query)


def _of_row(said: Said) -> Iterator[AttributeKey]:
    of, attributes, at_ns = said
    examples = Examples()
    examples.offer(attributes)
    for key, value in attributes.items():
        kind = type_of(value)
        yield AttributeKey(of, key, kind, 1, at_ns, at_ns, examples.of(key, kind))


def of_spans(spans: Iterable[Span], scopes: Mapping[int, Scope]) -> Iterator[Said]:
    for span in spans:
        yield "span", span.attributes, span.start_ns
        yield "resource", span.resource, span.start_ns
        yield "scope", _of_scope(scopes, span.scope_id), span.start_ns
        for event in span.events:
            yield "event", event.attributes, span.start_ns


def of_logs(records: Iterable[LogRecord], scopes: Mapping[int, Scope]) -> Iterator[Said]:
    for record in records:
        yield "log", record.attributes, record.time_ns
        yield "resource", record.resource, record.time_ns
        yield "scope", _of_scope(scopes, record.scope_id), record.time_ns


def of_points(
    points: Iterable[Measured], resources: Mapping[int, Resource], scopes: Mapping[int, Scope]
) -> Iterator[Said]:
    for point in points:
        resource = resources.get(point.metric.resource_id)
        yield "metric", point.attributes, point.time_ns
        if resource:
            yield "resource", jsonvalue.loads(resource.attributes_json) or {}, point.time_ns
        yield "scope", _of_scope(scopes, point.metric.scope_id), point.time_ns


def _of_scope(scopes: Mapping[int, Scope], scope_id: int) -> Mapping[str, Any]:
    scope = scopes.get(scope_id)
    return (jsonvalue.loads(scope.attributes_json) or {}) if scope else {}
