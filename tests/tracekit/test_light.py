"""Watching a cold start must not cause one: what the SDK may load, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HEAVY = {
    "opentelemetry", "google.protobuf", "requests", "urllib3", "http.client", "logging", "asyncio", "ssl",
    "typing", "inspect", "dataclasses", "json", "re", "socket", "threading", "functools", "traceback",
    "collections", "enum", "contextlib", "email", "selectors", "concurrent",
}  # fmt: skip

NEW = "import sys\nbefore = set(sys.modules)\n"
REPORT = "\nprint(*sorted(set(sys.modules) - before))\n"


def new_modules(python: Any, code: str, **env: str) -> set[str]:
    # -S: without site, which loads what it likes on this machine (editable installs).
    import tracekit

    root = tracekit.__path__[0].rpartition("/")[0]
    result = python(f"import sys\nsys.path.insert(0, {root!r})\n" + NEW + code + REPORT, "-S", "-E", **env)
    assert (result.returncode, result.stderr) == (0, "")
    return set(result.stdout.splitlines()[-1].split())


def test_importing_loads_one_module(python: Any) -> None:
    assert new_modules(python, "import tracekit") <= {"tracekit", "time", "gc", "__future__"}


LOADED = """
import gc
SWITCHED
from tracekit import traced
traced(lambda event, context: None, handler=True)({}, None)
print(gc.isenabled(), gc.get_freeze_count() > 0)
"""


@pytest.mark.parametrize(
    "switched, left",
    [("", "True False"), ("gc.disable()", "False False"), ("gc.freeze()", "True True")],
)
def test_the_garbage_collector_is_left_as_it_was(python: Any, switched: str, left: str) -> None:
    done = python(LOADED.replace("SWITCHED", switched), OTEL_TRACES_EXPORTER="none")
    assert done.stdout.strip() == left, done.stderr


COUNTED = """
import gc
seen = []
gc.callbacks.append(lambda phase, info: seen.append(phase))
gc.collect()
seen.clear()
from tracekit import traced
print(len(seen))
"""


def test_loading_makes_no_garbage_collection(python: Any) -> None:
    done = python(COUNTED)
    assert done.stdout.strip() == "0", done.stderr


DECORATE = """
from tracekit import traced

@traced
def handler(event, context):
    return {"statusCode": 200}
"""


def test_decorating_loads_twenty_modules_at_most_and_none_that_is_heavy(python: Any) -> None:
    loaded = new_modules(python, DECORATE)
    assert not loaded & HEAVY, loaded & HEAVY
    assert len(loaded) <= 20, sorted(loaded)


def test_what_knows_about_calls_waits_for_the_first_one(python: Any) -> None:
    assert "tracekit.invocation" not in new_modules(python, DECORATE)
    assert "tracekit.invocation" in new_modules(
        python, DECORATE + "handler({}, None)", OTEL_TRACES_EXPORTER="none"
    )


def test_a_whole_call_with_its_export_loads_nothing_heavy(python: Any, collector: Any) -> None:
    code = """
from tracekit import traced, span, flush

class Context:
    aws_request_id = "r-1"
    function_name = "shop"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:1:function:shop"

@traced
def work():
    raise ValueError("seen")

@traced
def handler(event, context):
    try:
        work()
    except ValueError:
        pass
    return {"statusCode": 200}

handler({"version": "2.0", "routeKey": "GET /x", "rawPath": "/x", "headers": {},
         "requestContext": {"http": {"method": "GET", "path": "/x"}}}, Context())
handler('{"triggerName": "t", "triggerTime": "2024-01-01T00:00:00Z"}', Context())
"""
    loaded = new_modules(python, code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert not loaded & HEAVY, loaded & HEAVY
    assert {span.name for span in collector.wait(7)} >= {"GET /x", "shop", "work", "ColdStart"}


def test_a_call_goes_on_where_the_rest_of_the_package_is_gone(python: Any) -> None:
    gone = "\nimport sys\nsys.modules['tracekit.invocation'] = None\n"
    result = python(DECORATE + gone + "print(handler({}, None), handler({}, None))")
    assert result.stdout == "{'statusCode': 200} {'statusCode': 200}\n"
    assert result.stderr.count("tracekit: loading tracekit: ModuleNotFoundError") == 1


@pytest.mark.parametrize(("variable", "is_ready"), [("AWS_LAMBDA_FUNCTION_NAME", True), ("LANG", False)])
def test_an_instance_is_ready_for_calls_when_its_function_is_loaded(
    python: Any, tmp_path: Path, variable: str, is_ready: bool
) -> None:
    (tmp_path / "shop.py").write_text(DECORATE)
    loading = f"sys.path.insert(0, {str(tmp_path)!r})\nimport shop\nloaded = set(sys.modules)\n"
    context = "class Context:\n    aws_request_id = 'r'\n"
    call = "shop.handler({}, Context())\nprint(*sorted(set(sys.modules) - loaded))\n"
    env = {variable: "shop", "OTEL_TRACES_EXPORTER": "none"}
    result = python("import sys\n" + loading + context + call, **env)
    assert ("tracekit.invocation" not in result.stdout.split()) is is_ready
    assert ("tracekit.platforms.aws_lambda" not in result.stdout.split()) is is_ready
