"""Log records as lines of a page: what they say as text, their severity as a class, a chart over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector import jsonvalue
from collector.model_logs import SEVERITIES, UNSPECIFIED, LogRecord
from collector.storage.base import Window, bucket_index
from collector.storage.logs import LogBucket
from dashboards.charts.timeseries import Line

# What a line shows of a value; the rest is told by its size.
SHOWN_CHARACTERS = 8_000
# The worst at the bottom of the chart, where it is seen first.
_ORDER = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", UNSPECIFIED)
_CLASSES = {"FATAL": "c-err", "ERROR": "c-err", "WARN": "c-warn", "INFO": "c-calls"}
LEVELS = tuple((name.lower(), first) for name, first in SEVERITIES)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A record as shown. `entries` are its attributes, then the resource's, as (key, text)."""

    record: LogRecord
    text: str
    css: str
    entries: tuple[tuple[str, str], ...]
    resource: tuple[tuple[str, str], ...]


def log_line(record: LogRecord) -> LogLine:
    return LogLine(
        record,
        body_text(record),
        css_of(record.severity_name),
        _entries(record.attributes),
        _entries(record.resource),
    )


def body_text(record: LogRecord) -> str:
    """The body as one reads it; an event without a body is named."""
    return as_text(record.body) if record.body is not None else record.event_name


def as_text(value: Any) -> str:
    """Strings as they are, everything else as JSON; lone surrogates, which no page can hold, replaced."""
    text = value if isinstance(value, str) else jsonvalue.dumps(value)
    return text.encode(errors="replace").decode()


def css_of(severity_name: str) -> str:
    """The colour class of a range of severity; the calm ones are grey."""
    return _CLASSES.get(severity_name, "s0")


def severity_lines(counts: Sequence[LogBucket], window: Window, buckets: int) -> list[Line]:
    """A line for each range of severity that occurs, the worst first."""
    values: dict[str, list[float | None]] = {}
    for bucket in counts:
        line = values.setdefault(bucket.severity, [0] * buckets)
        line[bucket_index(window, buckets, bucket.start_ns)] = bucket.count
    return [Line(name.capitalize(), css_of(name), tuple(values[name])) for name in _ORDER if name in values]


def _entries(attributes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, as_text(value)) for key, value in sorted(attributes.items()))
