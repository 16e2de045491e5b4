from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import extract, inject, span
from tracekit.span import SpanContext

TRACE, SPAN = "ab" * 16, "cd" * 8


@pytest.mark.parametrize(
    ("carrier", "trace", "parent", "sampled"),
    [
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, TRACE, SPAN, True),
        ({"Traceparent": f"00-{TRACE}-{SPAN}-00"}, TRACE, SPAN, False),
        ({"TRACEPARENT": [f"00-{TRACE}-{SPAN}-03"]}, TRACE, SPAN, True),
        ({"traceparent": f"cc-{TRACE}-{SPAN}-01-future"}, TRACE, SPAN, True),
        ({"x-amzn-trace-id": f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=1"}, TRACE, SPAN, True),
        ({"x-amzn-trace-id": f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=0"}, TRACE, SPAN, False),
        ({"uber-trace-id": "371d3ff242fcee9:371d3ff242fcee8:0:1"}, "0" * 17 + "371d3ff242fcee9",
         "0371d3ff242fcee8", True),
        ({"uber-trace-id": f"{TRACE}%3A{SPAN}%3A0%3A0"}, TRACE, SPAN, False),
        ({"x-fc-tracing-opentracing-span-context": f"{TRACE}:{SPAN}:0:1"}, TRACE, SPAN, True),
        ({"X-Cloud-Trace-Context": f"{TRACE}/{int(SPAN, 16)};o=1"}, TRACE, SPAN, True),
        ({"x-cloud-trace-context": f"{TRACE}/10;o=0"}, TRACE, "000000000000000a", False),
    ],
)  # fmt: skip
def test_every_format_is_read(carrier: dict[str, str], trace: str, parent: str, sampled: bool) -> None:
    found = extract(carrier)
    assert found is not None
    assert (found.trace_id, found.span_id, found.sampled, found.remote) == (trace, parent, sampled, True)


@pytest.mark.parametrize(
    "carrier",
    [
        {},
        {"traceparent": ""},
        {"traceparent": f"ff-{TRACE}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01-extra"},
        {"traceparent": f"00-{TRACE.upper()}-{SPAN}-01"},
        {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{'0' * 16}-01"},
        {"traceparent": f"00-+{TRACE[1:]}-{SPAN}-01"},
        {"x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"},
        {"uber-trace-id": "a:b:c"},
        {"x-cloud-trace-context": f"{TRACE}/abc"},
    ],
)
def test_what_is_invalid_is_no_context(carrier: dict[str, str]) -> None:
    assert extract(carrier) is None


def test_the_better_format_wins() -> None:
    found = extract({"uber-trace-id": "1:2:0:1", "traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert found is not None and found.trace_id == TRACE


def test_what_is_injected_is_extracted(recorded: object) -> None:
    carrier: dict[str, str] = {}
    with span("client") as client:
        inject(carrier)
    found = extract(carrier)
    assert found is not None and (found.trace_id, found.span_id) == (client.trace_id, client.span_id)


def test_without_a_span_nothing_is_injected() -> None:
    carrier: dict[str, str] = {}
    inject(carrier)
    assert carrier == {}


def test_the_trace_state_travels_on() -> None:
    found = extract({"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"})
    assert found == SpanContext(int(TRACE, 16), int(SPAN, 16), True, "vendor=1")


@given(st.dictionaries(st.sampled_from(["traceparent", "uber-trace-id", "x-amzn-trace-id"]), st.text()))
def test_no_header_makes_extraction_fail(carrier: dict[str, str]) -> None:
    extract(carrier)
