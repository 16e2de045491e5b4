"""A TracerProvider of the user's and tracekit: each has the whole trace, whichever comes first."""

from __future__ import annotations

from typing import Any

import pytest

OURS = "from tracekit import traced, span, flush, pipeline\nfrom tracekit.pipeline import get\n"
THEIRS = """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, SamplingResult, Decision
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
mine = InMemorySpanExporter()
def set_provider(**arguments):
    provider = TracerProvider(**arguments)
    provider.add_span_processor(BatchSpanProcessor(mine))
    trace.set_tracer_provider(provider)
"""
NESTED = """
with span("ours") as ours:
    with trace.get_tracer("lib").start_as_current_span("theirs") as theirs:
        with span("inner"):
            pass
assert get().flush(10)
there = {one.name: one for one in mine.get_finished_spans()}
here = {one.name: one for one in get().exporter.spans}
"""


def run(python: Any, code: str, **env: str) -> str:
    result = python(code, **{"OTEL_TRACES_EXPORTER": "memory", **env})
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return str(result.stdout).strip()


@pytest.mark.parametrize("ours_first", [True, False])
def test_both_sides_have_every_span_once(python: Any, ours_first: bool) -> None:
    set_up = THEIRS + "set_provider(resource=Resource({'team': 'shop'}))\n"
    code = OURS + set_up if ours_first else set_up + OURS
    checks = """
assert len(mine.get_finished_spans()) == len(get().exporter.spans) == 3
assert there["theirs"].parent.span_id == there["ours"].context.span_id == ours.sid
assert there["inner"].parent.span_id == there["theirs"].context.span_id == here["theirs"].sid
assert {one.resource.attributes["team"] for one in there.values()} == {"shop"}
assert get().resource["team"] == "shop" and get().resource["telemetry.sdk.name"] == "tracekit"
"""
    run(python, code + NESTED + checks)


def test_a_provider_is_left_alone_where_that_is_asked_for(python: Any) -> None:
    code = OURS + THEIRS + "set_provider()\n" + NESTED + "print(sorted(here))\ntrace.get_tracer_provider()"
    code += ".force_flush()\nprint([one.name for one in mine.get_finished_spans()])"
    found = run(python, code, TRACEKIT_OTEL_SHARE="false").splitlines()
    assert found == ["['inner', 'ours']", "['theirs']"]


def test_their_processors_get_our_spans_where_we_export_nothing(python: Any) -> None:
    nested, _, _ = NESTED.partition("\nhere = ")
    code = (
        OURS + THEIRS + "set_provider()\n" + nested + "\nassert sorted(there) == ['inner', 'ours', 'theirs']"
    )
    run(python, code, OTEL_TRACES_EXPORTER="none")


@pytest.mark.parametrize(
    ("sampler", "kept"),
    [("ALWAYS_OFF", 0), ("ParentBased(ALWAYS_OFF)", 0), ("TraceIdRatioBased(0.0)", 0), ("Every(1)", 200)],
)
def test_a_providers_sampler_decides_about_our_traces_too(python: Any, sampler: str, kept: int) -> None:
    code = (
        OURS
        + THEIRS
        + f"""
class Every(Sampler):
    def __init__(self, share): self.share = share
    def should_sample(self, parent_context, trace_id, name, *rest, **more):
        return SamplingResult(Decision.RECORD_AND_SAMPLE if self.share and name == "ours" else Decision.DROP)
    def get_description(self): return "Every"
set_provider(sampler={sampler})
for name in ("ours", "others"):
    for _ in range(200):
        with span(name): pass
get().flush(10)
print(len(get().exporter.spans))
"""
    )
    assert run(python, code) == str(kept)


def test_a_providers_ratio_is_counted_for_our_spans(python: Any) -> None:
    code = OURS + THEIRS + "set_provider(sampler=ParentBased(TraceIdRatioBased(0.5)))\n"
    code += (
        "for _ in range(200):\n    with span('ours'): pass\nget().flush(10)\nfound = get().exporter.spans\n"
    )
    code += "assert 50 < len(found) < 150, len(found)\n"
    run(python, code + "assert all(one.attributes['tracekit.adjusted_count'] == 2 for one in found)")


