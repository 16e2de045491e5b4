"""opentelemetry's logs API is sent by tracekit while the user sets no LoggerProvider."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

OURS = "from tracekit import span, flush\nfrom tracekit.pipeline import get\n"
THEIRS = "from opentelemetry._logs import get_logger, set_logger_provider, LogRecord, SeverityNumber\n"
GOT = "logger = get_logger('lib', '1.2')\n"
EMIT = """
with span("ours") as ours:
    logger.emit(timestamp=5, body={"a": [1, "b"]},
                severity_number=SeverityNumber.WARN, severity_text="careful",
                attributes={"n": 1}, event_name="shop.order", exception=KeyError("k"))
    logger.emit(LogRecord(body="said", severity_number=SeverityNumber.INFO))
assert logger.enabled()
assert flush(5000)
print(ours.trace_id, ours.span_id)
"""


def run(python: Any, code: str, **env: str) -> str:
    result = python(code, **env)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return str(result.stdout).strip()


def records(collector: Any) -> list[Any]:
    found = [ExportLogsServiceRequest.FromString(body) for body in collector.requests if b"said" in body]
    assert len(found) == 1
    [scope] = found[0].resource_logs[0].scope_logs
    assert scope.scope.name == "lib"
    return list(scope.log_records)


@pytest.mark.parametrize(
    "set_up", [OURS + THEIRS + GOT, THEIRS + OURS + GOT, THEIRS + GOT + OURS], ids=["1", "2", "3"]
)
def test_records_arrive_with_the_active_spans_ids(python: Any, collector: Any, set_up: str) -> None:
    trace_id, span_id = run(python, set_up + EMIT, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url).split()
    first, second = records(collector)
    assert (first.trace_id.hex(), first.span_id.hex()) == (trace_id, span_id) != ("", "")
    assert second.trace_id == first.trace_id and second.body.string_value == "said"
    assert (first.time_unix_nano, first.severity_number, first.severity_text) == (5, 13, "careful")
    assert first.event_name == "shop.order" and first.body.kvlist_value.values[0].key == "a"
    keys = [pair.key for pair in first.attributes]
    assert keys == ["n", "exception.type", "exception.message", "exception.stacktrace"]


def test_a_provider_of_the_users_takes_over(python: Any, collector: Any) -> None:
    provider = """
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
class Mine:
    def on_emit(self, record): print("mine")
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True
provider = LoggerProvider()
provider.add_log_record_processor(Mine())
set_logger_provider(provider)
"""
    code = OURS + THEIRS + GOT + provider + "logger.emit(body='said')\nflush(5000)"
    assert run(python, code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) == "mine"
    assert collector.requests == []


def test_none_refuses(python: Any, collector: Any) -> None:
    code = OURS + THEIRS + GOT + "logger.emit(body='said')\nprint(logger.enabled(), flush(5000))"
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_LOGS_EXPORTER": "none"}
    assert run(python, code, **env) == "False True"
    assert collector.requests == []
