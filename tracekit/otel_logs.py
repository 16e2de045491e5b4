"""opentelemetry's logs API, sent as our logs are, as long as the user sets no LoggerProvider.

Writing to that API asks for records to be sent, so this needs no setting; OTEL_LOGS_EXPORTER=none refuses.
"""

from __future__ import annotations

import os
from time import time_ns

import opentelemetry._logs as otel_logs
from opentelemetry.trace import get_current_span

from tracekit import config, guard, pipeline, values
from tracekit.otlp_logs import LogRecord, encode
from tracekit.span import type_name
from tracekit.stack import Stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FIELDS = (
    "timestamp",
    "observed_timestamp",
    "severity_number",
    "severity_text",
    "body",
    "attributes",
    "event_name",
    "exception",
    "context",
)


def install() -> None:
    """Lets loggers that were got without a provider be ours as long as the user sets none."""
    if os.environ.get("OTEL_PYTHON_LOGGER_PROVIDER"):
        return  # the user's, made by opentelemetry when it is first asked for
    provider = otel_logs.get_logger_provider()
    proxy = type(provider.get_logger("tracekit"))
    if not hasattr(proxy, "emit") or type(provider).__module__.split(".")[1] != "_logs":
        return  # set already
    emit, enabled = proxy.emit, proxy.enabled

    def emit_here(self: Any, *args: Any, **kwargs: Any) -> None:
        if _is_ours(provider):
            _emit(self, *args, **kwargs)
        else:
            emit(self, *args, **kwargs)

    def enabled_here(self: Any, **kwargs: Any) -> bool:
        return not _is_refused() if _is_ours(provider) else enabled(self, **kwargs)

    proxy.emit, proxy.enabled = emit_here, enabled_here  # type: ignore[method-assign]


def _is_ours(proxy_provider: Any) -> bool:
    return otel_logs.get_logger_provider() is proxy_provider


def _is_refused() -> bool:
    settings = config.get()
    return settings.disabled or not settings.logs_target.url


def _emit(logger: Any, record: Any = None, **fields: Any) -> None:
    """Sends one record. Never raises."""
    try:
        if _is_refused():
            return
        found = {name: getattr(record, name, None) for name in _FIELDS} if record is not None else fields
        described = describe(found, getattr(logger, "_name", ""))
        pipeline.get().delivery.channel("logs", encode).add(described)
    except Exception as error:
        guard.report(error, "opentelemetry log record")


def describe(fields: dict[str, Any], scope: str) -> LogRecord:
    """Fields by the names of `Logger.emit` as a record of ours."""
    attributes, dropped = values.clean_mapping(fields.get("attributes"))
    error = fields.get("exception")
    if error is not None:
        attributes.setdefault("exception.type", type_name(error))
        attributes.setdefault("exception.message", values.clean(error))
        attributes.setdefault("exception.stacktrace", Stack(error))
    body = fields.get("body")
    observed = fields.get("observed_timestamp") or time_ns()
    said = LogRecord(
        fields.get("timestamp") or 0,
        None if body is None else values.clean(body),
        attributes,
        values.clean_key(scope),
    )
    said.observed, said.dropped = observed, dropped
    severity = fields.get("severity_number")
    said.severity = int(getattr(severity, "value", severity) or 0)
    said.severity_text = values.clean_key(fields.get("severity_text") or "")
    said.event_name = values.clean_key(fields.get("event_name") or "")
    span = get_current_span(fields.get("context")).get_span_context()
    if span.is_valid:
        said.trace_id, said.span_id, said.sampled = span.trace_id, span.span_id, span.trace_flags.sampled
    return said
