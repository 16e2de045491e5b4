"""The queries that are running, so that the end of the process need not wait for them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import duckdb

from collector.storage.base import RetryLater

# An interrupt is lost on a query that has not quite begun, and one of several steps begins the next.
_AGAIN_S = 0.05


class Reads:
    """Any thread: who runs a query says so here."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: list[Any] = []
        self._ended = False

    def require_open(self) -> None:
        """Raises RetryLater once they were ended."""
        if self._ended:
            raise RetryLater("the store is being closed")

    @contextlib.contextmanager
    def running(self, cursor: Any) -> Iterator[Any]:
        """While the context lasts a query runs there. RetryLater if it is ended, or may not begin now."""
        with self._changed:
            self.require_open()
            self._running.append(cursor)
        try:
            yield cursor
        except duckdb.InterruptException as error:
            raise RetryLater(f"the store is being {'closed' if self._ended else 'opened anew'}") from error
        finally:
            with self._changed:
                self._running.remove(cursor)
                self._changed.notify_all()

    def end(self, within_s: float) -> bool:
        """Interrupt all that run and let none begin. False if some still run when the time is over."""
        until = time.monotonic() + within_s
        with self._changed:
            self._ended = True
            while self._running and time.monotonic() < until:
                for cursor in self._running:
                    cursor.interrupt()
                self._changed.wait(_AGAIN_S)
            return not self._running
