"""Google functions-framework: f(flask.Request), f(CloudEvent), and f(starlette's Request) of its ASGI mode.

Flushes inside the call: on Google's platforms the CPU stops once the response is out.
"""

from __future__ import annotations

from tracekit.platforms import Facts, text
from tracekit.triggers.base import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.triggers.base import Trigger


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from the request or event and the framework's environment."""
    facts = Facts(args)
    facts.function = env.get("K_SERVICE") or env.get("FUNCTION_TARGET")
    kinds = ("environ", "query_params", "get_attributes")
    subject = next((arg for arg in args[:2] if any(hasattr(arg, kind) for kind in kinds)), args[0])
    if not hasattr(subject, "get_attributes"):
        facts.trigger = _http(subject) if hasattr(subject, "environ") else _starlette(subject)
        facts.invocation_id = text(subject.headers.get("Function-Execution-Id"))
    else:
        facts.event = _plain_event(subject)
    return facts


def _http(request: Any) -> Trigger:
    trigger = http(
        method=request.method,
        path=request.path,
        route=_route(request),
        scheme=request.scheme,
        host=request.host,
        headers=dict(request.headers),
        client=request.remote_addr,
    )
    trigger.status_of = _status
    return trigger


def _starlette(request: Any) -> Trigger:
    trigger = http(
        method=request.method,
        path=request.url.path,
        scheme=request.url.scheme,
        host=request.url.netloc,
        headers=dict(request.headers),
        client=getattr(request.client, "host", None),
    )
    trigger.status_of = _status
    return trigger


def _route(request: Any) -> str | None:
    # The framework mounts every function on "/<path:path>", which says less than the path itself.
    rule = getattr(request, "url_rule", None)
    route = text(getattr(rule, "rule", None))
    return None if route is None or "<path:path>" in route else route


def _status(result: Any) -> int | None:
    """The status of anything a flask view may return: body, (body, status[, headers]), Response."""
    if isinstance(result, tuple) and len(result) > 1 and isinstance(result[1], int):
        return result[1]
    if isinstance(result, tuple) and result:
        result = result[0]
    status = getattr(result, "status_code", 200)
    return status if isinstance(status, int) else None


def _plain_event(event: Any) -> Any:
    attributes = event.get_attributes() if hasattr(event, "get_attributes") else {}
    return {**attributes, "data": getattr(event, "data", None)}