def test_the_environment_outranks_a_providers_sampler(python: Any) -> None:
    code = OURS + THEIRS + "set_provider(sampler=ALWAYS_OFF)\nwith span('ours'): pass\nget().flush(10)\n"
    code += "print(len(get().exporter.spans))"
    assert run(python, code, OTEL_TRACES_SAMPLER="always_on") == "1"


def test_an_exporter_of_theirs_that_hangs_costs_a_budget_once(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + """
import threading, time
release = threading.Event()
class Hangs(SpanProcessor):
    def on_end(self, span): release.wait(60)
    def force_flush(self, timeout_millis=30000): release.wait(60)
    def shutdown(self): pass
trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
trace.get_tracer_provider().add_span_processor(Hangs())
took = []
for _ in range(5):
    with span("ours"): pass
    began = time.monotonic()
    get().flush(1.0)
    took.append(time.monotonic() - began)
assert took[0] >= 1.0 and sum(took) < 4.0, took
release.set()
"""
    )
    run(python, code)


def test_what_they_hold_leaves_after_a_call_and_at_exit(python: Any, tmp_path: Any) -> None:
    code = (
        OURS
        + THEIRS
        + """
from opentelemetry.sdk.trace.export import ConsoleSpanExporter
trace.set_tracer_provider(TracerProvider())
out = ConsoleSpanExporter(out=open("spans.txt", "w"), formatter=lambda span: span.name + " ")
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(out, schedule_delay_millis=60000))
@traced(handler=True)
def handler(event, context):
    with trace.get_tracer("lib").start_as_current_span("theirs"): pass
handler({}, None)
assert "theirs" in open("spans.txt").read().split()
with span("last"): pass
"""
    )
    run(python, code)
    assert {"theirs", "handler", "last"} <= set((tmp_path / "spans.txt").read_text().split())


def test_a_sampler_of_an_installed_package_is_found_by_its_name(python: Any, tmp_path: Any) -> None:
    package = tmp_path / "chosen-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: chosen\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[opentelemetry_traces_sampler]\nchosen = chosen:make\n")
    (tmp_path / "chosen.py").write_text(
        "from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON\n"
        "def make(argument): return ALWAYS_ON if argument == 'please' else ALWAYS_OFF\n"
    )
    code = OURS + "with span('ours'): pass\nget().flush(10)\nprint(len(get().exporter.spans))"
    assert run(python, code, OTEL_TRACES_SAMPLER="chosen", OTEL_TRACES_SAMPLER_ARG="please") == "1"
    assert run(python, code, OTEL_TRACES_SAMPLER="chosen") == "0"


def test_a_sampler_nobody_provides_gives_one_line_and_the_default(python: Any) -> None:
    code = OURS + "with span('ours'): pass\nget().flush(10)\nprint(len(get().exporter.spans))"
    result = python(code, OTEL_TRACES_EXPORTER="memory", OTEL_TRACES_SAMPLER="sometimes")
    assert result.stdout.strip() == "1"
    assert "OTEL_TRACES_SAMPLER='sometimes'" in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_sampler_of_theirs_is_told_what_a_call_is(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + """
asked = []
class Asks(Sampler):
    def should_sample(self, parent_context, trace_id, name, kind, attributes, *rest, **more):
        asked.append((name, kind.name, attributes["url.path"], trace.get_current_span(parent_context)))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, {"sampler.said": "yes"})
    def get_description(self): return "Asks"
set_provider(sampler=Asks())
event = {"httpMethod": "GET", "path": "/orders", "resource": "/orders", "requestContext": {}, "headers": {
    "traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}}
@traced(handler=True)
def handler(event, context): pass
handler(event, None)
[(name, kind, path, parent)] = asked
assert (name, kind, path) == ("GET /orders", "SERVER", "/orders")
assert parent.get_span_context().span_id == 0xcdcdcdcdcdcdcdcd and parent.get_span_context().is_remote
get().flush(10)
assert {"GET /orders": "yes"} == {
    one.name: one.attributes["sampler.said"]
    for one in get().exporter.spans if "sampler.said" in one.attributes}
"""
    )
    run(python, code)
