"""What is put into a call or a message is found again by the function that gets it."""

from __future__ import annotations

import json
from base64 import b64decode
from types import SimpleNamespace
from typing import Any

from tracekit import outgoing, span, traced


@traced(name="called")
def called(event: Any, context: Any) -> None: ...


def lambda_context(client_context: Any) -> Any:
    return SimpleNamespace(aws_request_id="r", function_name="called", client_context=client_context)


def test_a_lambda_called_with_our_client_context_is_the_callers_child(recorded: Any) -> None:
    with span("invoke", kind="client") as client:
        text = outgoing.client_context({"tenant": "t-1"})
    document = json.loads(b64decode(text))
    assert document["custom"]["tenant"] == "t-1"
    called({}, lambda_context(SimpleNamespace(custom=document["custom"])))
    assert recorded.named("called").parent.span_id == client.span_id
    assert document["w3c"]["traceparent"] == document["custom"]["traceparent"]


def test_the_runtime_clients_own_w3c_fields_are_understood(recorded: Any) -> None:
    from awslambdaric.lambda_context import LambdaContext

    with span("invoke") as client:
        document = json.loads(b64decode(outgoing.client_context()))
    called({}, LambdaContext("r-1", document, None, 0, "arn:aws:lambda:eu-west-1:1:function:called"))
    [call] = [span for span in recorded.all if (span.attributes or {}).get("faas.invocation_id") == "r-1"]
    assert call.parent.span_id == client.span_id


def test_messages_carry_the_sender_as_a_link(recorded: Any) -> None:
    with span("send", kind="producer") as sender:
        attributes = outgoing.message_attributes()
        headers = outgoing.kafka_headers()
    received = {
        name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
        for name, value in attributes.items()
    }
    sqs = {"messageId": "1", "eventSource": "aws:sqs", "messageAttributes": received}
    record = {"topic": "t", "headers": [{name: list(value)} for name, value in headers]}
    called({"Records": [sqs]}, lambda_context(None))
    called({"eventSource": "aws:kafka", "records": {"t-0": [record]}}, lambda_context(None))
    calls = [span for span in recorded.all if span.name == "called"]
    assert [[link.context.span_id for link in call.rare.links] for call in calls] == [[sender.span_id]] * 2


def test_without_a_span_there_is_nothing_to_carry() -> None:
    assert (outgoing.fields(), outgoing.message_attributes(), outgoing.kafka_headers()) == ({}, {}, [])
    assert json.loads(b64decode(outgoing.client_context())) == {"custom": {}}
