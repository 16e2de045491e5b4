"""Who is calling? PLATFORMS is the registry: one line for each, a cheap test and the adapter's module.

An adapter has `describe(args, kwargs, env) -> Facts` and is loaded when its test says yes.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.invocation import Invocation
    from tracekit.triggers.base import Trigger


class Facts:
    """One call as its platform tells it; `unseen` if it turns out to be none.

    `event` goes to the trigger detectors unless the adapter sets `trigger` itself. `carrier` holds the
    platform's own trace fields. `args` are what the handler gets, possibly with a wrapper of ours in them.
    `goes_on(result, call)` is for calls that are not over when they return: it gives what the platform gets
    instead of the result and calls `call.finish()` when it is really over, or gives None if it is over now.
    `answering_since` is when the head of the answer was given (Unix nanoseconds), where that is seen.
    """

    __slots__ = (
        "answering_since",
        "args",
        "attributes",
        "carrier",
        "event",
        "flushed_by_runtime",
        "function",
        "goes_on",
        "invocation_id",
        "is_initializer",
        "resource_id",
        "trigger",
        "unseen",
    )

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.args = args
        self.event: Any = None
        self.function: str | None = None
        self.invocation_id: str | None = None
        self.resource_id: str | None = None
        self.attributes: dict[str, Any] = {}
        self.carrier: Mapping[str, Any] | None = None
        self.trigger: Trigger | None = None
        self.is_initializer = False
        self.unseen = False
        self.goes_on: Callable[[Any, Invocation], Any] | None = None
        self.flushed_by_runtime = False
        self.answering_since = 0


def text(value: Any) -> str | None:
    """A context's field as text; None for nothing."""
    return str(value) if value not in (None, "") else None


def _is_lambda(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return len(args) >= 2 and hasattr(args[-1], "aws_request_id")


def _is_fc(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    if not args or not hasattr(args[-1], "request_id"):
        return False
    return hasattr(getattr(args[-1], "function", None), "name")


def _is_functions_framework(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    # By name, because importing flask, starlette or cloudevents to ask would load them.
    return any(_is_request(arg) or _is_cloud_event(arg) for arg in args[:2])


def _is_request(value: Any) -> bool:
    return _is_a(value, "flask.wrappers", "Request") or _is_a(value, "starlette.requests", "Request")


def _is_cloud_event(value: Any) -> bool:
    return _is_a(value, "cloudevents.", "CloudEvent")


def _is_azure(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    # Its worker has loaded the module before it calls anything; elsewhere nobody's arguments are touched.
    if "azure.functions" not in sys.modules:
        return False
    # The context has this field nowhere else; a function that does not ask for it is known by its bindings.
    # Calls come with keyword arguments.
    given = (*args, *kwargs.values())
    return any(hasattr(arg, "function_directory") or _is_binding(arg) for arg in given)


def _is_binding(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return any(base.__module__.startswith("azure.functions") for base in type(first).__mro__)


def _is_openfaas(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    if len(args) < 2 or isinstance(args[-2], dict):
        return False
    return all(hasattr(args[-2], name) for name in ("body", "headers", "method", "query", "path"))


def _is_asgi(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    if len(args) < 3 or not isinstance(args[-3], dict):
        return False
    return args[-3].get("type") in ("http", "lifespan") and callable(args[-2]) and callable(args[-1])


def _is_wsgi(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return len(args) >= 2 and isinstance(args[-2], dict) and "wsgi.version" in args[-2] and callable(args[-1])


def _is_a(value: Any, module: str, name: str) -> bool:
    # Proxies (flask.request is a LocalProxy) answer for what they stand for with __class__, not with type().
    kind = getattr(value, "__class__", type(value))
    bases = getattr(kind, "__mro__", ())
    return any(base.__name__ == name and base.__module__.startswith(module) for base in bases)


# FC's HTTP functions of version 2 are WSGI with FC's context inside, and the adapter knows that.
PLATFORMS: tuple[tuple[str, Callable[[tuple[Any, ...], Mapping[str, Any]], bool]], ...] = (
    ("aws_lambda", _is_lambda),
    ("fc", _is_fc),
    ("functions_framework", _is_functions_framework),
    ("azure", _is_azure),
    ("openfaas", _is_openfaas),
    ("asgi", _is_asgi),
    ("wsgi", _is_wsgi),
)


def recognise(
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    env: Mapping[str, str],
    is_handler: bool,
    name: str | None = None,
) -> Facts | None:
    """What the platform says about this call; None if no platform makes it.

    `is_handler`: the user says it is a handler, so the generic adapter takes what nobody else does.
    """
    for module, matches in PLATFORMS:
        if name == module or (name is None and matches(args, kwargs)):
            return _describe(module, args, kwargs, env)
    return _describe("generic", args, kwargs, env) if is_handler else None


def _describe(
    module: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]
) -> Facts | None:
    adapter = __import__(f"tracekit.platforms.{module}", fromlist=("describe",))
    facts: Facts | None = adapter.describe(args, kwargs, env)
    return facts
