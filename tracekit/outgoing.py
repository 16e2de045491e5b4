"""The active span's context in the shapes that calls and messages take, where plain headers do not fit.

For HTTP headers, MNS and RocketMQ properties, CloudEvent extensions and whatever else maps names to text,
`tracekit.inject(carrier)` is all there is to it. All of these honour OTEL_PROPAGATORS and give an empty shape
where no span is active.
"""

from __future__ import annotations

from tracekit.api import inject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def fields() -> dict[str, str]:
    """The context as a plain mapping."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier


def client_context(custom: Mapping[str, Any] | None = None) -> str:
    """`ClientContext` for AWS Lambda's Invoke: Base64 of JSON, with your own `custom` values in it.

    Newer runtimes hand the `w3c` part to `context.w3c()`; every runtime has `context.client_context.custom`.
    AWS allows 3,583 bytes and passes it on in synchronous calls.
    """
    import json
    from binascii import b2a_base64

    found = fields()
    document: dict[str, Any] = {"custom": {**found, **(custom or {})}}
    w3c = {name: found[name] for name in ("traceparent", "tracestate", "baggage") if name in found}
    if w3c:
        document["w3c"] = w3c
    return b2a_base64(json.dumps(document).encode(), newline=False).decode("ascii")


def message_attributes() -> dict[str, dict[str, str]]:
    """`MessageAttributes` for SQS and SNS. They count towards SQS' ten attributes a message."""
    return {name: {"DataType": "String", "StringValue": value} for name, value in fields().items()}


def kafka_headers() -> list[tuple[str, bytes]]:
    """Headers as Python's Kafka clients take them."""
    return [(name, value.encode("ascii", "replace")) for name, value in fields().items()]
