"""Spans over time in the reference engine: the contract of spanseries.py, span by span."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector import jsonvalue
from collector.model import Kind, Span, Status
from collector.storage.figures import Figures
from collector.storage.memory_figures import Placed, figures
from collector.storage.memory_spanset import attribute, measured, select
from collector.storage.spanseries import SpanSeriesQuery
from collector.storage.spanset import INTRINSICS, RESOURCE_FIELDS, SPAN_FIELDS, Field


def series(traces: Iterable[list[Span]], query: SpanSeriesQuery) -> Figures:
    """`traces` are the spans of `query.near`, by trace."""
    placed = [found for spans in traces for found in _placed(spans, query)]
    return figures(placed, query.window, query.buckets, query.statistic, query.quantile, query.groups)


def _placed(spans: list[Span], query: SpanSeriesQuery) -> Iterator[Placed]:
    """Of the spans of one trace those of the set that start in the window and say a number."""
    window, chosen = query.window, select(spans, query.spanset)
    for span in spans:
        value = measured(span, query.field) if query.field else 1.0
        starts_inside = window.start_ns <= span.start_ns < window.end_ns
        if span.span_id in chosen and starts_inside and value is not None:
            yield span.start_ns, _text(span, query.by), value


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
