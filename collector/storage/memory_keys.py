"""The key catalogue of the reference engine: every row looked at, anew for every question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from collector import jsonvalue
from collector.model import Attributes, Resource, Scope, Span
from collector.model_logs import LogRecord
from collector.model_metrics import Metric
from collector.storage.attribute_counts import Scalar, is_choice
from collector.storage.keys import (
    MOST_EXAMPLES,
    AttributeKey,
    KeySource,
    KeysQuery,
    KeyType,
    merged,
    type_of,
)


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
    tallies: dict[tuple[KeySource, str, type], _Tally] = {}
    for of, attributes, at_ns in said:
        if query.of not in ("", of):
            continue
        for key, value in attributes.items():
            place = of, key, type(value)
            tally = tallies.get(place)
            if tally is None:
                tally = tallies[place] = _Tally(at_ns)
            tally.add(value, at_ns)
    return merged((tally.told(of, key) for (of, key, _), tally in tallies.items()), query)


class _Tally:
    """Of the values of one Python type that one key has."""

    __slots__ = ("_examples", "_first_ns", "_kind", "_last_ns", "_rows")

    def __init__(self, at_ns: int) -> None:
        self._rows = 0
        self._first_ns = self._last_ns = at_ns
        self._kind: KeyType = "empty"
        self._examples: dict[Scalar, None] = {}

    def add(self, value: Any, at_ns: int) -> None:
        if not self._rows:
            self._kind = type_of(value)
        self._rows += 1
        self._first_ns = min(self._first_ns, at_ns)
        self._last_ns = max(self._last_ns, at_ns)
        if len(self._examples) < MOST_EXAMPLES and is_choice(value):
            self._examples[value] = None

    def told(self, of: KeySource, key: str) -> AttributeKey:
        return AttributeKey(
            of, key, self._kind, self._rows, self._first_ns, self._last_ns, (*self._examples,)
        )


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
