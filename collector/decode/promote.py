"""Columns read from attributes: the one place that knows old and new names of the semantic conventions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from collector.decode.sqltext import normalise
from collector.model import Kind

# New name first: it wins when a sender writes both.
_SERVICE_PEER = ("service.peer.name", "peer.service")
_DB_SYSTEM = ("db.system.name", "db.system")
_DB_NAMESPACE = ("db.namespace", "db.name")
_DB_QUERY = ("db.query.text", "db.statement")
_SERVER_ADDRESS = ("server.address", "net.peer.name", "net.peer.ip", "net.sock.peer.addr")
_SERVER_PORT = ("server.port", "net.peer.port")
_HTTP_URL = ("url.full", "http.url")
_HTTP_PATH = ("url.path", "http.target")
_HTTP_METHOD = ("http.request.method", "http.method")
_HTTP_STATUS = ("http.response.status_code", "http.status_code")
INVOCATION = ("faas.invocation_id", "faas.execution")
_DESTINATION = ("messaging.destination.name", "messaging.destination")
_OPERATION = ("messaging.operation.type", "messaging.operation")
_STORE_BUCKET = ("aws.s3.bucket", "oss.bucket.name")
_BUCKET = (*_STORE_BUCKET, "faas.document.collection")

PROMOTED_KEYS = frozenset(
    (
        *_SERVICE_PEER,
        *_DB_SYSTEM,
        *_DB_NAMESPACE,
        *_DB_QUERY,
        *_SERVER_ADDRESS,
        *_SERVER_PORT,
        *_HTTP_URL,
        *_HTTP_PATH,
        *_HTTP_METHOD,
        *_HTTP_STATUS,
        *INVOCATION,
        *_DESTINATION,
        *_OPERATION,
        *_BUCKET,
        "http.route",
        "messaging.system",
        "faas.trigger",
        "faas.coldstart",
        "faas.invoked_name",
        "tracekit.phase",
        "error.type",
        "exception.type",
        "rpc.service",
        # of the resource
        "service.name",
        "service.version",
        "faas.version",
        "faas.instance",
        "service.instance.id",
        "cloud.platform",
        "cloud.region",
    )
)

_RECEIVING = ("receive", "settle", "process", "deliver")
# Written out, not urlsplit, which reads odd URLs otherwise from one Python version to the next.
_AUTHORITY = re.compile(r"[^/?#]*?://([^/?#]*)", re.DOTALL)
_BOOLS = {"true": True, "false": False}


class SpanColumns(NamedTuple):
    """In the order of SPAN_COLUMNS."""

    trigger: str = ""
    coldstart: bool | None = None
    phase: str = ""
    invocation_id: str = ""
    http_method: str = ""
    http_route: str = ""
    http_status: int | None = None
    db_system: str = ""
    db_statement: str = ""
    messaging_system: str = ""
    messaging_destination: str = ""
    bucket: str = ""
    error_type: str = ""
    peer_kind: str = ""
    peer: str = ""


NOTHING = SpanColumns()


class ResourceColumns(NamedTuple):
    """In the order of SPAN_COLUMNS, `service` apart."""

    service: str
    version: str
    instance: str
    platform: str
    region: str


def resource_columns(attributes: dict[str, str]) -> ResourceColumns:
    return ResourceColumns(
        _text(attributes, "service.name") or "unknown_service",
        _text(attributes, "service.version", "faas.version"),
        _text(attributes, "faas.instance", "service.instance.id"),
        _text(attributes, "cloud.platform"),
        _text(attributes, "cloud.region"),
    )


def span_columns(kind: int, attributes: dict[str, str], exception_type: str) -> SpanColumns:
    """`exception_type` is of the last exception event, "" without one."""
    if not attributes and not exception_type:
        return NOTHING
    # The id is new in every call; what remains repeats from call to call and is worked out once.
    others = {key: text for key, text in attributes.items() if key not in INVOCATION}
    columns = columns_of(kind, tuple(others), tuple(others.values()), exception_type)
    invocation_id = _text(attributes, *INVOCATION)
    return columns._replace(invocation_id=invocation_id) if invocation_id else columns


@lru_cache(maxsize=8192)
def columns_of(
    kind: int, keys: tuple[str, ...], texts: tuple[str | None, ...], exception_type: str
) -> SpanColumns:
    """The same of keys and their texts, but for the invocation's id."""
    attributes = {key: text for key, text in zip(keys, texts) if text}
    query = _text(attributes, *_DB_QUERY)
    system = _text(attributes, *_DB_SYSTEM)
    peer_kind, peer = _peer(kind, attributes)
    return SpanColumns(
        trigger=_text(attributes, "faas.trigger"),
        coldstart=_BOOLS.get(attributes.get("faas.coldstart", "")),
        phase=_text(attributes, "tracekit.phase"),
        http_method=_text(attributes, *_HTTP_METHOD),
        http_route=_text(attributes, "http.route") or _text(attributes, *_HTTP_PATH).partition("?")[0],
        http_status=_status(_text(attributes, *_HTTP_STATUS)),
        db_system=system,
        db_statement=normalise(query, system) if query else "",
        messaging_system=_text(attributes, "messaging.system"),
        messaging_destination=_text(attributes, *_DESTINATION),
        bucket=_text(attributes, *_BUCKET),
        error_type=_text(attributes, "error.type") or exception_type,
        peer_kind=peer_kind,
        peer=peer,
    )


