"""What a log record is once it is decoded: rows in a batch, and `LogRecord` back from a reader.

Field names follow OTLP (opentelemetry-proto v1, logs). Imports only the shared vocabulary of collector.model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from collector import arrow
from collector.model import Attributes, Column, Resource, Scope

# The first number of each of OTLP's six ranges of severity; 0 is "not said".
SEVERITIES: tuple[tuple[str, int], ...] = (
    ("TRACE", 1),
    ("DEBUG", 5),
    ("INFO", 9),
    ("WARN", 13),
    ("ERROR", 17),
    ("FATAL", 21),
)
UNSPECIFIED = "UNSPECIFIED"


def severity_name(number: int) -> str:
    """The name of the range that an OTLP SeverityNumber is in."""
    found = [name for name, first in SEVERITIES if number >= first]
    return found[-1] if found else UNSPECIFIED


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One stored log record.

    `time_ns` is when it happened as far as is known: what the sender said, else when it was observed, else
    when it was received, never outside [2000, received + 1 day]. `sent_time_ns` and `observed_ns` are what
    was sent, unchanged; 0 where nothing was. Ids are lower-case hex, "" where the record belongs to no span.
    `log_id` tells records of the same nanosecond apart; (time_ns, log_id) is the order of records.
    """

    log_id: int
    time_ns: int
    sent_time_ns: int
    observed_ns: int
    received_ns: int
    trace_id: str
    span_id: str
    flags: int
    severity: int  # OTLP SeverityNumber, 0 to 24
    severity_text: str
    service: str
    event_name: str
    scope: str  # 'name' or 'name@version'
    resource_id: int
    scope_id: int
    body: Any  # None, bool, int, float, str, bytes, list or dict
    attributes: Attributes
    resource: Attributes
    dropped_attributes_count: int = 0

    @property
    def severity_name(self) -> str:
        """TRACE, DEBUG, INFO, WARN, ERROR, FATAL or UNSPECIFIED."""
        return severity_name(self.severity)


# The shape of a decoded batch. Order matters: engines rely on it.
LOG_COLUMNS: tuple[Column, ...] = (
    Column("log_id", "u64", "tells records of the same nanosecond apart; made by the collector"),
    Column("time_ns", "i64", "when it happened: as sent, else observed, else received; clamped as spans are"),
    Column("sent_time_ns", "u64", "OTLP LogRecord.time_unix_nano as sent; 0 if it was not"),
    Column("observed_ns", "u64", "OTLP LogRecord.observed_time_unix_nano as sent; 0 if it was not"),
    Column("received_ns", "i64", "when the collector received the batch, nanoseconds since the epoch"),
    Column("trace_id", "hex128?", "trace the record belongs to; null for none"),
    Column("span_id", "u64", "span the record belongs to; 0 for none"),
    Column("flags", "u32", "OTLP LogRecord.flags: the lowest byte are the W3C trace flags"),
    Column("severity", "u8", "OTLP SeverityNumber, 0 to 24; 0 if it was not said"),
    Column("severity_text", "text", "the severity as the logging library calls it"),
    Column("service", "text", "service.name of the resource, or 'unknown_service'"),
    Column("event_name", "text", "OTLP LogRecord.event_name: the kind of event, where the record is one"),
    Column("scope", "text", "instrumentation scope, 'name' or 'name@version'"),
    Column("resource_id", "u64", "hash of the resource; key of the resources table"),
    Column("scope_id", "u64", "hash of the scope; key of the scopes table"),
    Column("dropped_attributes_count", "u32", "attributes the sender dropped, or that could not be kept"),
    Column("body", "json", "OTLP LogRecord.body with its type; empty for none"),
    Column("attributes", "json", "all attributes of the record with their types"),
)
LOG_COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in LOG_COLUMNS)


@dataclass(slots=True)
class LogBatch:
    """Decoded log records of one payload, one list a column (see LOG_COLUMNS), all of equal length.

    `digest` identifies the payload, so that the same one sent again after a lost answer counts once: log
    records have no identity of their own. b"" for a batch that no payload stands behind.
    """

    columns: dict[str, list[Any]]
    resources: dict[int, Resource]
    scopes: dict[int, Scope] = field(default_factory=dict)
    wire_bytes: int = 0
    digest: bytes = b""

    @classmethod
    def empty(cls) -> LogBatch:
        return cls({name: [] for name in LOG_COLUMN_NAMES}, {})

    def __len__(self) -> int:
        return len(self.columns["log_id"])

    def arrow(self) -> Any:
        """The records as one Arrow array (collector.arrow) with the columns of LOG_COLUMNS."""
        return arrow.table({c.name: (c.type, self.columns[c.name]) for c in LOG_COLUMNS})

    def time_range(self) -> tuple[int, int]:
        """(earliest, latest) time_ns; of no record (0, 0)."""
        times = self.columns["time_ns"] or [0]
        return min(times), max(times)

    def take(self, rows: Sequence[int]) -> LogBatch:
        """The batch with only these rows, in this order."""
        picked = {name: [values[i] for i in rows] for name, values in self.columns.items()}
        return LogBatch(picked, self.resources, self.scopes, self.wire_bytes, self.digest)
