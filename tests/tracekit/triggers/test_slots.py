"""Every trigger's sample with every format its slot can carry: the right parent or link and attributes."""

from __future__ import annotations

import time
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tracekit.triggers.table import SAMPLES, Sample, extensions
from tracekit import config, propagation, traced
from tracekit.propagation import WRITERS
from tracekit.span import CONSUMER, SERVER, SpanContext

TRACE, SPAN = "ab" * 16, "cd" * 8
OTHER_TRACES_SPAN = "ef" * 8  # some batches have a second message with a context of its own
CALLER = SpanContext(int(TRACE, 16), int(SPAN, 16))


def written(name: str) -> dict[str, str]:
    """The fields of one format for CALLER, as our own writer makes them (SkyWalking's by hand)."""
    if name == "sw8":
        # The segment's id with span number 0 folds to SPAN: its halves differ in exactly those bits.
        texts = [b64encode(text.encode()).decode() for text in (TRACE, SPAN + "0" * 16)]
        return {"sw8": "-".join(["1", *texts, "0", "YQ==", "YQ==", "YQ==", "YQ=="])}
    carrier: dict[str, str] = {}
    module, function = WRITERS[name]
    getattr(propagation._module(module), function)(CALLER, carrier)
    return carrier


FORMATS = {name: written(name) for name in (*WRITERS, "sw8") if name not in ("baggage", "xray-lambda")}


def fits(sample: Sample, fields: dict[str, str]) -> bool:
    # CloudEvents' extension attributes are lower-case letters and digits.
    return sample.slot is not extensions or all(name.isalnum() and name.islower() for name in fields)


CASES = [
    pytest.param(sample, name, id=f"{sample.file}-{name}")
    for sample in SAMPLES
    if sample.slot is not None
    for name, fields in FORMATS.items()
    if fits(sample, fields)
]


@traced(name="handler")
def handler(event: Any, context: Any) -> Any:
    return {"statusCode": 200}


def fc_context(**fields: Any) -> Any:
    return SimpleNamespace(request_id="r", function=SimpleNamespace(name="shop"), **fields)


def links(call: Any) -> list[tuple[str, str]]:
    return [(link.context.trace_id, link.context.span_id) for link in (call.rare.links if call.rare else [])]


@pytest.mark.parametrize(("sample", "name"), CASES)
def test_the_context_in_its_slot_is_the_parent_or_a_link(recorded: Any, sample: Sample, name: str) -> None:
    assert sample.slot is not None
    event = sample.event
    sample.slot(event, FORMATS[name])
    handler(event, fc_context())
    call = recorded.named(sample.name or "shop")
    own = [link for link in links(call) if link[1] != OTHER_TRACES_SPAN]
    if sample.link:
        assert (call.parent, own) == (None, [(TRACE, SPAN)])
    else:
        assert (call.trace_id, call.parent.span_id, own) == (TRACE, SPAN, [])
    assert call.attributes["faas.trigger"] == sample.kind
    assert {key: call.attributes.get(key) for key in sample.attributes} == sample.attributes
    assert call.kind == (CONSUMER if sample.kind == "pubsub" else SERVER)


@pytest.mark.parametrize(
    "sample", [sample for sample in SAMPLES if sample.slot is None], ids=lambda sample: sample.file
)
def test_an_event_without_a_slot_leaves_the_parent_to_the_platform(recorded: Any, sample: Sample) -> None:
    tracing = SimpleNamespace(span_context=f"{TRACE}:{SPAN}:0:1", traceparent="", tracestate="")
    handler(sample.event, fc_context(tracing=tracing))
    call = recorded.named("shop")
    assert (call.trace_id, call.parent.span_id) == (TRACE, SPAN)
    assert {key: call.attributes.get(key) for key in sample.attributes} == sample.attributes


@pytest.mark.parametrize("file", ["fc_rocketmq", "aws_sqs", "aws_kafka"])
def test_each_message_of_a_batch_is_one_link(recorded: Any, file: str) -> None:
    [sample] = [sample for sample in SAMPLES if sample.file == file]
    handler(sample.event, fc_context())
    assert [span for _, span in links(recorded.named("shop"))] == [SPAN, OTHER_TRACES_SPAN]


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.file for sample in SAMPLES])
def test_the_time_it_waited_is_told_where_the_event_was_dated(recorded: Any, sample: Sample) -> None:
    handler(sample.event, fc_context())
    call = recorded.named(sample.name or "shop")
    waited = call.attributes.get("tracekit.queue_delay_ms")
    if not sample.sent:
        assert waited is None
    else:
        # One more, because the delay may be rounded up to a whole millisecond that is not over yet.
        assert 0 < waited <= time.time() * 1000 - 1704067200000 + 1, "the samples are from 2024"


def test_a_sender_whose_clock_is_ahead_gives_no_negative_delay(recorded: Any) -> None:
    event = {"triggerName": "t", "triggerTime": "2099-01-01T00:00:00Z", "payload": ""}
    handler(event, fc_context())
    assert recorded.named("shop").attributes["tracekit.queue_delay_ms"] == 0


def test_sqs_own_header_wins_over_no_attribute(recorded: Any) -> None:
    [sample] = [sample for sample in SAMPLES if sample.file == "aws_sqs"]
    event = sample.event
    event["Records"] = event["Records"][:1]
    handler(event, fc_context())
    assert links(recorded.named("shop")) == [(TRACE, SPAN)]
    assert config.get().propagators is None
