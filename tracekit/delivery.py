"""How spans, logs and metrics leave. Loaded with the first flush, for callers need not wait for it."""

from __future__ import annotations

import os
from _thread import allocate_lock
from time import monotonic

from tracekit.guard import report, say
from tracekit.queue import QUEUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tracekit.channel import Channel, Encode
    from tracekit.config import Config
    from tracekit.exporters.base import Exporter
    from tracekit.flush import Flusher
    from tracekit.otel_provider import Outlet
    from tracekit.span import Span
    from tracekit.spool import Spool


# The longest the last flush of a process takes: where somebody waits for the process to end, and where nobody
# does (platforms give it at least two seconds after SIGTERM; tracekit.ending waits a little longer).
GRACE_S, PATIENT_GRACE_S = 1.0, 1.5
_lock = allocate_lock()


class Delivery:
    """The way of a finished span out of this process. The exporter is made at the first flush."""

    def __init__(self, config: Config, exporter: Exporter | None = None) -> None:
        self.config = config
        self._exporter = exporter
        self._flusher: Flusher | None = None
        self._channels: dict[str, Channel | Outlet] = {}
        self._outlets: list[Outlet] = []
        self._described: dict[str, Any] = {}
        self._detected: dict[str, Any] | None = None
        self._resource: dict[str, Any] | None = None
        self._closed = False

    @property
    def resource(self) -> dict[str, Any]:
        """The resource attributes, found once (again in a forked child: its pid is another)."""
        if self._resource is None or self._resource.get("process.pid") != os.getpid():
            from tracekit.resource import describe

            # The environment has the last word, then opentelemetry, then what the platform says.
            if self.config.resource_detectors and self._detected is None:
                self._detected = self._unasked(_detected())
            self._resource = {
                **describe(self.config, os.environ),
                **(self._detected or {}),
                **self._described,
            }
        return self._resource

    def describe(self, attributes: dict[str, Any]) -> None:
        """Adds to the resource what a provider of opentelemetry knows of this service."""
        self._described |= self._unasked(attributes)
        self._resource = None

    def _unasked(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Without what the environment says already."""
        asked = {*self.config.resource_attributes, *(("service.name",) if self.config.service_name else ())}
        return {key: value for key, value in attributes.items() if key not in asked}

    @property
    def exporter(self) -> Exporter | None:
        """The exporter, made when first needed; None when nothing is to be sent."""
        if self._exporter is None and self.config.exporter != "none":
            from tracekit.exporters import choose

            self._exporter = choose(self.config)
        return self._exporter

    def channel(self, signal: str, encode: Encode, collect: Callable[[], list[Any]] | None = None) -> Channel:
        """The way out of "logs" or "metrics", made from the rest (see Channel) when first asked for."""
        found: Any = self._channels.get(signal)
        if found is None:
            from tracekit.channel import Channel

            made = Channel(signal, getattr(self.config, f"{signal}_target"), encode, self, collect)
            with _lock:
                found = self._channels.setdefault(signal, made)
        return found  # type: ignore[no-any-return]

    def outlet(self, name: str, outlet: Outlet) -> None:
        """Lets another, besides the exporter, have every span that leaves (tracekit.otel_provider)."""
        self._channels[name] = outlet
        self._outlets.append(outlet)
        QUEUE.encode = self.encode

    def flush(self, budget_s: float | None = None, force: bool = False) -> bool:
        """Delivers what is queued within the budget (seconds), spans first. Never raises."""
        if not self._channels:
            return self._flush_spans(budget_s, force)
        until = monotonic() + (self.config.flush_budget_ms / 1000 if budget_s is None else budget_s)
        outcomes = [self._flush_spans(budget_s, force)]
        outcomes += [channel.flush(until, force) for channel in list(self._channels.values())]
        return all(outcomes)

    def _flush_spans(self, budget_s: float | None, force: bool) -> bool:
        try:
            flusher = self._ready()
            if flusher is None:
                self._discard()
                return True
            return flusher.flush(budget_s, force)
        except Exception as error:
            report(error, "flush")
            return False

    def restored(self) -> None:
        """This process was started from a snapshot: it is another instance, and its connections are gone."""
        self._resource = None
        if self._exporter is not None:
            self._exporter.forget_connection()

    def nudge(self) -> None:
        """Lets a delivery start in the background if the last one is some time ago. Never raises."""
        try:
            flusher = self._ready()
            if flusher is None:
                self._discard()
            else:
                flusher.nudge()
            for channel in list(self._channels.values()):
                channel.nudge()
        except Exception as error:
            report(error, "flush")

    def last_flush(self, grace_s: float, has_time: bool = True) -> bool:
        """Delivers what is queued before the process ends: within `grace_s` where the endpoint has been
        answering. One that has not must not hold up the end for longer than a call, unless nobody waits for
        it (`has_time`). Never raises."""
        try:
            flusher = self._ready()
            return self.flush(None if flusher is None else flusher.last_budget(grace_s, has_time), force=True)
        except Exception as error:
            report(error, "flush")
            return False

    def close(self, has_time: bool = False) -> None:
        """The last flush; afterwards spans are counted as dropped. Never raises."""
        if self._closed and not has_time:  # SIGTERM may find an exit that has begun, and gives it more time
            return
        self._closed = True
        if QUEUE.sieve is not None:
            QUEUE.sieve.settle()
        if not self.last_flush(PATIENT_GRACE_S if has_time else GRACE_S, has_time):
            self._spool_rest()
        if self._flusher is not None:
            self._flusher.stop()
        if self._exporter is not None and not (self._flusher and self._flusher.busy):
            self._exporter.close()
        for channel in list(self._channels.values()):
            channel.close()

    def _spool_rest(self) -> None:
        """Leaves what could not be delivered to the next process, where the host keeps its disk."""
        spool = self._flusher.spool if self._flusher is not None else None
        if spool is None or self._exporter is None:
            return
        try:
            # What is being sent this moment may arrive twice; the receiver tells by span id.
            spool.put([payload.body for payload in QUEUE.outstanding()], self._exporter.spools_as)
        except Exception as error:
            report(error, "spool")

    def _spool(self, exporter: Exporter) -> Spool | None:
        if not self.config.spool:
            return None
        if not exporter.spools_as:
            say("TRACEKIT_SPOOL: this exporter's payloads cannot be kept on disk; nothing is")
            return None
        from tracekit.spool import Spool

        return Spool(self.config.spool, self.config.spool_bytes)

    def _ready(self) -> Flusher | None:
        with _lock:
            if self._flusher is None and self.exporter is not None:
                from tracekit.flush import Flusher

                budget_s = self.config.flush_budget_ms / 1000
                self._flusher = Flusher(QUEUE, self.exporter, budget_s, self._spool(self.exporter))
            return self._flusher

    def _discard(self) -> None:
        if self._outlets:
            QUEUE.seal()  # they have their spans from there
        QUEUE.clear()

    def encode(self, spans: list[Span], dropped: int) -> tuple[Any, int]:
        """A group of spans as a payload's body and its size, for the exporter; outlets have theirs, too."""
        for outlet in self._outlets:
            outlet.take(spans)
        exporter = self.exporter
        if exporter is None:
            if self._outlets:
                return None, 0
            raise LookupError("no exporter")
        return exporter.encode(spans, self.resource, dropped)


def _detected() -> dict[str, Any]:
    try:
        from tracekit.otel_resource import detected

        return detected()
    except Exception as error:  # a detector is somebody else's code, and the SDK may not be installed
        report(error, "resource detectors")
        return {}
