"""What user code logs and prints arrives with the span's ids, and the host's logging stays as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.tracekit.sink import Sink
from tracekit.logs import severity

CALL = """
from tracekit import traced
{before}

class Context:
    aws_request_id = "r-1"
    function_name = "shop"

@traced
def handler(event, context):
{body}
    return {{"statusCode": 200}}

handler({{}}, Context())
"""


def program(body: str, before: str = "") -> str:
    return CALL.format(before=before, body="\n".join("    " + line for line in body.splitlines()))


class Logs(Sink):
    """What a collector was sent, by path."""

    def __init__(self, collector: Any) -> None:
        super().__init__(collector, "/v1/logs")

    @property
    def groups(self) -> list[Any]:
        messages = [ExportLogsServiceRequest.FromString(body) for body in self.bodies]
        return [scope for m in messages for resource in m.resource_logs for scope in resource.scope_logs]

    @property
    def records(self) -> list[Any]:
        return [record for scope in self.groups for record in scope.log_records]

    @property
    def lines(self) -> list[str]:
        return [record.body.string_value for record in self.records]


@pytest.fixture
def logs(collector: Any) -> Logs:
    return Logs(collector)


def attributes(record: Any) -> dict[str, Any]:
    return {item.key: item.value.string_value or item.value.int_value for item in record.attributes}


def test_a_record_carries_its_span_and_what_was_said(python: Any, logs: Logs) -> None:
    body = """
import logging
log = logging.getLogger("shop.orders")
try:
    raise KeyError("stock")
except KeyError:
    log.error("order %s failed", 7, exc_info=True, extra={"order_id": 7})
log.info("too quiet")
"""
    result = python(program(body), OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url, TRACEKIT_LOGS="1")
    assert result.returncode == 0, result.stderr
    (record,) = logs.records
    call = logs.collector.named("shop")[0]
    assert (record.trace_id, record.span_id, record.flags) == (call.trace_id, call.span_id, 1)
    assert (record.body.string_value, record.severity_number, record.severity_text) == (
        "order 7 failed",
        17,
        "ERROR",
    )
    assert logs.groups[0].scope.name == "shop.orders"
    said = attributes(record)
    assert said["order_id"] == 7 and said["code.function.name"] == "handler"
    assert said["exception.type"] == "KeyError" and 'raise KeyError("stock")' in said["exception.stacktrace"]
    # Python's own last resort still shows it, once.
    assert result.stderr.count("order 7 failed") == 1


@pytest.mark.parametrize("when", ["before", "during"])
def test_basic_config_and_formats_work_as_before(python: Any, logs: Logs, when: str) -> None:
    form = "%(message)s|%(otelTraceID)s|%(otelSpanID)s"
    setup = f"import logging\nlogging.basicConfig(level='INFO', format={form!r})"
    say = "import logging\nlogging.info('hello')"
    code = program(say, before=setup) if when == "before" else program(setup + "\n" + say)
    result = python(code, OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url, OTEL_LOGS_EXPORTER="otlp")
    call = logs.collector.named("shop")[0]
    assert result.stderr == f"hello|{call.trace_id.hex()}|{call.span_id.hex()}\n"
    assert logs.lines == ["hello"]


def test_nothing_is_touched_unasked(python: Any, logs: Logs) -> None:
    body = """
import logging, sys
print(hasattr(logging.Logger.callHandlers, "__tracekit__"), type(sys.stdout).__name__)
"""
    result = python(program(body), OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url)
    assert result.stdout == "False TextIOWrapper\n"
    assert set(logs.paths) == {"/v1/traces"}


def test_logging_is_never_loaded_for_its_own_sake(python: Any, logs: Logs) -> None:
    body = "import sys\nprint('logging' in sys.modules)"
    code = program(body)
    url = logs.collector.url
    import tracekit

    root = tracekit.__path__[0].rpartition("/")[0]
    code = f"import sys\nsys.path.insert(0, {root!r})\n" + code
    result = python(
        code, "-S", OTEL_EXPORTER_OTLP_ENDPOINT=url, TRACEKIT_LOGS="1", TRACEKIT_STDOUT="1", PYTHONSTARTUP=""
    )
    assert result.stdout == "False\n", result.stderr
    assert logs.lines == ["False"]


def test_an_endpoint_without_logs_is_told_once_and_left_alone(python: Any, logs: Logs) -> None:
    logs.status = 404
    body = "import logging\nlogging.warning('hello')"
    code = program(body) + "handler({}, Context())\n" * 5
    result = python(code, OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url, TRACEKIT_LOGS="1")
    assert logs.paths.count("/v1/logs") == 1
    assert result.stderr.count("it takes no logs") == 1
    assert len(logs.collector.named("shop")) == 6


def test_printed_lines_are_recorded_and_still_printed(python: Any, logs: Logs) -> None:
    body = """
import logging, sys
print("one", 1, end="")
print(" and two")
print("oops", file=sys.stderr)
logging.warning("said")
"""
    result = python(
        program(body), OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url, TRACEKIT_LOGS="1", TRACEKIT_STDOUT="1"
    )
    assert result.stdout == "one 1 and two\n"
    assert result.stderr == "oops\nWARNING:root:said\n"
    call = logs.collector.named("shop")[0]
    assert sorted(logs.lines) == ["one 1 and two", "oops", "said"]
    assert {record.span_id for record in logs.records} == {call.span_id}
    streams = {record.body.string_value: attributes(record).get("log.iostream") for record in logs.records}
    assert streams == {"one 1 and two": "stdout", "oops": "stderr", "said": None}


def test_a_log_outside_any_span_has_no_ids(python: Any, logs: Logs) -> None:
    code = "import logging\nfrom tracekit import traced\ntraced(lambda: None)\nlogging.error('alone')\n"
    result = python(code, OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url, TRACEKIT_LOGS="1")
    assert result.returncode == 0
    (record,) = logs.records
    assert (record.body.string_value, record.trace_id, record.flags) == ("alone", b"", 0)


def test_hostile_records_do_not_reach_the_user(python: Any, logs: Logs) -> None:
    body = """
import json, logging
class Hostile:
    def __str__(self):
        raise RuntimeError("mine")
logging.raiseExceptions = False
logging.error("%d items", "no number")
logging.error(Hostile())
logging.error("fine", extra={"thing": Hostile()})
print(json.dumps("reached"))
"""
    result = python(program(body), OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url, TRACEKIT_LOGS="1")
    assert json.loads(result.stdout) == "reached"
    assert logs.lines == ["%d items", "<unprintable Hostile>", "fine"]


def test_a_handler_that_logs_is_no_endless_story(python: Any, logs: Logs) -> None:
    body = """
import logging
class Chatty(logging.Handler):
    def emit(self, record):
        if record.name == "root":
            logging.getLogger("inner").error("again")
logging.getLogger().addHandler(Chatty())
logging.error("first")
"""
    result = python(program(body), OTEL_EXPORTER_OTLP_ENDPOINT=logs.collector.url, TRACEKIT_LOGS="1")
    assert result.returncode == 0 and logs.lines == ["first"]


@pytest.mark.parametrize(
    ("level", "number"),
    [(0, 0), (5, 0), (10, 5), (11, 6), (15, 8), (20, 9), (30, 13), (40, 17), (50, 21), (53, 24), (99, 24)],
)
def test_levels_have_opentelemetrys_numbers(level: int, number: int) -> None:
    assert severity(level) == number
