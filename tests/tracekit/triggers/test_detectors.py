"""Every trigger is recognised by a sample of its event, given as an object and as JSON bytes."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import propagation, triggers

_spec = importlib.util.spec_from_file_location("trigger_samples", Path(__file__).with_name("samples.py"))
assert _spec is not None and _spec.loader is not None
samples = importlib.util.module_from_spec(_spec)
sys.modules["trigger_samples"] = samples
_spec.loader.exec_module(samples)

BATCH = {"messaging.operation.name": "process", "messaging.operation.type": "process"}
TABLE: list[tuple[str, Any, str, str | None, dict[str, Any]]] = [
    (
        "FC HTTP",
        samples.FC_HTTP,
        "http",
        "GET /orders/7",
        {"http.request.method": "GET", "url.path": "/orders/7", "server.address": "shop.test"},
    ),
    ("FC API gateway", samples.FC_GATEWAY, "http", "POST /api/orders", {"http.request.method": "POST"}),
    (
        "OSS",
        samples.OSS,
        "datasource",
        None,
        {
            "faas.document.collection": "pictures",
            "faas.document.operation": "insert",
            "faas.document.name": "in/cat.png",
            "faas.document.time": "2024-04-13T11:01:14.000Z",
            "oss.bucket.name": "pictures",
        },
    ),
    ("FC timer", samples.FC_TIMER, "timer", None, {"faas.time": "2024-02-27T02:00:00Z"}),
    (
        "RocketMQ",
        samples.rocketmq(samples.TRACEPARENT, samples.OTHER),
        "pubsub",
        None,
        BATCH
        | {
            "messaging.system": "rocketmq",
            "messaging.destination.name": "orders",
            "messaging.batch.message_count": 2,
        },
    ),
    (
        "Kafka",
        samples.KAFKA,
        "pubsub",
        None,
        BATCH | {"messaging.system": "kafka", "messaging.destination.name": "clicks"},
    ),
    (
        "MNS queue",
        samples.MNS_QUEUE,
        "pubsub",
        None,
        BATCH
        | {
            "messaging.system": "alibaba_cloud_mns",
            "messaging.destination.name": "mails",
            "messaging.message.id": "mid",
        },
    ),
    (
        "AWS HTTP API",
        samples.AWS_HTTP,
        "http",
        "GET /pets/{id}",
        {
            "http.route": "/pets/{id}",
            "url.path": "/pets/7",
            "url.scheme": "https",
            "server.address": "api.test",
        },
    ),
    ("function URL", samples.FUNCTION_URL, "http", "GET /pets/7", {"url.path": "/pets/7"}),
    (
        "AWS REST API",
        samples.AWS_REST,
        "http",
        "DELETE /pets/{id}",
        {"http.route": "/pets/{id}", "client.address": "10.0.0.3"},
    ),
    (
        "SQS",
        samples.SQS,
        "pubsub",
        None,
        BATCH
        | {
            "messaging.system": "aws_sqs",
            "messaging.destination.name": "orders",
            "messaging.batch.message_count": 2,
        },
    ),
    (
        "SNS",
        samples.SNS,
        "pubsub",
        None,
        BATCH | {"messaging.system": "aws.sns", "messaging.destination.name": "news"},
    ),
    (
        "S3",
        samples.S3,
        "datasource",
        None,
        {"faas.document.collection": "archive", "faas.document.operation": "delete"},
    ),
    (
        "EventBridge timer",
        samples.EVENTBRIDGE_TIMER,
        "timer",
        None,
        {"faas.time": "2024-01-01T00:00:00Z", "tracekit.trigger.name": "hourly"},
    ),
    ("EventBridge", samples.EVENTBRIDGE, "pubsub", None, {"messaging.system": "aws.eventbridge"}),
    ("CloudEvent", samples.CLOUDEVENT, "pubsub", None, {"cloudevents.event_type": "object.finalized"}),
    ("direct", samples.DIRECT, "other", None, {}),
]
NO_CONTEXT = {"OSS", "FC timer", "S3", "EventBridge timer", "direct"}


@pytest.mark.parametrize(
    ("name", "event", "kind", "span_name", "attributes"), TABLE, ids=[row[0] for row in TABLE]
)
@pytest.mark.parametrize("form", ["object", "json bytes"])
def test_a_sample_event_is_recognised(
    name: str, event: Any, kind: str, span_name: str | None, attributes: dict[str, Any], form: str
) -> None:
    trigger = triggers.detect(json.dumps(event).encode() if form == "json bytes" else event)
    assert (trigger.kind, trigger.name) == (kind, span_name)
    assert attributes.items() <= trigger.attributes.items()
    assert trigger.is_message == (kind == "pubsub")


@pytest.mark.parametrize(("name", "event"), [row[:2] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_context_is_found_in_its_slot(name: str, event: Any) -> None:
    trigger = triggers.detect(event)
    found = [propagation.extract(carrier) for carrier in [trigger.carrier, *trigger.messages]]
    ids = [context.span_id for context in found if context]
    if name in NO_CONTEXT:
        assert ids == []
    else:
        assert ids[0] == "cd" * 8


def test_each_message_of_a_batch_has_its_own_context() -> None:
    messages = triggers.detect(samples.rocketmq(samples.TRACEPARENT, samples.OTHER)).messages
    contexts = [propagation.extract(carrier) for carrier in messages]
    assert [context.span_id for context in contexts if context] == ["cd" * 8, "ef" * 8]


def test_every_registered_detector_has_a_sample() -> None:
    # A detector nobody recognises anything with would be dead: each module is loaded by the table above.
    for _, event, *_ in TABLE:
        triggers.detect(event)
    for module, _ in triggers.DETECTORS:
        assert f"tracekit.triggers.{module}" in sys.modules, module


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted({key for _, keys in triggers.DETECTORS for key in keys if key != triggers.LIST})


@given(st.dictionaries(st.sampled_from(KEYS), json_values))
def test_no_event_makes_a_detector_fail(event: dict[str, Any]) -> None:
    assert triggers.detect(event).kind in ("http", "pubsub", "datasource", "timer", "other")


@given(st.binary(max_size=50))
def test_no_bytes_make_a_detector_fail(event: bytes) -> None:
    triggers.detect(event)
