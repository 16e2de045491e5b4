"""One sample event for each detector, as the platforms document them."""

from __future__ import annotations

import json
from typing import Any

TRACEPARENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
OTHER = "00-" + "ab" * 16 + "-" + "ef" * 8 + "-01"

FC_HTTP: dict[str, Any] = {
    "version": "v1",
    "rawPath": "/orders/7",
    "headers": {"Host": "shop.test:8080", "User-Agent": "curl/8", "Traceparent": TRACEPARENT},
    "queryParameters": {"q": "1"},
    "body": "",
    "isBase64Encoded": False,
    "requestContext": {
        "accountId": "1",
        "domainName": "shop.test",
        "requestId": "1-65dd9ece-123e1745-e6b2fe71423f",
        "http": {"method": "GET", "path": "/orders/7", "protocol": "HTTP/1.1", "sourceIp": "10.0.0.1"},
    },
}
FC_GATEWAY: dict[str, Any] = {
    "path": "/api/orders",
    "httpMethod": "POST",
    "headers": {"traceparent": TRACEPARENT},
    "queryParameters": {},
    "pathParameters": {},
    "body": "",
    "isBase64Encoded": False,
}
OSS: dict[str, Any] = {
    "events": [
        {
            "eventName": "ObjectCreated:PutObject",
            "eventSource": "acs:oss",
            "eventTime": "2024-04-13T11:01:14.000Z",
            "oss": {
                "bucket": {"name": "pictures"},
                "object": {"key": "in/cat.png", "size": 122, "eTag": "E"},
            },
            "region": "cn-hangzhou",
        }
    ]
}
FC_TIMER: dict[str, Any] = {"payload": "", "triggerName": "nightly", "triggerTime": "2024-02-27T02:00:00Z"}


def rocketmq(*traceparents: str) -> list[Any]:
    return [
        {
            "id": f"m{number}",
            "source": "RocketMQ-Function",
            "specversion": "1.0",
            "type": "mq:Topic:SendMessage",
            "datacontenttype": "application/json; charset=utf-8",
            "subject": "acs:mq:cn-hangzhou:1:mq%topic",
            "data": {
                "topic": "orders",
                "systemProperties": {"UNIQ_KEY": f"unique-{number}"},
                "userProperties": {"traceparent": traceparent},
                "body": "{}",
            },
        }
        for number, traceparent in enumerate(traceparents)
    ]


KAFKA = [
    json.dumps(
        {
            "specversion": "1.0",
            "id": "k1",
            "source": "acs:alikafka",
            "type": "alikafka:Topic:Message",
            "data": {
                "topic": "clicks",
                "partition": 3,
                "offset": 25,
                "headers": {"headers": [{"key": "traceparent", "value": list(TRACEPARENT.encode())}]},
                "value": "v",
            },
        }
    )
]
MNS_QUEUE = [
    {
        "specversion": "1.0",
        "id": "n1",
        "source": "MNS-Function",
        "type": "mns:Queue:SendMessage",
        "subject": "acs:mns:cn-hangzhou:1:queues/mails",
        "data": {
            "requestId": "r",
            "messageId": "mid",
            "messageBody": json.dumps({"traceparent": TRACEPARENT}),
        },
    }
]
AWS_HTTP: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "GET /pets/{id}",
    "rawPath": "/pets/7",
    "rawQueryString": "",
    "headers": {"host": "api.test", "traceparent": TRACEPARENT, "x-forwarded-proto": "https"},
    "requestContext": {
        "domainName": "api.test",
        "http": {"method": "GET", "path": "/pets/7", "sourceIp": "10.0.0.2", "userAgent": "curl"},
    },
}
FUNCTION_URL: dict[str, Any] = {**AWS_HTTP, "routeKey": "$default"}
AWS_REST: dict[str, Any] = {
    "resource": "/pets/{id}",
    "path": "/pets/7",
    "httpMethod": "DELETE",
    "headers": {"Host": "rest.test", "traceparent": TRACEPARENT},
    "requestContext": {"domainName": "rest.test", "identity": {"sourceIp": "10.0.0.3"}},
}
SQS: dict[str, Any] = {
    "Records": [
        {
            "messageId": "1",
            "body": "b",
            "attributes": {
                "AWSTraceHeader": "Root=1-abababab-abababababababababababab;Parent=cdcdcdcdcdcdcdcd"
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:1:orders",
        },
        {
            "messageId": "2",
            "body": "b",
            "attributes": {},
            "messageAttributes": {"traceparent": {"stringValue": OTHER, "dataType": "String"}},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:1:orders",
        },
    ]
}
SNS: dict[str, Any] = {
    "Records": [
        {
            "EventSource": "aws:sns",
            "Sns": {
                "MessageId": "9",
                "TopicArn": "arn:aws:sns:eu-west-1:1:news",
                "MessageAttributes": {"traceparent": {"Type": "String", "Value": TRACEPARENT}},
            },
        }
    ]
}
S3: dict[str, Any] = {
    "Records": [
        {
            "eventSource": "aws:s3",
            "eventName": "ObjectRemoved:Delete",
            "eventTime": "2024-01-01T00:00:00.000Z",
            "s3": {"bucket": {"name": "archive"}, "object": {"key": "old.txt"}},
        }
    ]
}
EVENTBRIDGE_TIMER: dict[str, Any] = {
    "id": "e1",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2024-01-01T00:00:00Z",
    "resources": ["arn:aws:events:eu-west-1:1:rule/hourly"],
    "detail": {},
}
EVENTBRIDGE: dict[str, Any] = {
    **EVENTBRIDGE_TIMER,
    "detail-type": "order.created",
    "source": "shop",
    "detail": {"traceparent": TRACEPARENT},
}
CLOUDEVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "c1",
    "source": "//storage/x",
    "type": "object.finalized",
    "traceparent": TRACEPARENT,
    "data": {},
}
DIRECT: dict[str, Any] = {"key1": "value1"}
