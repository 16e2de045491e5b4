"""Log records counted over time, by function, level or logger: a metric that nobody had to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from collector.storage.base import bucket_index
from collector.storage.logs import LogBucket, LogFacets, LogReader, LogsQuery
from dashboards.charts.timeseries import Line
from dashboards.colours import COLOURS
from dashboards.loglines import severity_lines
from dashboards.metriclines import OTHERS, beyond

CountBy = Literal["", "service", "level", "scope"]


def log_counts(reader: LogReader, query: LogsQuery, by: CountBy, buckets: int) -> list[Line]:
    """A line a group: those with most records, then all the others together. One question to the store for
    each group that is drawn."""
    whole = reader.histogram(query, buckets)
    if by == "level":
        return severity_lines(whole, query.window, buckets)
    if not by:
        return [Line("records", "s1", _values(whole, query, buckets))] if whole else []
    groups = _facet(reader.facets(query), by)[:COLOURS]
    lines = [
        Line(
            name or "none",
            f"s{rank}",
            _values(reader.histogram(_only(query, by, name), buckets), query, buckets),
        )
        for rank, (name, _) in enumerate(groups, 1)
        if name  # records without one are among the others
    ]
    rest = beyond(_values(whole, query, buckets), lines)
    return [*lines, Line(OTHERS, "s0", rest)] if any(rest) else lines


def _facet(facets: LogFacets, by: CountBy) -> tuple[tuple[str, int], ...]:
    return facets.services if by == "service" else facets.scopes


def _only(query: LogsQuery, by: CountBy, name: str) -> LogsQuery:
    return replace(query, service=name) if by == "service" else replace(query, scope=name)


def _values(found: Sequence[LogBucket], query: LogsQuery, buckets: int) -> tuple[float, ...]:
    counts: Counter[int] = Counter()
    for bucket in found:
        counts[bucket_index(query.window, buckets, bucket.start_ns)] += bucket.count
    return tuple(float(counts[part]) for part in range(buckets))
