"""The storage contract of logs: query objects go in, records come out. See also base.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from collector.model_logs import LogRecord
from collector.storage.base import Window

# As many records of one trace as a reader gives back: far more than a page shows, far less than memory.
TRACE_LOGS = 5_000

LogOrder = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True)
class LogsQuery:
    """Log records whose `time_ns` lies in the window. A record matches when every given filter holds:

    `service`, `scope` - equal. `min_severity` - the SeverityNumber is at least this (9: INFO and worse);
    records that say none have 0. `text` - every whitespace-separated word occurs, ignoring case, in the body
    (of structured ones: in its JSON text), the event name, the severity text or the JSON text of the
    attributes; each word may be in another of them. % and _ are ordinary characters. `trace_id`, `span_id` -
    equal, as hex. `attributes` - pairs of key and value: the record has this attribute, and its value as text
    (strings as they are, numbers and booleans as JSON writes them) is the given one; a key that begins with
    `resource.` means the resource's attribute of the rest of the name.
    """

    window: Window
    service: str = ""
    scope: str = ""
    min_severity: int = 0
    text: str = ""
    trace_id: str = ""
    span_id: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    order: LogOrder = "newest"
    limit: int = 100
    cursor: str = ""  # opaque, from the page before; InvalidQuery if it was altered or is of another order


@dataclass(frozen=True, slots=True)
class LogPage:
    """Ordered by (time_ns, log_id), as `order` says."""

    records: tuple[LogRecord, ...]
    next_cursor: str  # "" on the last page


@dataclass(frozen=True, slots=True)
class LogBucket:
    """How many records of one range of severity fall into one part of the window. Empty ones are left out."""

    start_ns: int
    severity: str  # collector.model_logs.severity_name
    count: int


@dataclass(frozen=True, slots=True)
class LogFacets:
    """How many of the matching records have which value: most first, then by name, FACET_VALUES at most."""

    total: int
    services: tuple[tuple[str, int], ...]
    severities: tuple[tuple[str, int], ...]
    scopes: tuple[tuple[str, int], ...]


FACET_VALUES = 50


class LogReader(Protocol):
    """Thread-safe. Sees everything whose `write` returned before the query began."""

    def search(self, query: LogsQuery) -> LogPage:
        """Paging with the cursor never repeats nor skips a record that was stored before page one.
        InvalidQuery for ids that are not hex of their length."""
        ...

    def histogram(self, query: LogsQuery, buckets: int = 60) -> tuple[LogBucket, ...]:
        """Matching records over time, by (start_ns, severity); order, limit and cursor play no role."""
        ...

    def facets(self, query: LogsQuery) -> LogFacets:
        """What to filter by next; order, limit and cursor play no role."""
        ...

    def of_trace(self, trace_id: str) -> tuple[LogRecord, ...]:
        """All records of a trace by (time_ns, log_id), the first TRACE_LOGS of them; () if none. InvalidQuery
        if not 32 hex digits."""
        ...
