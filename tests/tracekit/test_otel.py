"""opentelemetry's spans and ours in one tree, whichever is imported first.

Each case is a process of its own.
"""

from __future__ import annotations

from typing import Any

import pytest

OURS = "from tracekit import traced, span, current_span, pipeline, set_attribute\n"
THEIRS = "from opentelemetry import trace, baggage, context\n"
SHOW = """
from tracekit.pipeline import get
def show():
    get().flush(5)
    for s in get().exporter.spans:
        parent = s.parent
        names = {x.sid: x.name for x in get().exporter.spans}
        print(s.name, "<", names.get(parent.sid, "?") if parent is not None else None, s.trace_id[:4])
"""


def tree(python: Any, code: str, **env: str) -> dict[str, str]:
    result = python(code + "\nshow()\n", OTEL_TRACES_EXPORTER="memory", **env)
    assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert len({row[3] for row in rows}) == 1, "one trace"
    return {row[0]: row[2] for row in rows}


@pytest.mark.parametrize("imports", [OURS + THEIRS, THEIRS + OURS], ids=["ours first", "theirs first"])
def test_spans_nest_in_the_order_they_are_made(python: Any, imports: str) -> None:
    code = (
        imports
        + SHOW
        + """
tracer = trace.get_tracer("lib", "1.0")
@traced(name="inner")
def inner():
    with tracer.start_as_current_span("theirs-innermost"):
        with span("ours-innermost"):
            pass
with span("root"):
    with tracer.start_as_current_span("theirs"):
        inner()
    with span("sibling"):
        pass
"""
    )
    assert tree(python, code) == {
        "root": "None",
        "theirs": "root",
        "inner": "theirs",
        "theirs-innermost": "inner",
        "ours-innermost": "theirs-innermost",
        "sibling": "root",
    }


def test_ours_nest_under_a_root_of_theirs(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + SHOW
        + """
tracer = trace.get_tracer("lib")
with tracer.start_as_current_span("theirs"):
    with span("ours"):
        with tracer.start_as_current_span("theirs-again"):
            pass
"""
    )
    assert tree(python, code) == {"theirs": "None", "ours": "theirs", "theirs-again": "ours"}


def test_baggage_survives_our_spans(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + SHOW
        + """
with span("root"):
    token = context.attach(baggage.set_baggage("user", "7"))
    with span("ours"):
        assert baggage.get_baggage("user") == "7"
        assert trace.get_current_span().get_span_context().span_id == current_span().sid
    context.detach(token)
    assert baggage.get_baggage("user") is None
"""
    )
    assert tree(python, code) == {"root": "None", "ours": "root"}


def test_our_span_can_be_written_to_through_their_api(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + SHOW
        + """
with span("ours") as s:
    theirs = trace.get_current_span()
    theirs.set_attribute("a", 1)
    theirs.add_event("e")
    theirs.set_status(trace.StatusCode.ERROR, "why")
    theirs.update_name("renamed")
assert s.attributes == {"a": 1} and s.name == "renamed" and s.rare.message == "why"
"""
    )
    assert tree(python, code) == {"renamed": "None"}


def test_their_propagator_carries_our_span(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + SHOW
        + """
from opentelemetry.propagate import inject
with span("ours") as s:
    carrier = {}
    inject(carrier)
    assert carrier["traceparent"] == f"00-{s.trace_id}-{s.span_id}-01"
"""
    )
    assert tree(python, code) == {"ours": "None"}


def test_everything_a_span_of_theirs_holds_is_kept(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + SHOW
        + """
link = trace.SpanContext(5, 6, True)
tracer = trace.get_tracer("lib", "1.2")
try:
    with tracer.start_as_current_span("theirs", kind=trace.SpanKind.CLIENT, attributes={"a": [1, 2]},
                                      links=[trace.Link(link, {"l": 1})]) as s:
        s.add_event("tick", {"n": 1})
        raise KeyError("k")
except KeyError:
    pass
get().flush(5)
[record] = get().exporter.spans
assert (record.kind, record.attributes) == (3, {"a": [1, 2]})
assert record.extra.scope == ("lib", "1.2") and record.extra.status == 2
assert [e.name for e in record.extra.events] == ["tick", "exception"]
assert record.extra.links[0].context.sid == 6
"""
    )
    assert tree(python, code) == {"theirs": "None"}


