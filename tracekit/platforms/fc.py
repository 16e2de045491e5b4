"""Alibaba Cloud Function Compute: handler(event, context), initialize(context). FC 2.0 and 3.0 contexts.

Flushes inside the call: the instance is frozen as soon as it has answered.
"""

from __future__ import annotations

from tracekit.platforms import Facts, text
from tracekit.triggers.base import OTHER, Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from FC's context object. Every field may be missing (PLATFORMS.md §1.2)."""
    context = args[-1]
    facts = Facts(args)
    if len(args) == 1:
        facts.is_initializer = True
        return facts
    facts.event = args[-2]
    facts.function = text(getattr(context.function, "name", None)) or env.get("FC_FUNCTION_NAME")
    facts.invocation_id = text(context.request_id)
    facts.resource_id = _arn(context, facts.function)
    facts.carrier = _carrier(context)
    return facts


def from_headers(facts: Facts, headers: Mapping[str, str]) -> None:
    """Adds what FC's headers (lower case) say about a request to a custom runtime or container."""
    facts.invocation_id = headers["x-fc-request-id"]
    facts.function = headers.get("x-fc-function-name") or facts.function
    region, account = headers.get("x-fc-region"), headers.get("x-fc-account-id")
    facts.resource_id = _path(region, account, headers.get("x-fc-service-name"), facts.function)
    control = headers.get("x-fc-control-path")
    facts.is_initializer = control == "/initialize"
    if control == "/invoke" and facts.trigger is not None:
        # An event, not a request: what it is stands in the body, which is the application's to read.
        caller = facts.trigger.carrier
        facts.trigger = Trigger(OTHER, carrier=caller)


def _arn(context: Any, function: str | None) -> str | None:
    service = text(getattr(getattr(context, "service", None), "name", None))
    return _path(getattr(context, "region", None), getattr(context, "account_id", None), service, function)


def _path(region: str | None, account: str | None, service: str | None, function: str | None) -> str | None:
    if not (region and account and function):
        return None
    path = f"services/{service}/functions/{function}" if service else f"functions/{function}"
    return f"acs:fc:{region}:{account}:{path}"


def _carrier(context: Any) -> Mapping[str, Any]:
    tracing = getattr(context, "tracing", None)
    fields = {
        "traceparent": getattr(tracing, "traceparent", None),
        "tracestate": getattr(tracing, "tracestate", None),
        "uber-trace-id": getattr(tracing, "span_context", None),
    }
    return {name: value for name, value in fields.items() if value}