def _peer(kind: int, attributes: dict[str, str]) -> tuple[str, str]:
    """(peer_kind, peer) of a CLIENT or PRODUCER span, by the order of SEMANTICS.md "Service graph"."""
    if kind != Kind.CLIENT and kind != Kind.PRODUCER:
        return "", ""
    name = _text(attributes, *_SERVICE_PEER)
    database = _database(attributes)
    if database:
        return "database", name or database
    bucket = _text(attributes, *_STORE_BUCKET)
    if bucket:
        return "bucket", bucket
    destination = _text(attributes, *_DESTINATION)
    if destination:
        # A CLIENT span that receives from a broker is no call to it: the CONSUMER span is the edge.
        receives = kind == Kind.CLIENT and _text(attributes, *_OPERATION) in _RECEIVING
        return ("", "") if receives else ("queue", destination)
    function = _text(attributes, "faas.invoked_name")
    if function:
        return "function", function
    remote = name or _address(attributes) or _text(attributes, "rpc.service")
    return ("external", remote) if remote else ("", "")


def _database(attributes: dict[str, str]) -> str:
    """`<system>: <namespace, else server address>` of a database span, "" of any other."""
    system = _text(attributes, *_DB_SYSTEM)
    namespace = _text(attributes, *_DB_NAMESPACE)
    if not (system or namespace or _text(attributes, *_DB_QUERY)):
        return ""
    where = namespace or _text(attributes, *_SERVER_ADDRESS)
    return f"{system or 'database'}: {where}" if where else system or "database"


def _address(attributes: dict[str, str]) -> str:
    host = _text(attributes, *_SERVER_ADDRESS)
    if host:
        port = _text(attributes, *_SERVER_PORT)
        return f"{host}:{port}" if port else host
    return _url_host(_text(attributes, *_HTTP_URL))


def _url_host(url: str) -> str:
    """host[:port] of a URL, without any user name or password; "" if it has none."""
    found = _AUTHORITY.match(url)
    host = found[1].rpartition("@")[2] if found else ""
    return host if ("[" in host) == ("]" in host) else ""  # "http://[" is no URL


def _text(attributes: dict[str, str], *keys: str) -> str:
    """The first of the keys that says something."""
    for key in keys:
        if value := attributes.get(key):
            return value
    return ""


def scalar_text(value: Any) -> str:
    """An attribute's value as a column takes it: lists, maps and bytes say nothing there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else ""


def _status(digits: str) -> int | None:
    """HTTP status, which some senders write as text."""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
