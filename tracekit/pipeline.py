"""Puts sampler, queue and the way out together from the configuration: once, at the first span."""

from __future__ import annotations

from _thread import allocate_lock

from tracekit import config as configuration
from tracekit import values, watch
from tracekit.ending import at_end
from tracekit.guard import report, say
from tracekit.queue import QUEUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tracekit.config import Config
    from tracekit.delivery import Delivery
    from tracekit.exporters.base import Exporter
    from tracekit.sampling import Sampler
    from tracekit.span import Span, SpanContext, Trace


class Pipeline:
    """What decides about spans, and what has them in the end: that is loaded when the first are to leave."""

    def __init__(self, config: Config, exporter: Exporter | None = None) -> None:
        self.config = config
        self.sampler = _sampler(config)
        self._exporter = exporter
        self._delivery: Delivery | None = None
        values.max_length = config.attribute_length
        values.long = min(1024, config.attribute_length)
        values.max_count = config.attribute_count
        values.max_events, values.max_links = config.event_count, config.link_count
        QUEUE.max_bytes = config.queue_bytes
        QUEUE.encode = None if config.exporter == "none" and exporter is None else self._encode
        QUEUE.sieve = None
        if self.sampler.rules is not None:
            from tracekit.keep import Sieve

            QUEUE.sieve = Sieve()

    @property
    def delivery(self) -> Delivery:
        """The way out, made when first asked for."""
        if self._delivery is None:
            from tracekit.delivery import Delivery

            made = Delivery(self.config, self._exporter)
            with _lock:
                self._delivery = self._delivery or made
        return self._delivery

    @property
    def resource(self) -> dict[str, Any]:
        """The resource attributes."""
        return self.delivery.resource

    @property
    def exporter(self) -> Exporter | None:
        """The exporter; None when nothing is to be sent."""
        return self.delivery.exporter

    def flush(self, budget_s: float | None = None, force: bool = False) -> bool:
        """Delivers what is queued within the budget (seconds), spans first. Never raises."""
        return self._deliver(lambda: self.delivery.flush(budget_s, force))

    def nudge(self) -> None:
        """Lets a delivery start in the background if the last one is some time ago. Never raises."""
        self._deliver(lambda: self.delivery.nudge())

    def last_flush(self, grace_s: float, has_time: bool = True) -> bool:
        """Delivers what is queued before the process ends, within `grace_s` (see Delivery). Never raises."""
        return self._deliver(lambda: self.delivery.last_flush(grace_s, has_time))

    def close(self, has_time: bool = False) -> None:
        """The last flush; afterwards spans are counted as dropped. Never raises."""
        self._deliver(lambda: self.delivery.close(has_time))

    def _deliver(self, deliver: Callable[[], bool | None]) -> bool:
        try:
            return bool(deliver())
        except Exception as error:  # the package's files may be gone before the first flush
            report(error, "flush")
            return False

    def _encode(self, spans: list[Span], dropped: int) -> tuple[Any, int]:
        return self.delivery.encode(spans, dropped)


class Everything:
    """The sampler where nothing was configured: as tracekit.sampling's, which is loaded for a caller that has
    sampled itself, or not. A cold start need not wait for it."""

    never = False
    rules = None

    def admit(self, trace: Trace, parent: SpanContext | None, *root: Any) -> bool:
        """Whether spans below this root are recorded. Completes `trace`."""
        if parent is None or (parent.sampled and not parent.state):
            return True
        from tracekit.sampling import Sampler

        return Sampler().admit(trace, parent)


def _sampler(config: Config) -> Sampler | Everything:
    if config.sampler == configuration.DEFAULT_SAMPLER and not config.keep:
        return Everything()
    from tracekit.sampling import Sampler

    ours = Sampler.of(config)
    if config.sampler in configuration.SAMPLERS:
        return ours
    try:
        from tracekit.otel_sampler import named

        return named(config.sampler, config.sampler_argument, ours.rules)
    except Exception as error:  # the sampler's package is somebody else's code
        say(f"OTEL_TRACES_SAMPLER={config.sampler!r}: {error}; using {configuration.DEFAULT_SAMPLER}")
        return ours


_lock = allocate_lock()
_pipeline: Pipeline | None = None


def get() -> Pipeline:
    """The process's pipeline."""
    global _pipeline
    if _pipeline is None:
        _pipeline = Pipeline(configuration.get())
        at_end(close)
        watch.output(_pipeline.config)
    return _pipeline


def replace(pipeline: Pipeline | None) -> None:
    """Puts another pipeline in place (None: a new one from the environment at the next span). For tests."""
    global _pipeline
    QUEUE.clear()
    _pipeline = pipeline


def close(has_time: bool = False) -> None:
    """Closes the pipeline if there is one. `has_time`: nobody waits for this process."""
    if _pipeline is not None:
        _pipeline.close(has_time=has_time)
