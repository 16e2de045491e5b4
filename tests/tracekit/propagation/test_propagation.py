from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit import config, extract, inject, propagation, span
from tracekit.span import SpanContext

# A busy machine is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TRACE, SPAN = "ab" * 16, "cd" * 8
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


def sw8(trace: str, segment: str, number: int = 3, sample: int = 1) -> str:
    texts = [b64encode(text.encode()).decode() for text in (trace, segment)]
    others = [b64encode(text.encode()).decode() for text in ("shop", "i-1", "/pay", "pay:80")]
    return "-".join([str(sample), *texts, str(number), *others])


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
        ({"b3": f"{TRACE}-{SPAN}-1"}, TRACE, SPAN, True),
        ({"B3": f"{TRACE}-{SPAN}-0-{'12' * 8}"}, TRACE, SPAN, False),
        ({"b3": f"{TRACE}-{SPAN}-d"}, TRACE, SPAN, True),
        ({"b3": f"{'ef' * 8}-{SPAN}"}, "0" * 16 + "ef" * 8, SPAN, True),
        ({"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Sampled": "1"}, TRACE, SPAN, True),
        ({"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Sampled": "false"}, TRACE, SPAN, False),
        ({"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Flags": "1"}, TRACE, SPAN, True),
        # The numbers are those OpenTelemetry's collector gives SkyWalking's segments, worked out by hand.
        ({"sw8": sw8("00" * 15 + "01", "10" * 8 + "00" * 8)}, "0" * 31 + "1", "1310101010101010", True),
        ({"sw8": sw8("00" * 15 + "01" + ".1.2", "10" * 8 + "00" * 8, 0, 0)},
         "0" * 8 + "01000000" + "02000000" + "00000001", "10" * 8, False),
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
        {"b3": "0"},
        {"b3": f"{TRACE[1:]}-{SPAN}-1"},
        {"b3": f"+{TRACE[1:]}-{SPAN}-1"},
        {"x-b3-traceid": TRACE},
        {"sw8": sw8("browser", "10" * 16)},
        {"sw8": "1-a-b-c"},
        {"sw8": sw8(TRACE, "10" * 16).replace("-3-", "-x-")},
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


@pytest.fixture
def propagators(recorded: object, monkeypatch: pytest.MonkeyPatch) -> object:
    def choose(names: str) -> None:
        monkeypatch.setenv("OTEL_PROPAGATORS", names)
        config.forget()

    return choose


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("tracecontext", {"traceparent"}),
        ("b3", {"b3"}),
        ("b3multi", {"X-B3-TraceId", "X-B3-SpanId", "X-B3-Sampled"}),
        ("jaeger", {"uber-trace-id"}),
        ("fc", {"x-fc-tracing-opentracing-span-context"}),
        ("google", {"X-Cloud-Trace-Context"}),
        ("xray", {"X-Amzn-Trace-Id"}),
    ],
)
def test_a_format_that_is_asked_for_is_written_and_read_back(
    propagators: object, name: str, fields: set[str]
) -> None:
    propagators(name)  # type: ignore[operator]
    carrier: dict[str, str] = {}
    with span("client") as client:
        inject(carrier)
    assert set(carrier) == fields
    found = extract(carrier)
    assert found is not None and (found.trace_id, found.span_id) == (client.trace_id, client.span_id)


def test_every_format_that_can_be_named_is_written_or_read() -> None:
    known = {name for _, _, names in propagation.PROPAGATORS for name in names}
    assert set(config._PROPAGATORS) == known | set(propagation.WRITERS)
    assert known - set(propagation.WRITERS) == {"sw8"}


def test_the_first_named_format_wins_and_others_are_not_read(propagators: object) -> None:
    carrier = {"traceparent": TRACEPARENT, "b3": f"{'12' * 16}-{SPAN}-1", "uber-trace-id": "1:2:0:1"}
    for names, trace in (
        ("b3,tracecontext", "12" * 16),
        ("tracecontext,b3", TRACE),
        ("jaeger", "0" * 31 + "1"),
    ):
        propagators(names)  # type: ignore[operator]
        found = extract(carrier)
        assert found is not None and found.trace_id == trace
    propagators("google")  # type: ignore[operator]
    assert extract(carrier) is None


def test_none_means_that_nothing_is_read_or_written(propagators: object) -> None:
    propagators("none")  # type: ignore[operator]
    carrier: dict[str, str] = {}
    with span("client"):
        inject(carrier)
    assert carrier == {}
    assert extract({"traceparent": TRACEPARENT, "baggage": "a=1"}) is None


def test_an_unknown_format_is_said_and_ignored(
    propagators: object, capsys: pytest.CaptureFixture[str]
) -> None:
    propagators("tracecontex,b3")  # type: ignore[operator]
    assert config.get().propagators == ("b3",)
    assert "'tracecontex'" in capsys.readouterr().err


FIELDS = [*sorted({field for field, *_ in propagation.PROPAGATORS}), "baggage", "uberctx-a"]


@patient
@given(st.dictionaries(st.sampled_from(FIELDS), st.text()))
def test_no_header_makes_extraction_fail(carrier: dict[str, str]) -> None:
    propagation.extract(carrier)
    propagation.baggage_of(carrier)
