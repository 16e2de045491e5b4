"""ASGI applications: app(scope, receive, send), also as a method: Knative's functions are objects with such a
`handle`. The status is taken from what is sent. A CloudEvent in binary mode (`ce-*` headers) is a message.
"""

from __future__ import annotations

from time import time_ns

from tracekit.platforms import Facts
from tracekit.triggers import cloudevent
from tracekit.triggers.base import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.triggers.base import Trigger


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from the scope; `send` is wrapped to see the response's status."""
    scope, receive, send = args[-3:]
    if scope.get("type") == "lifespan":  # lasts as long as the server: no call, and nothing belongs below it
        facts = Facts(args)
        facts.unseen = True
        return facts
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in reversed(list(scope.get("headers", ())))
    }
    seen: list[int] = []

    async def watching_send(message: Any) -> Any:
        if message.get("type") == "http.response.start":
            seen.append(message.get("status", 0))
            facts.answering_since = time_ns()
        return await send(message)

    facts = Facts((*args[:-3], scope, receive, watching_send))
    facts.function = (
        env.get("K_SERVICE") or env.get("FC_FUNCTION_NAME") or env.get("AWS_LAMBDA_FUNCTION_NAME")
    )
    facts.trigger = http(
        method=scope.get("method", "GET"),
        path=scope.get("path", "/"),
        scheme=scope.get("scheme", "http"),
        host=headers.get("host"),
        headers=headers,
        client=(scope.get("client") or (None,))[0],
    )
    event = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    if "type" in event and "specversion" in event:
        facts.trigger = _message(event, headers)
    if "x-fc-request-id" in headers:
        from tracekit.platforms import fc

        fc.from_headers(facts, headers)
    facts.trigger.status_of = lambda result: seen[-1] if seen else None
    return facts


def _message(event: dict[str, str], headers: dict[str, str]) -> Trigger:
    """The CloudEvent; its sender is in its own extension attributes, else in the request's headers."""
    trigger = cloudevent.detect(event)
    trigger.carrier = {**headers, **(trigger.carrier or {})}
    return trigger
