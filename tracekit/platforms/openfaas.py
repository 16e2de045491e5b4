"""OpenFaaS, template python3-http: handle(event, context) with event.{body,headers,method,query,path}.

Flushes inside the call: the watchdog may freeze or scale away the container once it has answered.
"""

from __future__ import annotations

from tracekit.platforms import Facts, text
from tracekit.triggers.base import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from the event; the gateway's X-Call-Id is the id of the call, X-Start-Time when it took it."""
    event = args[-2]
    facts = Facts(args)
    facts.function = env.get("OPENFAAS_NAME") or _host(event.headers)
    facts.trigger = http(method=event.method, path=event.path, headers=dict(event.headers))
    fields = facts.trigger.carrier or {}
    facts.invocation_id = text(fields.get("x-call-id"))
    started = text(fields.get("x-start-time"))
    if started and started.isdigit():  # nanoseconds, as the gateway writes them
        facts.trigger.sent_at([int(started) / 1e6])
    return facts


def _host(headers: Any) -> str | None:
    """The function's name: the gateway calls FUNCTION.NAMESPACE.svc or FUNCTION:8080."""
    host = text({str(name).lower(): value for name, value in dict(headers).items()}.get("host"))
    name = host.partition(":")[0].partition(".")[0] if host else ""
    return name if name and not name.isdigit() and name != "localhost" else None
