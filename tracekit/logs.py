"""What user code says through `logging`, with the active span's ids: into the records and out over OTLP.

Loaded when `logging` has been imported, which tracekit itself never does. `Logger.callHandlers` is wrapped:
it sees every record that passed its logger's level and filters, exactly once. A handler on the root logger
would be simpler, but with one there `logging.basicConfig()` does nothing, and the host's logs would change.
"""

from __future__ import annotations

import logging
from time import time_ns

from tracekit import config, pipeline, values
from tracekit.correlation import active, correlate, handling
from tracekit.guard import report
from tracekit.otlp_logs import LogRecord, encode
from tracekit.span import type_name
from tracekit.stack import Stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MARK = "__tracekit__"
# What every record has; the rest was given by the user as `extra`.
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_INJECTED = ("otelTraceID", "otelSpanID", "otelTraceSampled", "otelServiceName")


def install() -> None:
    """Wraps `Logger.callHandlers`, once."""
    original = logging.Logger.callHandlers
    if hasattr(original, _MARK):
        return

    def callHandlers(self: logging.Logger, record: logging.LogRecord) -> None:
        outer = getattr(handling, "depth", 0)
        try:
            if config.get().logs:
                _inject(record)
                if not outer:  # a handler that logs while it handles is heard once
                    pipeline.get().delivery.channel("logs", encode).add(describe(record))
        except Exception as error:
            report(error, "log record")
        handling.depth = outer + 1
        try:
            original(self, record)
        finally:
            handling.depth = outer

    setattr(callHandlers, _MARK, original)
    logging.Logger.callHandlers = callHandlers  # type: ignore[method-assign]


def uninstall() -> None:
    """Puts logging back as it was."""
    original = getattr(logging.Logger.callHandlers, _MARK, None)
    if original is not None:
        logging.Logger.callHandlers = original  # type: ignore[method-assign]


def describe(record: logging.LogRecord) -> LogRecord:
    """A record of `logging` as OTLP wants it: the logger is the scope, the level a severity."""
    attributes, dropped = values.clean_mapping(_extra(record))
    attributes["code.file.path"] = record.pathname
    attributes["code.line.number"] = record.lineno
    attributes["code.function.name"] = record.funcName
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        attributes["exception.type"] = type_name(error)
        attributes["exception.message"] = values.clean(error)
        attributes["exception.stacktrace"] = Stack(error)
    said = LogRecord(int(record.created * 1e9), _message(record), attributes, values.clean_key(record.name))
    said.observed = time_ns()
    said.severity, said.severity_text = severity(record.levelno), record.levelname
    said.dropped = dropped
    correlate(said)
    return said


def severity(level: int) -> int:
    """OpenTelemetry's severity number of a level of `logging`: 10 is DEBUG (5), 53 and more FATAL4 (24)."""
    if level < 10:
        return 0
    tens, rest = divmod(min(level, 53), 10)
    return 1 + 4 * tens + min(rest, 3)


def _message(record: logging.LogRecord) -> Any:
    try:
        return values.clean(record.getMessage())
    except Exception:  # wrong arguments; logging itself complains about those where the host shows its logs
        return values.clean(record.msg)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {
        key: value for key, value in vars(record).items() if key not in _STANDARD and key not in _INJECTED
    }


def _inject(record: logging.LogRecord) -> None:
    """The names opentelemetry's logging instrumentation uses, for formats like `%(otelTraceID)s`."""
    if hasattr(record, "otelTraceID"):
        return
    found = active()
    record.otelTraceID = found.trace_id if found is not None else "0"
    record.otelSpanID = found.span_id if found is not None else "0"
    record.otelTraceSampled = found is not None and found.sampled
    record.otelServiceName = pipeline.get().resource.get("service.name", "")
