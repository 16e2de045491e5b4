"""The storage contract of logs: query objects go in, records come out. See also base.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from collector.model_logs import LogRecord
from collector.storage.base import InvalidQuery, Window
from collector.storage.figures import Figures

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


LogStatistic = Literal["count", "sum", "avg", "min", "max", "quantile"]


@dataclass(frozen=True, slots=True)
class LogSeriesQuery:
    """A statistic of the records that `logs` means, in `buckets` equal parts of its window: how many, or what
    finite numbers they say in `field`, records that say none left out. A field is the key of an attribute;
    `body.KEY` means a key of a structured body. `quantile` in [0, 1], by linear interpolation.

    `by`: a line for each `service`, `scope`, or `level` (collector.model_logs.severity_name), or for each
    text that records say in the field of that name; numbers and booleans as JSON writes them. InvalidQuery
    where these do not go together.
    """

    logs: LogsQuery
    statistic: LogStatistic = "count"
    field: str = ""  # "" for count
    quantile: float = 0.95
    by: str = ""
    buckets: int = 60
    groups: int = 20

    def __post_init__(self) -> None:
        if (self.statistic == "count") != (not self.field):
            raise InvalidQuery("a count takes no field, other figures of log records need one")
        if not 0 <= self.quantile <= 1:
            raise InvalidQuery("a quantile lies between 0 and 1")


BODY = "body."


class LogReader(Protocol):
    """Thread-safe. Sees everything whose `write` returned before the query began."""

    def search(self, query: LogsQuery) -> LogPage:
        """Paging with the cursor never repeats nor skips a record that was stored before page one.
        InvalidQuery for ids that are not hex of their length."""
        ...

    def histogram(self, query: LogsQuery, buckets: int = 60) -> tuple[LogBucket, ...]:
        """Matching records over time, by (start_ns, severity); order, limit and cursor play no role."""
        ...

    def series(self, query: LogSeriesQuery) -> Figures:
        """Figures of matching records over time; order, limit and cursor play no role."""
        ...

    def facets(self, query: LogsQuery) -> LogFacets:
        """What to filter by next; order, limit and cursor play no role."""
        ...

    def of_trace(self, trace_id: str) -> tuple[LogRecord, ...]:
        """All records of a trace by (time_ns, log_id), the first TRACE_LOGS of them; () if none. InvalidQuery
        if not 32 hex digits."""
        ...
