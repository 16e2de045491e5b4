"""Log records put together by what they say apart from values, so that a thousand lines read as ten.

A pattern is the body with quoted text, ids and numbers replaced by ?, the same rules that make two failures
one (collector.storage.failures). Records of one pattern share function and range of severity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collector.model_logs import LogRecord
from collector.storage.failures import pattern_of

# Of one body; nobody reads a pattern further.
PATTERN_KEPT = 500


@dataclass(frozen=True, slots=True)
class LogPattern:
    """`example` is the latest record."""

    service: str
    severity_name: str
    pattern: str
    count: int
    first_ns: int
    last_ns: int
    example: LogRecord


def patterns_of(records: Iterable[LogRecord], text_of: Callable[[LogRecord], str]) -> list[LogPattern]:
    """By count, most first, then the worst, then the latest. `text_of` says how a body reads."""
    groups: dict[tuple[str, str, str], list[LogRecord]] = defaultdict(list)
    for record in records:
        pattern = pattern_of(text_of(record)[:PATTERN_KEPT])
        groups[record.service, record.severity_name, pattern].append(record)
    found = [_pattern(*key, members) for key, members in groups.items()]
    return sorted(found, key=lambda p: (-p.count, -p.example.severity, -p.last_ns))


def _pattern(service: str, severity: str, pattern: str, members: list[LogRecord]) -> LogPattern:
    latest = max(members, key=lambda record: (record.time_ns, record.log_id))
    first_ns = min(record.time_ns for record in members)
    return LogPattern(service, severity, pattern, len(members), first_ns, latest.time_ns, latest)
