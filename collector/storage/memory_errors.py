"""ErrorsQuery, the plain way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from collector import jsonvalue
from collector.model import Span
from collector.storage.base import MESSAGE_KEPT, STACK_KEPT, ErrorsQuery, ErrorVariant, bucket_index
from collector.storage.failures import pattern_of, place_of


class _Failure(NamedTuple):
    type: str
    message: str
    stacktrace: str


def errors(spans: Iterable[Span], query: ErrorsQuery) -> tuple[ErrorVariant, ...]:
    """The answer over the spans that start in the window, of any service."""
    failed = [span for span in spans if span.failed and query.service in ("", span.service)]
    passed_on = {(span.trace_id, span.parent_span_id, span.service) for span in failed}
    variants: dict[tuple[str, ...], list[tuple[Span, _Failure]]] = defaultdict(list)
    for span in failed:
        if (span.trace_id, span.span_id, span.service) in passed_on:
            continue
        failure = _failure(span)
        place = place_of(failure.stacktrace, failure.message)
        key = (span.service, failure.type, pattern_of(failure.message), place)
        variants[key].append((span, failure))
    found = [_variant(key, members, query) for key, members in variants.items()]
    found.sort(key=lambda v: (-v.count, v.service, v.type, v.pattern, v.example_trace_id, v.example_span_id))
    return tuple(found[: query.limit])


def _failure(span: Span) -> _Failure:
    said = next((e.attributes for e in reversed(span.events) if e.name == "exception"), None)
    if said is None:
        return _Failure(span.error_type or "error", span.status_message[:MESSAGE_KEPT], "")
    kind, message, stack = (_text(said.get(f"exception.{key}")) for key in ("type", "message", "stacktrace"))
    return _Failure(kind or span.error_type or "error", message[:MESSAGE_KEPT], stack[:STACK_KEPT])


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else jsonvalue.dumps(value)


def _variant(key: tuple[str, ...], members: list[tuple[Span, _Failure]], query: ErrorsQuery) -> ErrorVariant:
    latest, failure = max(members, key=lambda m: (m[0].start_ns, m[0].trace_id, m[0].span_id))
    starts = [span.start_ns for span, _ in members]
    parts = Counter(bucket_index(query.window, query.buckets, start) for start in starts)
    return ErrorVariant(
        service=key[0],
        type=key[1],
        pattern=key[2],
        count=len(members),
        first_ns=min(starts),
        last_ns=max(starts),
        versions=tuple(sorted({span.version for span, _ in members if span.version})),
        counts_by_bucket=tuple(parts[i] for i in range(query.buckets)),
        message=failure.message,
        stacktrace=failure.stacktrace,
        example_trace_id=latest.trace_id,
        example_span_id=latest.span_id,
        example_name=latest.name,
    )
