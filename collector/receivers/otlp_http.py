"""OTLP/HTTP: where each signal is posted, and how protobuf and JSON are answered."""

from __future__ import annotations

from collector.payload import SIGNALS
from collector.receivers import status
from collector.receivers.http_app import Encoding, Route

PROTOBUF = Encoding("application/x-protobuf", "protobuf", status.response_protobuf, status.status_protobuf)
JSON = Encoding("application/json", "json", status.response_json, status.status_json)
ENCODINGS = {
    "application/x-protobuf": PROTOBUF,
    "application/protobuf": PROTOBUF,
    "application/json": JSON,
}

ROUTES = tuple(Route(f"/v1/{signal}", "otlp_http", signal, ENCODINGS, JSON) for signal in SIGNALS)
