"""What detectors share. They find everything here; a call whose event nobody recognises does without it."""

from __future__ import annotations

from tracekit.triggers import DATASOURCE as DATASOURCE
from tracekit.triggers import HTTP as HTTP
from tracekit.triggers import OTHER as OTHER
from tracekit.triggers import PUBSUB as PUBSUB
from tracekit.triggers import TIMER as TIMER
from tracekit.triggers import Trigger as Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any


def http(
    *,
    method: str,
    path: str | None,
    route: str | None = None,
    scheme: str | None = None,
    host: str | None = None,
    headers: Mapping[str, Any] | None = None,
    client: str | None = None,
) -> Trigger:
    """An HTTP request (HTTP server conventions). Query strings are left out: they often hold secrets."""
    fields = {str(name).lower(): value for name, value in (headers or {}).items()}
    address, port = _split(host or fields.get("host"))
    attributes = {
        "http.request.method": method,
        "http.route": route,
        "url.path": path,
        "url.scheme": scheme or fields.get("x-forwarded-proto"),
        "server.address": address,
        "server.port": port,
        "client.address": client,
        "user_agent.original": fields.get("user-agent"),
    }
    present = {key: value for key, value in attributes.items() if value is not None}
    trigger = Trigger(HTTP, present, fields, f"{method} {route or path or ''}".rstrip())
    trigger.status_of = status_code
    return trigger


def batch(
    system: str,
    destination: str | None,
    carriers: Sequence[Mapping[str, Any]],
    count: int | None,
    message_id: str | None = None,
    sent: Iterable[Any] = (),
) -> Trigger:
    """Messages from a queue or topic (messaging conventions, operation `process`).

    `carriers` may be empty ones; `count` is None where the event does not tell; `sent` are the moments at
    which the messages were sent, in any form the platforms use.
    """
    attributes: dict[str, Any] = {
        "messaging.system": system,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
    if count is not None:
        attributes["messaging.batch.message_count"] = count
    if destination:
        attributes["messaging.destination.name"] = str(destination)
    if message_id and count == 1:
        attributes["messaging.message.id"] = str(message_id)
    trigger = Trigger(PUBSUB, attributes)
    trigger.is_message = True
    trigger.messages = [carrier for carrier in carriers if carrier]
    trigger.sent_at(sent)
    return trigger


def datasource(
    collection: str | None,
    operation: str,
    name: str | None,
    time: str | None,
    *,
    sent: Iterable[Any] = (),
    records: int = 1,
    more: Mapping[str, Any] | None = None,
) -> Trigger:
    """A change in a store of objects or documents (FaaS conventions, faas.document.*).

    The attributes tell about the first of `records` changes. `sent`: when they happened, `time` by default.
    """
    attributes = {
        "faas.document.collection": collection,
        "faas.document.operation": operation,
        "faas.document.name": name,
        "faas.document.time": time,
        "tracekit.trigger.records": records,
        **(more or {}),
    }
    trigger = Trigger(DATASOURCE, {key: value for key, value in attributes.items() if value is not None})
    trigger.sent_at(sent or (time,))
    return trigger


def timer(time: str | None, **more: Any) -> Trigger:
    """A schedule (FaaS conventions, faas.time)."""
    attributes = {"faas.time": time, **more}
    trigger = Trigger(TIMER, {key: value for key, value in attributes.items() if value is not None})
    trigger.sent_at((time,))
    return trigger


def status_code(result: Any) -> int | None:
    """The status of a handler's {statusCode, ...} answer. Anything else is sent with 200."""
    status = result.get("statusCode", 200) if isinstance(result, dict) else 200
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    return status if isinstance(status, int) else None


def first(items: Any) -> dict[str, Any]:
    """The first item of a list of objects; an empty one if it is nothing of the kind."""
    item = items[0] if isinstance(items, list) and items else None
    return item if isinstance(item, dict) else {}


def objects(items: Any) -> list[dict[str, Any]]:
    """The objects of a list; none if it is no list."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def first_values(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Headers that may have several values each, with the first of each."""
    return {name: value[0] for name, value in headers.items() if isinstance(value, list) and value}


def byte_headers(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Kafka's headers, whose values come as lists of numbers (of signed bytes, when Java wrote them)."""
    found = {}
    for name, value in pairs:
        if isinstance(value, list):
            value = bytes([number & 255 for number in value if isinstance(number, int)])
        found[str(name)] = value
    return found


def part(event: Any, *path: str) -> dict[str, Any]:
    """A nested object, empty where something on the way is missing or no object."""
    for key in path:
        event = event.get(key) if isinstance(event, dict) else None
    return event if isinstance(event, dict) else {}


def _split(host: Any) -> tuple[str | None, int | None]:
    if not isinstance(host, str) or not host:
        return None, None
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and "]" not in port:
        return name, int(port)
    return host, None
