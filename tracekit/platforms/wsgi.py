"""WSGI applications: app(environ, start_response). FC 2.0's HTTP functions are that, with `fc.context`.

A body that is generated after the application returned is part of the call: the span ends when the server
closes it, which servers must do (PEP 3333). A file for `wsgi.file_wrapper` goes to the server untouched.
"""

from __future__ import annotations

from time import time_ns

from tracekit import context
from tracekit.platforms import Facts
from tracekit.triggers.base import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.invocation import Invocation


def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]) -> Facts:
    """Facts from environ; `start_response` is wrapped to see the status."""
    environ, start_response = args[-2:]
    seen: list[int] = []

    def watching_start(status: str, headers: Any, *more: Any) -> Any:
        if status[:3].isdigit():
            seen.append(int(status[:3]))
            facts.answering_since = time_ns()
        return start_response(status, headers, *more)

    new_args = (*args[:-2], environ, watching_start)
    fc_context = environ.get("fc.context")
    if fc_context is None:
        facts = Facts(new_args)
        facts.function = env.get("K_SERVICE") or env.get("FC_FUNCTION_NAME")
    else:
        from tracekit.platforms import fc

        facts = fc.describe((None, fc_context), kwargs, env)
        facts.args = new_args
    headers = _headers(environ)
    facts.trigger = http(
        method=environ.get("REQUEST_METHOD", "GET"),
        path=environ.get("PATH_INFO", "/"),
        scheme=environ.get("wsgi.url_scheme", "http"),
        host=environ.get("HTTP_HOST"),
        headers=headers,
        client=environ.get("REMOTE_ADDR"),
    )
    if "x-fc-request-id" in headers:
        from tracekit.platforms import fc

        fc.from_headers(facts, headers)
    facts.trigger.status_of = lambda result: seen[-1] if seen else None
    file_wrapper = environ.get("wsgi.file_wrapper")
    facts.goes_on = lambda result, call: _body(result, call, file_wrapper)
    return facts


def _body(result: Any, call: Invocation, file_wrapper: Any) -> Body | None:
    """The body with our end of the call in it; None for one that is all there or must stay as it is."""
    if isinstance(result, (list, tuple, bytes)) or not hasattr(result, "__iter__"):
        return None
    if isinstance(file_wrapper, type) and isinstance(result, file_wrapper):
        return None
    return Body(result, call)


class Body:
    """An application's iterable: the call's span is active while it works and ends when it is closed."""

    def __init__(self, inner: Any, call: Invocation) -> None:
        self._inner = inner
        self._items: Any = None
        self._call: Invocation | None = call

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> Any:
        call = self._call
        if call is None:
            raise StopIteration
        if self._items is None:
            self._items = iter(self._inner)
        token = context.attach(call.span)
        try:
            return next(self._items)
        except StopIteration:
            raise
        except BaseException as error:
            call.failed(error)
            raise
        finally:
            context.release(token)

    def close(self) -> None:
        """What the server calls when it is done with the body, however that ended."""
        call, self._call = self._call, None
        if call is None:
            return
        token = context.attach(call.span)
        try:
            if hasattr(self._inner, "close"):
                self._inner.close()
        except BaseException as error:
            call.failed(error)
            raise
        finally:
            context.release(token)
            call.finish()

    def __del__(self) -> None:
        call, self._call = getattr(self, "_call", None), None
        if call is not None:  # a server that forgot to close it
            call.finish()


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    return {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
