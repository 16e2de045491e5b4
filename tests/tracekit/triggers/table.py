"""What each sample event must be recognised as, and where its trace context goes.

The samples in events/ are as the platforms document them. A slot takes an event and fields and puts them
where a sender would.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

EVENTS = Path(__file__).with_name("events")
Fields = dict[str, str]


class Sample(NamedTuple):
    file: str
    kind: str
    attributes: dict[str, Any]
    name: str | None = None
    slot: Callable[[Any, Fields], None] | None = None
    link: bool = False  # the context becomes a link and not the parent
    sent: bool = True  # the event tells when it was sent

    @property
    def event(self) -> Any:
        return json.loads((EVENTS / f"{self.file}.json").read_text())


def headers(event: Any, fields: Fields) -> None:
    event["headers"] = {**without_context(event["headers"]), **fields}


def multi_value_headers(event: Any, fields: Fields) -> None:
    given = {name: [value] for name, value in fields.items()}
    event["multiValueHeaders"] = {**without_context(event["multiValueHeaders"]), **given}


def without_context(headers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.lower() != "traceparent"}


def user_properties(event: Any, fields: Fields) -> None:
    event[0]["data"]["userProperties"] = fields


def own_user_properties(event: Any, fields: Fields) -> None:
    event[0]["userProperties"] = fields


def fc_kafka_headers(event: Any, fields: Fields) -> None:
    message = json.loads(event[0])
    pairs = [{"key": name, "value": list(value.encode())} for name, value in fields.items()]
    message["data"]["headers"]["headers"] = pairs
    event[0] = json.dumps(message)


def rabbitmq_headers(event: Any, fields: Fields) -> None:
    event[0]["data"]["props"]["headers"] = fields


def message_body(event: Any, fields: Fields) -> None:
    event[0]["data"]["messageBody"] = json.dumps(fields)


def extensions(event: Any, fields: Fields) -> None:
    target = event[0] if isinstance(event, list) else event
    target.pop("traceparent", None)
    target.update(fields)


def topic_keys(event: Any, fields: Fields) -> None:
    event.pop("traceparent")
    event.update(fields)


def stream_attributes(event: Any, fields: Fields) -> None:
    event["attrs"] = fields


def sqs_attributes(event: Any, fields: Fields) -> None:
    values = {name: {"stringValue": value, "dataType": "String"} for name, value in fields.items()}
    event["Records"][0]["messageAttributes"] = values
    del event["Records"][0]["attributes"]["AWSTraceHeader"]


def sns_attributes(event: Any, fields: Fields) -> None:
    values = {name: {"Type": "String", "Value": value} for name, value in fields.items()}
    event["Records"][0]["Sns"]["MessageAttributes"] = values


def kafka_headers(event: Any, fields: Fields) -> None:
    pairs = [{name: list(value.encode())} for name, value in fields.items()]
    event["records"]["clicks-0"][0]["headers"] = pairs


def detail(event: Any, fields: Fields) -> None:
    event["detail"] = fields


def http(method: str, path: str, **more: Any) -> dict[str, Any]:
    dotted = {key.replace("__", "."): value for key, value in more.items()}
    return {"http.request.method": method, "url.path": path, **dotted}


def messages(system: str, destination: str | None, count: int | None) -> dict[str, Any]:
    expected: dict[str, Any] = {
        "messaging.system": system,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
    if destination is not None:
        expected["messaging.destination.name"] = destination
    if count is not None:
        expected["messaging.batch.message_count"] = count
    return expected


def document(operation: str, collection: str | None, records: int = 1, **more: str) -> dict[str, Any]:
    expected: dict[str, Any] = {"faas.document.operation": operation, "tracekit.trigger.records": records}
    if collection is not None:
        expected["faas.document.collection"] = collection
    return expected | {f"faas.document.{key}": value for key, value in more.items()}


def named(name: str, source: str | None = None, identity: str | None = None) -> dict[str, Any]:
    found = {"name": name, "source": source, "id": identity}
    return {f"tracekit.trigger.{key}": value for key, value in found.items() if value is not None}


TIME = "2024-02-27T02:00:00Z"
SAMPLES = [
    Sample("fc_http", "http", http("GET", "/orders/7", server__address="shop.test"), "GET /orders/7", headers,
           sent=False),
    Sample("fc_gateway", "http", http("POST", "/api/orders"), "POST /api/orders", headers, sent=False),
    Sample("oss", "datasource",
           document("insert", "pictures", name="in/cat.png", time="2024-04-13T11:01:14.000Z")
           | named("ObjectCreated:PutObject", identity="65DD9ECE")
           | {"oss.bucket.name": "pictures", "oss.object.size": 122}),
    Sample("fc_timer", "timer", {"faas.time": TIME} | named("nightly")),
    Sample("fc_rocketmq", "pubsub", messages("rocketmq", "orders", 2), None, user_properties, True),
    Sample("fc_kafka", "pubsub", messages("kafka", "clicks", 1), None, fc_kafka_headers, True),
    Sample("fc_rabbitmq", "pubsub", messages("rabbitmq", "jobs", 1), None, rabbitmq_headers, True),
    Sample("fc_mns_queue", "pubsub",
           messages("alibaba_cloud_mns", "mails", 1) | {"messaging.message.id": "mid"}, None, message_body,
           True),
    Sample("fc_dts", "datasource",
           {"tracekit.trigger.records": 1} | named("dts:ConsumeMessage", "dts-f0s1", "d1")),
    Sample("fc_eventbridge", "pubsub",
           {"messaging.system": "alibaba_cloud_eventbridge", "messaging.destination.name": "default",
            "cloudevents.event_type": "oss:ObjectCreated:PutObject"}, None, extensions),
    Sample("fc_eventbridge_batch", "pubsub", messages("alibaba_cloud_eventbridge", "orders", 1), None,
           extensions, True),
    Sample("rocketmq", "pubsub", messages("rocketmq", "orders", 1) | {"messaging.message.id": "7F00"}, None,
           own_user_properties, True),
    Sample("mqtt", "pubsub", messages("mqtt", "sensors//kitchen", 1), sent=False),
    Sample("cdn", "other",
           named("CachedObjectsRefreshed", "pictures.test", "c089fca5-1a97-4d1d-a1b3-c3d3fbc6a6a2")),
    Sample("sls", "pubsub", messages("alibaba_cloud_sls", "shop/access", None)
           | named("1f7043ced683de1a4e3d8d70b5a412843d81b39a", "http://cn-hangzhou-intranet.log.test",
                   "c2691505-38da-4d1b-998a-f1d4bb8c9994")),
    Sample("tablestore", "datasource", document("edit", None, 2)),
    Sample("mns_topic", "pubsub",
           messages("alibaba_cloud_mns", "news", 1) | {"messaging.message.id": "n1"}, None, topic_keys, True),
    Sample("mns_stream", "pubsub", messages("alibaba_cloud_mns", None, 1), None, stream_attributes, True,
           False),
    Sample("aws_http", "http",
           http("GET", "/pets/7", http__route="/pets/{id}", url__scheme="https", server__address="api.test"),
           "GET /pets/{id}", headers, sent=False),
    Sample("aws_function_url", "http", http("GET", "/pets/7"), "GET /pets/7", headers, sent=False),
    Sample("aws_rest", "http",
           http("DELETE", "/pets/7", http__route="/pets/{id}", client__address="10.0.0.3"),
           "DELETE /pets/{id}", headers, sent=False),
    Sample("aws_rest_multi_value", "http", http("DELETE", "/pets/7", server__address="rest.test"),
           "DELETE /pets/{id}", multi_value_headers, sent=False),
    Sample("aws_alb", "http", http("GET", "/carts", client__address="10.0.0.4", server__address="shop.test"),
           "GET /carts", headers, sent=False),
    Sample("aws_sqs", "pubsub", messages("aws_sqs", "orders", 2), None, sqs_attributes, True),
    Sample("aws_sns", "pubsub", messages("aws.sns", "news", 1) | {"messaging.message.id": "9"}, None,
           sns_attributes, True),
    Sample("aws_s3", "datasource", document("delete", "archive", name="old.txt")),
    Sample("aws_kinesis", "pubsub", messages("aws.kinesis", "clicks", 2)),
    Sample("aws_dynamodb", "datasource", document("edit", "carts")),
    Sample("aws_kafka", "pubsub", messages("kafka", "clicks", 2), None, kafka_headers, True),
    Sample("aws_self_managed_kafka", "pubsub", messages("kafka", "clicks", 1), None, kafka_headers, True),
    Sample("aws_schedule", "timer", {"faas.time": TIME} | named("hourly")),
    Sample("aws_eventbridge", "pubsub",
           {"messaging.system": "aws.eventbridge"} | named("order.created", "shop"), None, detail),
    Sample("aws_cloudwatch_logs", "pubsub", messages("aws.cloudwatch_logs", None, None), sent=False),
    Sample("aws_cognito", "other", named("PreSignUp_SignUp", "eu-west-1_x"), sent=False),
    Sample("cloudevent", "pubsub", {"cloudevents.event_type": "object.finalized"}, None, extensions,
           sent=False),
    Sample("direct", "other", {}, sent=False),
]  # fmt: skip