def test_tracers_got_before_the_user_sets_a_provider_nest_and_are_shared(python: Any) -> None:
    code = (
        THEIRS
        + OURS
        + SHOW
        + """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
early = trace.get_tracer("early")
mine = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(mine))
trace.set_tracer_provider(provider)
with span("ours") as outer:
    with early.start_as_current_span("theirs"):
        with span("inner"):
            pass
[theirs] = mine.get_finished_spans()
assert theirs.parent.span_id == outer.sid
"""
    )
    assert tree(python, code) == {"inner": "theirs", "theirs": "ours", "ours": "None"}


def test_below_an_unsampled_span_of_theirs_nothing_is_recorded(python: Any) -> None:
    code = (
        THEIRS
        + OURS
        + SHOW
        + """
off = trace.NonRecordingSpan(trace.SpanContext(1, 2, False, trace.TraceFlags(0)))
with trace.use_span(off):
    with span("never"):
        pass
with span("kept"):
    pass
"""
    )
    assert tree(python, code) == {"kept": "None"}


def test_a_context_of_another_kind_is_named_once_and_everything_is_still_recorded(python: Any) -> None:
    code = (
        """
import opentelemetry.context
from opentelemetry.context.context import Context, _RuntimeContext
class Other(_RuntimeContext):
    stack = [Context()]
    def attach(self, context): self.stack.append(context); return context
    def get_current(self): return self.stack[-1]
    def detach(self, token): self.stack.pop()
opentelemetry.context._RUNTIME_CONTEXT = Other()
"""
        + OURS
        + THEIRS
        + """
from tracekit.pipeline import get
with span("ours"):
    with trace.get_tracer("lib").start_as_current_span("theirs"):
        with trace.get_tracer("lib").start_as_current_span("below"):
            pass
get().flush(5)
print(sorted(one.name for one in get().exporter.spans))
"""
    )
    result = python(code, OTEL_TRACES_EXPORTER="memory")
    assert (result.returncode, result.stdout.strip()) == (0, "['below', 'ours', 'theirs']")
    [line] = result.stderr.splitlines()
    assert "do not nest in each other" in line and "OTEL_PYTHON_CONTEXT" in line


def test_a_keep_rule_keeps_their_spans_below_the_call(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + SHOW
        + """
@traced(handler=True)
def handler(event, context):
    with trace.get_tracer("lib").start_as_current_span("theirs") as theirs:
        assert theirs.is_recording() and not theirs.get_span_context().trace_flags.sampled
        with span("inner"):
            if event: raise KeyError("k")
handler({}, None)
try:
    handler({"fails": True}, None)
except KeyError:
    pass
"""
    )
    env = {"OTEL_TRACES_SAMPLER": "always_off", "TRACEKIT_KEEP": "errors"}
    assert tree(python, code, **env) == {"theirs": "handler", "inner": "theirs", "handler": "None"}


def test_their_spans_follow_their_own_api(python: Any) -> None:
    code = (
        OURS
        + THEIRS
        + SHOW
        + """
tracer = trace.get_tracer("lib")
one = tracer.start_span("by-hand", start_time=5, kind=trace.SpanKind.CLIENT)
assert (one.name, one.kind, one.start_time, one.end_time, one.parent) == (
    "by-hand", trace.SpanKind.CLIENT, 5, None, None)
one.set_status(trace.StatusCode.OK)
one.set_status(trace.StatusCode.ERROR, "too late: ok is final")
assert one.status.status_code is trace.StatusCode.OK
one.end(end_time=9)
one.end(end_time=99)
one.set_attribute("after", 1)
assert one.end_time == 9 and not one.is_recording() and one.attributes == {}
below = tracer.start_span("below", context=trace.set_span_in_context(one))
assert trace.get_current_span() is trace.INVALID_SPAN and below.parent == one.get_span_context()
try:
    with below: raise ValueError("v")
except ValueError:
    pass
assert below.status.status_code is trace.StatusCode.ERROR and below.status.description == "ValueError: v"
@tracer.start_as_current_span("decorated")
def decorated(): return trace.get_current_span().name
with trace.use_span(one):
    assert decorated() == "decorated"
"""
    )
    assert tree(python, code) == {"by-hand": "None", "below": "by-hand", "decorated": "by-hand"}
