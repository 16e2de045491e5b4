"""The way of logs and metrics out of this process: a queue, an exporter and a flusher of their own.

Bounds, endpoint rules and patience are those of spans. An endpoint that has no such path (404) is told
once and left alone: this version's collector takes traces only.
"""

from __future__ import annotations

import os
from time import monotonic

from tracekit import exporters
from tracekit.exporters.base import REFUSED, Exporter, Result
from tracekit.flush import Flusher
from tracekit.guard import report, say
from tracekit.queue import Queue
from tracekit.target import DEFAULT_ENDPOINT, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.delivery import Delivery

    Encode = Callable[[list[Any], Mapping[str, Any], int], bytes]


class Channel:
    """Takes records of one signal, from any thread."""

    def __init__(
        self,
        signal: str,
        target: Target,
        encode: Encode,
        delivery: Delivery,
        collect: Callable[[], list[Any]] | None = None,
    ) -> None:
        self.signal = signal
        # Asked before each delivery for records that are only made then.
        self._collect = collect
        self.delivery = delivery
        self._exporter = _Exporter(self, target, encode)
        self._queue: Any = Queue(delivery.config.queue_bytes)
        self._queue.encode = self._encode
        self._flusher = Flusher(self._queue, self._exporter, delivery.config.flush_budget_ms / 1000)
        self._off = not target.url
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._queue.clear)

    def add(self, record: Any) -> None:
        """Takes a record."""
        if not self._off:
            self._queue.add(record)

    @property
    def off(self) -> bool:
        """Whether the endpoint has no place for this signal: nothing more is taken."""
        return self._off

    def switch_off(self) -> None:
        """The endpoint has no place for this signal."""
        self._off = True
        self._queue.clear()

    def flush(self, until: float, force: bool = False) -> bool:
        """Delivers what there is before `until` (time.monotonic). Never raises."""
        try:
            self._gather()
            return self._off or self._flusher.flush(max(until - monotonic(), 0.0), force)
        except Exception as error:
            report(error, f"flush of {self.signal}")
            return False

    def nudge(self) -> None:
        """Lets a delivery start in the background if the last one is some time ago. Never raises."""
        try:
            self._gather()
            if not self._off:
                self._flusher.nudge()
        except Exception as error:
            report(error, f"flush of {self.signal}")

    def close(self) -> None:
        """Releases the connection, unless a delivery is still using it."""
        self._flusher.stop()
        if not self._flusher.busy:
            self._exporter.close()

    def _gather(self) -> None:
        if self._collect is not None and not self._off:
            for record in self._collect():
                self.add(record)

    def _encode(self, records: list[Any], dropped: int) -> tuple[Any, int]:
        return self._exporter.encode(records, self.delivery.resource, dropped)


class _Exporter(Exporter):
    """Switches its channel off where the endpoint has no place for the signal."""

    def __init__(self, channel: Channel, target: Target, encode: Encode) -> None:
        used = target if target.url else Target(DEFAULT_ENDPOINT, {}, "none")  # off: nothing is sent
        self._inner = exporters.otlp(used, encode, channel.signal)
        self._channel = channel
        self._url = used.url
        self.timeout_s = self._inner.timeout_s

    def encode(self, spans: list[Any], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        return self._inner.encode(spans, resource, dropped)

    def join(self, bodies: list[Any]) -> Any:
        return self._inner.join(bodies)

    def send(self, body: Any, deadline: float) -> Result:
        result = self._inner.send(body, deadline)
        if result.absent:
            self._channel.switch_off()
            signal, answer = (
                self._channel.signal,
                result.message.removeprefix(f"{self._url} answered ").split(":")[0],
            )
            # Said here, because of several payloads sent as one the flusher would try each again.
            say(f"{self._url} answered {answer}: it takes no {signal}, so none are sent any more")
            return Result(REFUSED)
        return result

    def interrupt(self) -> bool:
        return self._inner.interrupt()

    def forget_connection(self) -> None:
        self._inner.forget_connection()

    def close(self) -> None:
        self._inner.close()
