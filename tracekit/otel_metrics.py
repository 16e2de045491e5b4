"""opentelemetry's metrics API, measured and sent as our metrics are, while the user sets no MeterProvider.

Needs only opentelemetry-api. Measuring through it asks for numbers to be sent, so this needs no setting;
OTEL_METRICS_EXPORTER=none refuses. Views, exemplars and cumulative counters are opentelemetry-sdk's, with a
provider of your own.
"""

from __future__ import annotations

import os

import opentelemetry.metrics as otel_metrics
from opentelemetry.metrics import CallbackOptions

from tracekit import config, guard, metrics
from tracekit.otlp_metrics import COUNTER, GAUGE, HISTOGRAM, UP_DOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

_CREATORS = (
    "create_counter",
    "create_up_down_counter",
    "create_histogram",
    "create_gauge",
    "create_observable_counter",
    "create_observable_up_down_counter",
    "create_observable_gauge",
)
_ours: dict[tuple[str, str], Meter] = {}


class Meter(otel_metrics.Meter):
    """Makes instruments that measure into ours."""

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        return Counter(self, name, unit)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> UpDownCounter:
        return UpDownCounter(self, name, unit)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        return Histogram(self, name, unit, bounds=explicit_bucket_boundaries_advisory)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        return Gauge(self, name, unit)

    def create_observable_counter(
        self, name: str, callbacks: Sequence[Any] | None = None, unit: str = "", description: str = ""
    ) -> ObservableCounter:
        return ObservableCounter(self, name, callbacks, unit)

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[Any] | None = None, unit: str = "", description: str = ""
    ) -> ObservableUpDownCounter:
        return ObservableUpDownCounter(self, name, callbacks, unit)

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[Any] | None = None, unit: str = "", description: str = ""
    ) -> ObservableGauge:
        return ObservableGauge(self, name, callbacks, unit)


class _Instrument:
    """What all instruments have in common: their name, and where their measurements go."""

    kind = COUNTER

    def __init__(
        self, meter: Meter, name: str, unit: str | None, bounds: Sequence[float] | None = None
    ) -> None:
        self._scope = (meter.name, meter.version or "")
        self._name = name
        self._unit = unit or ""
        self._bounds = tuple(float(bound) for bound in bounds) if bounds else None

    def _measure(self, value: float, attributes: Any) -> None:
        if has_provider():
            return  # the user's is asked by now
        metrics.measure(self._name, value, self.kind, self._unit, attributes, self._scope, self._bounds)


class Counter(_Instrument, otel_metrics.Counter):
    """Goes up."""

    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self._measure(amount, attributes)


class UpDownCounter(_Instrument, otel_metrics.UpDownCounter):
    """Goes up and down; its total is kept and sent."""

    kind = UP_DOWN

    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self._measure(amount, attributes)


class Histogram(_Instrument, otel_metrics.Histogram):
    """Sorts into buckets: those it was made with, else by unit."""

    kind = HISTOGRAM

    def record(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self._measure(amount, attributes)


class Gauge(_Instrument):
    """Keeps the last value. Of no class of theirs: it has had two names."""

    kind = GAUGE

    def set(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self._measure(amount, attributes)


class _Observable(_Instrument):
    """Asks its callbacks before each delivery."""

    def __init__(self, meter: Meter, name: str, callbacks: Sequence[Any] | None, unit: str | None) -> None:
        super().__init__(meter, name, unit)
        self._given = list(callbacks or ())
        self._callbacks: list[Callable[[], Iterable[Any]]] | None = None
        self._totals: dict[str, float] = {}
        metrics.METER.when_collected(self._observe)
        metrics.takes()

    def _observe(self) -> None:
        if has_provider():
            return
        if self._callbacks is None:  # not earlier: a generator may be started once only, by whom it serves
            self._callbacks = [_asker(callback) for callback in self._given]
        for ask in self._callbacks:
            try:
                for seen in ask():
                    self._seen(seen.value, seen.attributes)
            except Exception as error:  # a callback is the user's code
                guard.report(error, f"callback of {self._name}")

    def _seen(self, value: float, attributes: Any) -> None:
        self._measure(value, attributes)

    def _since_last(self, value: float, attributes: Any) -> float:
        # Callbacks tell totals. A smaller one is that of a new beginning.
        key = repr(sorted((attributes or {}).items()))
        before, self._totals[key] = self._totals.get(key, 0), value
        return value - before


class ObservableCounter(_Observable, otel_metrics.ObservableCounter):
    """A total that somebody else keeps."""

    def _seen(self, value: float, attributes: Any) -> None:
        grown = self._since_last(value, attributes)
        self._measure(grown if grown >= 0 else value, attributes)


class ObservableUpDownCounter(_Observable, otel_metrics.ObservableUpDownCounter):
    """A level that somebody else keeps and that adds up over processes."""

    kind = UP_DOWN

    def _seen(self, value: float, attributes: Any) -> None:
        self._measure(self._since_last(value, attributes), attributes)


class ObservableGauge(_Observable, otel_metrics.ObservableGauge):
    """A value that somebody else knows."""

    kind = GAUGE


def _asker(callback: Any) -> Callable[[], Iterable[Any]]:
    # A generator yields a list each time it is sent options, after its first next().
    if hasattr(callback, "send"):
        next(callback)
        return lambda: callback.send(CallbackOptions())
    return lambda: callback(CallbackOptions())


def has_provider() -> bool:
    """Whether the user has set a MeterProvider."""
    return _proxy is not None and otel_metrics.get_meter_provider() is not _proxy


_proxy: Any = None


def install() -> None:
    """Gives meters that were got, or will be, without a provider real instruments of ours. A provider that
    the user sets later gives them its own."""
    global _proxy
    if os.environ.get("OTEL_PYTHON_METER_PROVIDER"):
        return  # the user's, made by opentelemetry when it is first asked for
    settings = config.get()
    provider = otel_metrics.get_meter_provider()
    if settings.disabled or not settings.metrics_target.url or not hasattr(provider, "on_set_meter_provider"):
        return
    _proxy = provider
    kind = type(provider.get_meter("tracekit"))
    for name in _CREATORS:
        setattr(kind, name, _creator(getattr(kind, name)))
    # What was made before us. These names are private, and without them those few are left out.
    for meter in list(getattr(provider, "_meters", ())):
        for instrument in list(getattr(meter, "_instruments", ())):
            _make_real(instrument, meter)


def _creator(original: Any) -> Any:
    def create(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(self, *args, **kwargs)
        _make_real(made, self)
        return made

    return create


def _make_real(instrument: Any, proxy_meter: Any) -> None:
    """Backs a proxy instrument by one of ours; one the user's provider has made is no proxy."""
    try:
        if hasattr(instrument, "on_meter_set") and not has_provider():
            instrument.on_meter_set(_meter(proxy_meter))
    except Exception as error:
        guard.report(error, "opentelemetry instrument")


def _meter(proxy: Any) -> Meter:
    scope = (str(proxy.name), str(proxy.version or ""))
    if scope not in _ours:
        _ours[scope] = Meter(*scope)
    return _ours[scope]
