"""WSGI applications: app(environ, start_response). FC 2.0's HTTP functions are that, with `fc.context`.

The span ends when the application returns; a body that is generated afterwards is not part of it.
"""

from __future__ import annotations

from tracekit.platforms.base import Facts
from tracekit.triggers.base import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from environ; `start_response` is wrapped to see the status."""
    environ, start_response = args[-2:]
    seen: list[int] = []

    def watching_start(status: str, headers: Any, *more: Any) -> Any:
        if status[:3].isdigit():
            seen.append(int(status[:3]))
        return start_response(status, headers, *more)

    new_args = (*args[:-2], environ, watching_start)
    context = environ.get("fc.context")
    if context is None:
        facts = Facts(new_args)
        facts.function = env.get("K_SERVICE") or env.get("FC_FUNCTION_NAME")
    else:
        from tracekit.platforms import fc

        facts = fc.describe((None, context), kwargs, env)
        facts.args = new_args
    facts.trigger = http(
        method=environ.get("REQUEST_METHOD", "GET"),
        path=environ.get("PATH_INFO", "/"),
        scheme=environ.get("wsgi.url_scheme", "http"),
        host=environ.get("HTTP_HOST"),
        headers=_headers(environ),
        client=environ.get("REMOTE_ADDR"),
    )
    facts.trigger.status_of = lambda result: seen[-1] if seen else None
    return facts


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    return {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
