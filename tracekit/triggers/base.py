"""What a trigger detector finds out from an event."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

HTTP, PUBSUB, DATASOURCE, TIMER, OTHER = "http", "pubsub", "datasource", "timer", "other"


class Trigger:
    """Why a function was called.

    `kind` is faas.trigger's value. `carrier` may hold the caller's trace context; `messages` hold one carrier
    for each message of a batch, which become links and never the parent (messaging conventions).
    """

    __slots__ = ("attributes", "carrier", "is_message", "kind", "messages", "name", "status_of")

    def __init__(
        self,
        kind: str,
        attributes: dict[str, Any] | None = None,
        carrier: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.kind = kind
        self.attributes = attributes or {}
        self.carrier = carrier
        self.name = name
        self.messages: list[Mapping[str, Any]] = []
        self.is_message = False
        self.status_of: Callable[[Any], int | None] | None = None

    def status(self, result: Any) -> int | None:
        """The HTTP status the call's result means; None for what is no HTTP call."""
        return None if self.status_of is None else self.status_of(result)


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
    count: int,
    message_id: str | None = None,
) -> Trigger:
    """Messages from a queue or topic (messaging conventions, operation `process`)."""
    attributes: dict[str, Any] = {
        "messaging.system": system,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.batch.message_count": count,
    }
    if destination:
        attributes["messaging.destination.name"] = destination
    if message_id and count == 1:
        attributes["messaging.message.id"] = message_id
    trigger = Trigger(PUBSUB, attributes)
    trigger.is_message = True
    trigger.messages = list(carriers)
    return trigger


def datasource(
    collection: str | None, operation: str, name: str | None, time: str | None, **more: Any
) -> Trigger:
    """A change in a store of objects or documents (FaaS conventions, faas.document.*)."""
    attributes = {
        "faas.document.collection": collection,
        "faas.document.operation": operation,
        "faas.document.name": name,
        "faas.document.time": time,
        **more,
    }
    return Trigger(DATASOURCE, {key: value for key, value in attributes.items() if value is not None})


def timer(time: str | None, **more: Any) -> Trigger:
    """A schedule (FaaS conventions, faas.time)."""
    attributes = {"faas.time": time, **more}
    return Trigger(TIMER, {key: value for key, value in attributes.items() if value is not None})


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
