"""Columns come from attributes by old and new names, and peers by the order of the service graph."""

from __future__ import annotations

from typing import Any

import pytest

from collector.decode.promote import PROMOTED_KEYS, SpanColumns, resource_columns, scalar_text, span_columns
from collector.model import Kind


def columns_of(kind: Kind, attributes: dict[str, Any], exception_type: str = "") -> dict[str, Any]:
    texts = {key: text for key, value in attributes.items() if (text := scalar_text(value))}
    return dict(zip(SpanColumns._fields, span_columns(kind, texts, exception_type)))


@pytest.mark.parametrize(
    ("attributes", "column", "value"),
    [
        ({"faas.trigger": "http"}, "trigger", "http"),
        ({"faas.coldstart": False}, "coldstart", False),
        ({"faas.coldstart": "true"}, "coldstart", True),
        ({"faas.coldstart": 1}, "coldstart", None),
        ({"tracekit.phase": "function_init"}, "phase", "function_init"),
        ({"faas.execution": "i"}, "invocation_id", "i"),
        ({"http.method": "GET"}, "http_method", "GET"),
        ({"http.route": "/a/{id}", "url.path": "/a/1"}, "http_route", "/a/{id}"),
        ({"http.target": "/a?secret=1"}, "http_route", "/a"),
        ({"http.status_code": 404}, "http_status", 404),
        ({"http.response.status_code": "200"}, "http_status", 200),
        ({"http.response.status_code": 2**40}, "http_status", None),
        ({"db.system": "mysql", "db.statement": "SELECT 'x'"}, "db_statement", "SELECT ?"),
        ({"messaging.destination": "q"}, "messaging_destination", "q"),
        ({"oss.bucket.name": "b"}, "bucket", "b"),
        ({"faas.document.collection": "b"}, "bucket", "b"),
        ({"error.type": 500}, "error_type", "500"),
        ({"error.type": ["a"]}, "error_type", "KeyError"),
    ],
)
def test_columns_are_read_by_new_and_old_names(attributes: dict[str, Any], column: str, value: Any) -> None:
    assert attributes.keys() <= PROMOTED_KEYS
    assert columns_of(Kind.SERVER, attributes, "KeyError")[column] == value


@pytest.mark.parametrize(
    ("attributes", "peer"),
    [
        ({"db.system.name": "sqlite", "db.namespace": "shop.db"}, ("database", "sqlite: shop.db")),
        ({"db.system": "redis", "net.peer.name": "cache"}, ("database", "redis: cache")),
        ({"db.system": "redis"}, ("database", "redis")),
        ({"db.system": "redis", "peer.service": "sessions"}, ("database", "sessions")),
        ({"aws.s3.bucket": "pics", "server.address": "s3"}, ("bucket", "pics")),
        ({"messaging.destination.name": "q", "server.address": "k"}, ("queue", "q")),
        ({"messaging.destination.name": "q", "messaging.operation.type": "receive"}, ("", "")),
        ({"faas.invoked_name": "f", "peer.service": "lambda"}, ("function", "f")),
        ({"service.peer.name": "new", "peer.service": "old", "server.address": "h"}, ("external", "new")),
        ({"server.address": "h", "server.port": 80}, ("external", "h:80")),
        ({"net.peer.name": "h"}, ("external", "h")),
        ({"http.url": "https://user:pw@h:8443/p?q"}, ("external", "h:8443")),
        ({"http.url": "http://["}, ("", "")),
        ({"rpc.service": "Cart"}, ("external", "Cart")),
        ({"http.route": "/"}, ("", "")),
    ],
)
def test_a_peer_is_named_by_what_says_most(attributes: dict[str, Any], peer: tuple[str, str]) -> None:
    columns = columns_of(Kind.CLIENT, attributes)
    assert (columns["peer_kind"], columns["peer"]) == peer
    assert columns_of(Kind.SERVER, attributes)["peer"] == ""


def test_a_producer_sends_whatever_its_operation_is_called() -> None:
    attributes = {"messaging.destination.name": "q", "messaging.operation.type": "process"}
    assert columns_of(Kind.PRODUCER, attributes)["peer_kind"] == "queue"


def test_a_resource_names_function_version_and_instance() -> None:
    assert resource_columns({"service.name": "s", "faas.version": "2", "service.instance.id": "i"})[:3] == (
        "s",
        "2",
        "i",
    )
    assert resource_columns({}).service == "unknown_service"
