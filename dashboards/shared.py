"""A reader whose answers are shared for a while: panels of one board that ask the same ask the store once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

R = TypeVar("R")


def shared(reader: R) -> R:
    """The reader, with the answers of its methods, and of readers it has, kept as long as this lives. Queries
    that are equal are asked once, however many threads ask; an error is everybody's who asked the same."""
    return cast(R, _Shared(reader))


class _Shared:
    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._known: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._reader, name)
        if callable(found):

            def once(*arguments: Any, **named: Any) -> Any:
                asked = name, arguments, tuple(sorted(named.items()))
                return self._answer(asked, lambda: found(*arguments, **named))

            return once
        with self._lock:
            return self._known.setdefault(name, shared(found))

    def _answer(self, asked: Any, work: Callable[[], Any]) -> Any:
        with self._lock:
            future = self._known.get(asked)
            is_first = future is None
            if future is None:
                future = self._known[asked] = Future()
        if is_first:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
        return future.result()
