"""Instances of one version of a function: started on demand, reused while warm, reaped when idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Instance = TypeVar("Instance")


class InstancePool(Generic[Instance]):
    """Hands an instance to one call at a time.

    A call that finds no idle instance starts one and keeps it, even if another becomes idle meanwhile: that
    is how the platforms do it, and so every started process serves at least one call.
    """

    def __init__(
        self,
        start: Callable[[], Instance],
        stop: Callable[[Instance], None],
        *,
        limit: int,
        idle_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._stop = stop
        self._limit = limit
        self._idle_s = idle_s
        self._clock = clock
        self._idle: list[tuple[float, Instance]] = []
        self._count = 0
        self._changed = threading.Condition()

    @property
    def count(self) -> int:
        """Instances that exist, busy and idle."""
        return self._count

    def acquire(self, timeout_s: float = 30.0) -> Instance:
        """The instance used last, or a new one. Raises TimeoutError when `limit` instances stay busy."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._idle or self._count < self._limit, timeout_s):
                raise TimeoutError(f"all {self._limit} instances stayed busy for {timeout_s:g} s")
            if self._idle:
                return self._idle.pop()[1]
            self._count += 1
        try:
            return self._start()
        except BaseException:
            self._lost_one()
            raise

    def release(self, instance: Instance) -> None:
        """Gives an instance back for the next call."""
        with self._changed:
            self._idle.append((self._clock(), instance))
            self._changed.notify_all()

    def discard(self, instance: Instance) -> None:
        """Stops an instance that must not serve again."""
        self._stop(instance)
        self._lost_one()

    def wait_idle(self, timeout_s: float) -> bool:
        """Waits until no instance is serving a call. Returns whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._idle) == self._count, max(0.0, timeout_s))

    def reap(self, idle_s: float | None = None) -> None:
        """Stops instances that have been idle longer than allowed, the coldest first."""
        oldest = self._clock() - (self._idle_s if idle_s is None else idle_s)
        with self._changed:
            expired = [instance for since, instance in self._idle if since <= oldest]
            self._idle = [(since, instance) for since, instance in self._idle if since > oldest]
        for instance in expired:
            self.discard(instance)

    def _lost_one(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()
