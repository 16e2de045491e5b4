"""The caller's baggage travels through a function, whoever wrote it and whoever asks for it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tracekit import config, inject, propagation, span, traced

TRACEPARENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


def event(**headers: str) -> dict[str, Any]:
    return {"httpMethod": "GET", "path": "/", "pathParameters": {}, "headers": headers}


@traced(handler=True)
def handler(event: Any, context: Any) -> dict[str, str]:
    carrier: dict[str, str] = {}
    with span("client"):
        inject(carrier)
    return carrier


@pytest.mark.parametrize(
    "fields",
    [
        {"baggage": "user=42,tier=gold"},
        {"uberctx-user": "42", "uberctx-tier": "gold"},
        {"x-fc-tracing-opentracing-span-context-baggage-user": "42",
         "x-fc-tracing-opentracing-span-context-baggage-tier": "gold"},
        {"x-fc-tracing-opentracing-span-baggages":
            b64encode(json.dumps({"user": "42", "tier": "gold"}).encode()).decode()},
    ],
)  # fmt: skip
def test_every_form_of_baggage_goes_on_as_w3cs(recorded: object, fields: dict[str, str]) -> None:
    carrier = handler(event(traceparent=TRACEPARENT, **fields), None)
    assert carrier["baggage"] == "user=42,tier=gold"


def test_baggage_travels_without_a_span_and_when_the_call_is_not_sampled(recorded: object) -> None:
    assert handler(event(baggage="a=1"), None)["baggage"] == "a=1"
    unsampled = handler(event(traceparent=TRACEPARENT[:-1] + "0", baggage="a=1"), None)
    assert unsampled["baggage"] == "a=1" and unsampled["traceparent"].endswith("-00")


@pytest.mark.parametrize("text", ["a=\u00e9", "a=1\r\nx: y", "a=" + "1" * 9000])
def test_baggage_that_breaks_the_rules_is_dropped(text: str) -> None:
    assert propagation.baggage_of({"baggage": text}) == ""


def test_values_are_encoded_where_the_source_was_not(recorded: object) -> None:
    assert propagation.baggage_of({"uberctx-name": "a,b=c"}) == "name=a%2Cb%3Dc"


def test_baggage_stays_where_only_the_trace_context_was_asked_for(
    recorded: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PROPAGATORS", "tracecontext")
    config.forget()
    assert set(handler(event(traceparent=TRACEPARENT, baggage="a=1"), None)) == {"traceparent"}


def test_opentelemetry_sees_the_callers_baggage_and_may_add_to_it(recorded: object) -> None:
    from opentelemetry import baggage, context, trace

    assert trace  # both parts of its API are there, as in any program that uses it

    @traced(handler=True)
    def with_opentelemetry(event: Any, context_: Any) -> tuple[Any, dict[str, str]]:
        carrier: dict[str, str] = {}
        token = context.attach(baggage.set_baggage("mine", "2"))
        with span("client"):
            inject(carrier)
        context.detach(token)
        return baggage.get_baggage("theirs"), carrier

    seen, carrier = with_opentelemetry(event(traceparent=TRACEPARENT, baggage="theirs=1"), None)
    assert seen == "1"
    assert set(carrier["baggage"].split(",")) == {"theirs=1", "mine=2"}
