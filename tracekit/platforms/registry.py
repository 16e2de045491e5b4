"""Every platform: one line for each, a cheap test and the adapter's module."""

from __future__ import annotations

import sys

from tracekit.platforms import FIRST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


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
    *FIRST,
    ("functions_framework", _is_functions_framework),
    ("azure", _is_azure),
    ("openfaas", _is_openfaas),
    ("asgi", _is_asgi),
    ("wsgi", _is_wsgi),
)


def whose(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """The adapter of the platform that makes this call; None if none of them does."""
    return next((module for module, matches in PLATFORMS if matches(args, kwargs)), None)
