"""Where the time of an answer goes: `Server-Timing` tells how much of it was spent in the store.

Browsers show the header beside the request, and benchmarks/pages.py adds it up. Time in the store is that
during which any query of the request ran, however many did at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

R = TypeVar("R")


class Stopwatch:
    """Runs while anybody is in; thread-safe, because panels of one page ask from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._since = 0.0
        self.seconds = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._since = time.perf_counter()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self.seconds += time.perf_counter() - self._since


# Threads that work for a request see its value: Starlette and asyncio.to_thread copy the context.
_OF_REQUEST: ContextVar[Stopwatch | None] = ContextVar("store_time_of_request", default=None)


def timed(reader: R) -> R:
    """The reader, with the time in its methods, and in those of readers it has, counted for the request."""
    return cast(R, _Timed(reader))


class _Timed:
    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._reader, name)
        return _counted(found) if callable(found) else timed(found)


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    async def awaited(*arguments: Any, **named: Any) -> Any:
        with _OF_REQUEST.get() or nullcontext():
            return await method(*arguments, **named)

    def call(*arguments: Any, **named: Any) -> Any:
        with _OF_REQUEST.get() or nullcontext():
            return method(*arguments, **named)

    return awaited if iscoroutinefunction(method) else call


class ServerTiming:
    """Adds `Server-Timing: store;dur=…, total;dur=…` in milliseconds, up to the first byte of the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        stopwatch, began = Stopwatch(), time.perf_counter()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                store, total = 1e3 * stopwatch.seconds, 1e3 * (time.perf_counter() - began)
                MutableHeaders(scope=message)["Server-Timing"] = (
                    f"store;dur={store:.1f}, total;dur={total:.1f}"
                )
            await send(message)

        token = _OF_REQUEST.set(stopwatch)
        try:
            await self.app(scope, receive, told)
        finally:
            _OF_REQUEST.reset(token)
