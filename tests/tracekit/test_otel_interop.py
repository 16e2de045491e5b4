"""What users set up with opentelemetry keeps working beside tracekit: instrumentations, samplers."""

from __future__ import annotations

from typing import Any

import pytest

OURS = "from tracekit import traced, span, flush\nfrom tracekit.pipeline import get\n"
THEIRS = "from opentelemetry import trace\n"
INSTRUMENTED = """
import requests
from opentelemetry.instrumentation.requests import RequestsInstrumentor
RequestsInstrumentor().instrument()
"""
CALL = """
with span("ours") as ours:
    with span("inner") as inner:
        requests.post({url!r} + "/echo", data=b"")
get().flush(5)
spans = {{one.name: one for one in get().exporter.spans}}
assert spans["POST"].parent.sid == inner.sid and spans["POST"].tid == ours.tid
assert spans["POST"].kind == 3 and spans["POST"].attributes
print(f"{{spans['POST'].tid:032x}}-{{spans['POST'].sid:016x}}")
"""


def run(python: Any, code: str, **env: str) -> str:
    # The instrumentation measures too, and nobody listens.
    result = python(code, **{"OTEL_TRACES_EXPORTER": "memory", "OTEL_METRICS_EXPORTER": "none", **env})
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return str(result.stdout).strip()


@pytest.mark.parametrize(
    "code", [OURS + INSTRUMENTED, INSTRUMENTED + OURS], ids=["ours first", "theirs first"]
)
def test_an_instrumentation_nests_under_us_and_carries_its_span_on(
    python: Any, collector: Any, code: str
) -> None:
    pytest.importorskip("opentelemetry.instrumentation.requests")
    carried: list[str] = []
    usual = collector.answer

    def answer(request: Any) -> None:
        carried.append(request.headers["traceparent"])
        usual(request)

    collector.answer = answer
    assert carried == [f"00-{run(python, code + CALL.format(url=collector.url))}-01"]


@pytest.mark.parametrize(
    ("sampler", "argument", "kept"),
    [
        ("always_off", "", 0),
        ("traceidratio", "0", 0),
        ("tracekit.rate", "1", 1),
        ("parentbased_always_on", "", 9),
    ],
)
def test_traces_that_begin_with_their_spans_are_sampled_as_ours(
    python: Any, sampler: str, argument: str, kept: int
) -> None:
    code = (
        OURS
        + THEIRS
        + """
tracer = trace.get_tracer("lib")
for _ in range(9):
    with tracer.start_as_current_span("theirs"):
        with span("ours"):
            pass
get().flush(5)
print(len([one for one in get().exporter.spans if one.name == "theirs"]))
print(len([one for one in get().exporter.spans if one.name == "ours"]))
"""
    )
    env = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    counts = [int(line) for line in run(python, code, **env).split()]
    assert counts[0] == counts[1]
    assert kept <= counts[0] <= (kept + 1 if sampler == "tracekit.rate" else kept)


def test_their_sampled_roots_say_what_they_stand_for(python: Any) -> None:
    code = (
        THEIRS
        + OURS
        + """
tracer = trace.get_tracer("lib")
for _ in range(200):
    with tracer.start_as_current_span("theirs"):
        pass
get().flush(5)
found = get().exporter.spans
assert 20 < len(found) < 180 and all(one.attributes["tracekit.adjusted_count"] == 2.0 for one in found)
assert all(one.trace.state.startswith("ot=th:8;rv:") for one in found)
"""
    )
    run(python, code, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5")


def test_the_environments_resource_is_on_their_spans_too(python: Any, collector: Any) -> None:
    code = (
        OURS
        + THEIRS
        + "with trace.get_tracer('lib').start_as_current_span('theirs'): pass\nassert flush(5000)"
    )
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_TRACES_EXPORTER": "otlp"}
    run(python, code, OTEL_RESOURCE_ATTRIBUTES="team=shop", OTEL_SERVICE_NAME="checkout", **env)
    assert b"checkout" in collector.requests[0] and b"shop" in collector.requests[0]
    assert [one.name for one in collector.wait(1)] == ["theirs"]


@pytest.mark.parametrize("ours_first", [True, False])
def test_database_calls_seen_by_an_instrumentation_are_client_spans_below_ours(
    python: Any, ours_first: bool
) -> None:
    # opentelemetry's instrumentations of databases, sqlite3's too, are this one with a module's name.
    instrumented = """
import sqlite3
from opentelemetry.instrumentation.dbapi import trace_integration
trace_integration(sqlite3, "connect", "sqlite")
"""
    code = (
        (OURS + instrumented if ours_first else instrumented + OURS)
        + """
@traced(handler=True)
def handler(event, context):
    cursor = sqlite3.connect(":memory:").cursor()
    cursor.execute("CREATE TABLE items (id INTEGER)")
    with span("inner"):
        cursor.execute("SELECT id FROM items WHERE id = ?", (2,))
    try:
        cursor.execute("SELECT * FROM missing")
    except sqlite3.OperationalError:
        pass
handler({}, None)
get().flush(10)
found = [one for one in get().exporter.spans if one.rare and one.rare.scope]
handler, inner = [one for one in get().exporter.spans if one.name in ("handler", "inner")][::-1]
assert [one.kind for one in found] == [3, 3, 3] and {one.tid for one in found} == {handler.tid}
assert [one.parent for one in found] == [handler, inner, handler]
assert "SELECT id FROM items WHERE id = ?" in found[1].attributes.values()
assert [one.rare.status for one in found] == [0, 0, 2] and found[2].rare.events[0].name == "exception"
"""
    )
    run(python, code)


@pytest.mark.parametrize("theirs", [False, True])
def test_the_environments_limits_hold_for_spans_of_both(python: Any, theirs: bool) -> None:
    begin = "trace.get_tracer('lib').start_as_current_span('s')" if theirs else "span('s')"
    code = f"""
with {begin} as one:
    for number in range(9):
        one.set_attribute(str(number), "x" * 9)
        one.add_event(str(number))
get().flush(5)
[found] = get().exporter.spans
assert found.attributes == {{"0": "xxxxx", "1": "xxxxx"}} and found.extra.dropped_attributes == 7
assert [event.name for event in found.extra.events] == ["0", "1", "2"] and found.extra.dropped_events == 6
"""
    limits = {"ATTRIBUTE_COUNT": "2", "SPAN_ATTRIBUTE_VALUE_LENGTH": "5", "SPAN_EVENT_COUNT": "3"}
    run(python, OURS + THEIRS + code, **{f"OTEL_{name}_LIMIT": value for name, value in limits.items()})


def test_the_environments_resource_detectors_are_asked(python: Any, tmp_path: Any) -> None:
    package = tmp_path / "detecting-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: detecting\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[opentelemetry_resource_detector]\nmine = detecting:Mine\n")
    (tmp_path / "detecting.py").write_text(
        "from opentelemetry.sdk.resources import Resource, ResourceDetector\n"
        "class Mine(ResourceDetector):\n"
        "    def detect(self): return Resource({'host.name': 'h', 'service.name': 'detected'})\n"
    )
    code = OURS + "print(get().resource['host.name'], get().resource['service.name'])\n"
    code += "assert get().resource['telemetry.sdk.name'] == 'tracekit'"
    detectors = {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "mine"}
    assert run(python, code, **detectors) == "h detected"
    assert run(python, code, OTEL_SERVICE_NAME="shop", **detectors) == "h shop"
