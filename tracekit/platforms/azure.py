"""Azure Functions: the worker calls with keyword arguments, by the names of the bindings.

Flushes inside the call: an instance on the consumption plan may be stopped once it is idle.
"""

from __future__ import annotations

from tracekit.platforms import Facts, text
from tracekit.triggers.base import DATASOURCE, PUBSUB, TIMER, Trigger, batch, datasource, http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from the binding that made the call and from the Context, where the function asks for it."""
    given = (*args, *kwargs.values())
    facts = Facts(args)
    facts.function = env.get("WEBSITE_SITE_NAME")
    context = next((value for value in given if hasattr(value, "invocation_id")), None)
    if context is not None:
        facts.function = text(getattr(context, "function_name", None)) or facts.function
        facts.invocation_id = text(context.invocation_id)
        facts.carrier = _carrier(context)
    facts.trigger = next((found for found in map(_trigger, given) if found is not None), None)
    if facts.trigger is None:
        facts.event = next((value for value in given if value is not context), None)
    return facts


def _carrier(context: Any) -> Mapping[str, Any]:
    tracing = getattr(context, "trace_context", None)
    fields = {
        "traceparent": getattr(tracing, "trace_parent", None),
        "tracestate": getattr(tracing, "trace_state", None),
    }
    return {name: value for name, value in fields.items() if value}


def _trigger(value: Any) -> Trigger | None:
    """What a binding's value means, by the name of its class: importing azure.functions would load it."""
    many = value if isinstance(value, list) else [value]
    if not many:
        return None
    names = [base.__name__ for base in type(many[0]).__mro__ if base.__module__.startswith("azure.functions")]
    make = next((BINDINGS[name] for name in names if name in BINDINGS), None)
    return None if make is None else make(many)


def _http(values: list[Any]) -> Trigger:
    request = values[0]
    scheme, _, rest = str(request.url).partition("://")
    host, slash, path = rest.partition("/")
    trigger = http(
        method=request.method,
        path=(slash + path).partition("?")[0] or "/",
        scheme=scheme,
        host=host,
        headers=dict(request.headers),
    )
    trigger.status_of = lambda result: getattr(result, "status_code", 200)
    return trigger


def _timer(values: list[Any]) -> Trigger:
    return Trigger(TIMER)


def _queue(values: list[Any]) -> Trigger:
    sent = [_moment(value.insertion_time) for value in values]
    return batch("azure_queue_storage", None, [], len(values), text(values[0].id), sent)


def _service_bus(values: list[Any]) -> Trigger:
    carriers = [getattr(value, "application_properties", None) or {} for value in values]
    sent = [_moment(getattr(value, "enqueued_time_utc", None)) for value in values]
    identity = text(getattr(values[0], "message_id", None))
    return batch("servicebus", None, carriers, len(values), identity, sent)


def _event_hub(values: list[Any]) -> Trigger:
    carriers = [(value.metadata or {}).get("Properties") or {} for value in values]
    sent = [_moment(value.enqueued_time) for value in values]
    return batch("eventhubs", None, carriers, len(values), None, sent)


def _event_grid(values: list[Any]) -> Trigger:
    trigger = Trigger(PUBSUB, {"messaging.system": "eventgrid"})
    event = values[0]
    trigger.name_source(event.event_type, getattr(event, "topic", None), event.id)
    trigger.sent_at([_moment(event.event_time)])
    trigger.is_message = True
    return trigger


def _blob(values: list[Any]) -> Trigger:
    container, _, name = str(values[0].name or "").partition("/")
    return datasource(container or None, "insert", name or None, None)


def _documents(values: list[Any]) -> Trigger:
    return Trigger(DATASOURCE, {"tracekit.trigger.records": len(values)})


def _moment(value: Any) -> str | None:
    """A datetime as text: azure.functions has parsed it already."""
    return value.isoformat() if hasattr(value, "isoformat") else text(value)


# The registry: one line for each kind of binding, the class of its values.
BINDINGS: dict[str, Callable[[list[Any]], Trigger]] = {
    "HttpRequest": _http,
    "TimerRequest": _timer,
    "QueueMessage": _queue,
    "ServiceBusMessage": _service_bus,
    "EventHubEvent": _event_hub,
    "EventGridEvent": _event_grid,
    "InputStream": _blob,
    "Document": _documents,
}
