"""Spans over time in the reference engine: the contract of spanseries.py, span by span."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from collector import jsonvalue
from collector.model import Kind, Span, Status
from collector.storage.base import bucket_index, bucket_start
from collector.storage.memory_spanset import attribute, measured, select
from collector.storage.spanseries import SpanLine, SpanPoint, SpanSeries, SpanSeriesQuery
from collector.storage.spanset import INTRINSICS, RESOURCE_FIELDS, SPAN_FIELDS, Field

Quantile = Callable[[Sequence[float], float], float]


def series(traces: Iterable[list[Span]], query: SpanSeriesQuery, quantile: Quantile) -> SpanSeries:
    """`traces` are the spans of `query.near`, by trace."""
    window = query.window
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for spans in traces:
        chosen = select(spans, query.spanset)
        for span in spans:
            value = measured(span, query.field) if query.field else 1.0
            starts_inside = window.start_ns <= span.start_ns < window.end_ns
            if span.span_id in chosen and starts_inside and value is not None:
                part = bucket_index(window, query.buckets, span.start_ns)
                found[_text(span, query.by)][part].append(value)
    ranked = sorted(found, key=lambda line: (-sum(map(len, found[line].values())), line))
    lines = tuple(
        SpanLine(
            line,
            tuple(
                SpanPoint(bucket_start(window, query.buckets, part), _value(values, query, quantile))
                for part, values in sorted(found[line].items())
            ),
        )
        for line in ranked[: query.groups]
    )
    return SpanSeries(lines, len(ranked) - len(lines))


def _value(values: list[float], query: SpanSeriesQuery, quantile: Quantile) -> float:
    if query.statistic == "quantile":
        return quantile(sorted(values), query.quantile)
    if query.statistic == "rate":
        return len(values) / (query.window.seconds / query.buckets)
    if query.statistic == "avg":
        return math.fsum(values) / len(values)
    figures: dict[str, Callable[[list[float]], float]] = {
        "count": len,
        "sum": math.fsum,
        "min": min,
        "max": max,
    }
    return float(figures[query.statistic](values))


def _text(span: Span, field: Field | None) -> str:
    if field is None:
        return ""
    if field.scope == "intrinsic":
        said = getattr(span, INTRINSICS[field.name][0])
        words = {"status": Status, "kind": Kind}.get(field.name)
        return words(said).name.lower() if words else str(said)
    found = []
    if field.scope in ("span", "any"):
        found.append(attribute(span, field.name, SPAN_FIELDS, span.attributes))
    if field.scope in ("resource", "any"):
        found.append(attribute(span, field.name, RESOURCE_FIELDS, span.resource))
    said = next((value for value in found if value is not None), "")
    return said if isinstance(said, str) else jsonvalue.dumps(said)
