"""A start that hangs is told of before the platform ends it, and one that was merely slow stays one tree."""

from __future__ import annotations

import http.client
import sys
import time
from typing import Any

import pytest

from tests.tracekit.test_fc_runtime import HEADERS

HANGS = """
import time
from tracekit import span, traced
def initialize(context):
    with span("connect to the database"):
        time.sleep(60)
@traced
def handler(event, context): return "ok"
"""


def attributes(span: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.bool_value for pair in span.attributes}


def test_an_initializer_that_hangs_names_the_span_that_hung(
    start_process: Any, collector: Any, tmp_path: Any, port: int, listening: Any
) -> None:
    (tmp_path / "shop.py").write_text(HANGS)
    command = [sys.executable, "-m", "tracekit.run", "--runtime", "fc", "--port", str(port)]
    command += ["--initializer", "shop.initialize", "shop.handler"]
    process = start_process(command, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    listening(port)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/initialize", b"", {**HEADERS, "x-fc-initialization-timeout": "2"})
    spans = {span.name: span for span in collector.wait(2, 30)}
    process.kill()  # as the platform would
    inner, outer = spans["connect to the database"], spans["Initializer"]
    assert inner.parent_span_id == outer.span_id and inner.trace_id == outer.trace_id
    assert all(attributes(span)["tracekit.timeout_imminent"] is True for span in (inner, outer))
    assert all(attributes(span)["tracekit.unfinished"] is True for span in (inner, outer))


def test_an_import_that_hangs_is_told_of(start_process: Any, collector: Any, tmp_path: Any) -> None:
    (tmp_path / "shop.py").write_text("import time\ntime.sleep(60)\ndef handler(event, context): pass\n")
    (tmp_path / "event.json").write_text("{}")
    command = [sys.executable, "-m", "tracekit.run", "--event", "event.json", "shop.handler"]
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACEKIT_INIT_TIMEOUT_MS": "1500"}
    process = start_process(command, **env)
    spans = {span.name: span for span in collector.wait(2, 30)}
    process.kill()
    assert set(spans) == {"ColdStart", "FunctionInitialization"}
    assert spans["FunctionInitialization"].parent_span_id == spans["ColdStart"].span_id
    assert all(attributes(span)["tracekit.unfinished"] is True for span in spans.values())


SLOW = """
import time
from tracekit.lifecycle import LIFECYCLE
from tracekit import handler, span
from tracekit.hooks import run_initializer
from tracekit.pipeline import get
LIFECYCLE.function_loading()
time.sleep(LOADS)
LIFECYCLE.function_loaded()
def initialize(context):
    with span("inside"): time.sleep(INITIALIZES)
run_initializer(initialize, (None,))
class Context: aws_request_id, client_context = "r", None
@handler
def call(event, context): pass
call(EVENT, Context)
get().flush(10, force=True)
spans = get().exporter.spans
started = [one for one in spans if one.attributes and one.attributes.get("tracekit.unfinished")]
finished = [one for one in spans if one not in started]
assert {one.sid for one in started} <= {one.sid for one in finished}, "what was told unfinished was finished"
assert {(one.tid, one.sid) for one in started} <= {(one.tid, one.sid) for one in finished}
print(sorted({one.name for one in started}), len({one.tid for one in finished}))
"""


@pytest.mark.parametrize(
    ("loads", "initializes", "event", "expected"),
    [
        (0, 0, "{}", "[] 1"),
        (1.2, 0, "{}", "['ColdStart', 'FunctionInitialization'] 1"),
        (0, 1.2, "{}", "['Initializer', 'inside'] 1"),
        (
            1.2,
            0,
            "{'headers': {'traceparent': '00-' + 'ab' * 16 + '-' + 'cd' * 8 + '-01'}, 'httpMethod': 'GET',"
            " 'resource': '/', 'requestContext': {}, 'path': '/'}",
            "['ColdStart', 'FunctionInitialization'] 2",
        ),
    ],
    ids=["quick", "slow import", "slow initializer", "slow import, called from another trace"],
)
def test_a_start_that_was_merely_slow_is_finished_in_the_calls_trace(
    python: Any, loads: float, initializes: float, event: str, expected: str
) -> None:
    began = time.monotonic()
    code = SLOW.replace("LOADS", str(loads)).replace("INITIALIZES", str(initializes)).replace("EVENT", event)
    result = python(code, OTEL_TRACES_EXPORTER="memory", TRACEKIT_INIT_TIMEOUT_MS="1000")
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    if loads or initializes or time.monotonic() - began < 0.8:  # a start that is slow by itself is told of
        assert result.stdout.strip() == expected
