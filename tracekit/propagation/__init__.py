"""Trace context in and out of carriers (headers, message properties).

PROPAGATORS is the registry of what is read: one line for each format, the field that announces it, its module
and the names OTEL_PROPAGATORS knows it by, best first. WRITERS is the registry of what can be written. A
format's module is loaded when its field is met or its name is asked for.
"""

from __future__ import annotations

from tracekit import config
from tracekit.span import SpanContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Any

PROPAGATORS = (
    ("traceparent", "w3c", ("tracecontext",)),
    ("b3", "b3", ("b3", "b3multi")),
    ("x-b3-traceid", "b3", ("b3", "b3multi")),
    ("uber-trace-id", "jaeger", ("jaeger",)),
    ("x-fc-tracing-opentracing-span-context", "jaeger", ("fc",)),
    ("x-cloud-trace-context", "google", ("google",)),
    ("sw8", "sw8", ("sw8",)),
    ("x-amzn-trace-id", "xray", ("xray", "xray-lambda")),
)
WRITERS = {
    "tracecontext": ("w3c", "write"),
    "b3": ("b3", "write"),
    "b3multi": ("b3", "write_multi"),
    "jaeger": ("jaeger", "write"),
    "fc": ("jaeger", "write_fc"),
    "google": ("google", "write"),
    "xray": ("xray", "write"),
    "xray-lambda": ("xray", "write"),
    "baggage": ("baggage", "write"),
}
WRITTEN = ("tracecontext", "baggage")
_BAGGAGE_FIELDS = ("baggage", "uberctx-", "x-fc-tracing-opentracing-span-")
_MAX_FIELDS = 1000


def extract(carrier: Mapping[str, Any] | None) -> SpanContext | None:
    """The caller's span from a carrier, whatever the case of its fields; None if no valid one is there.

    OTEL_PROPAGATORS, where it is set, says which formats are read and in which order. The baggage that came
    along is kept with the context.
    """
    if not carrier:
        return None
    fields = _lowered(carrier)
    for field, module, _ in _read_order():
        text = fields.get(field)
        if text:
            found = _module(module).parse(text, fields)
            if isinstance(found, SpanContext):
                found.baggage = _baggage(fields)
                return found
    return None


def baggage_of(carrier: Mapping[str, Any] | None) -> str:
    """The baggage of a carrier in W3C's form, whoever wrote it and with or without a span context."""
    return _baggage(_lowered(carrier)) if carrier else ""


def inject(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Writes a context and its baggage in the formats OTEL_PROPAGATORS names (default: W3C's)."""
    asked = config.get().propagators
    for name in WRITTEN if asked is None else asked:
        module, function = WRITERS.get(name, ("", ""))
        if module:
            getattr(_module(module), function)(context, carrier)


def _read_order() -> Any:
    asked = config.get().propagators
    if asked is None:
        return PROPAGATORS
    return [row for name in asked for row in PROPAGATORS if name in row[2]]


def _baggage(fields: Mapping[str, str]) -> str:
    asked = config.get().propagators
    if asked is not None and "baggage" not in asked:
        return ""
    if not any(name.startswith(_BAGGAGE_FIELDS) for name in fields):
        return ""
    text: str = _module("baggage").read(fields)
    return text


def _lowered(carrier: Mapping[str, Any]) -> dict[str, str]:
    fields = {}
    for (name, value), _ in zip(carrier.items(), range(_MAX_FIELDS)):
        if isinstance(value, (list, tuple)) and value:
            value = value[0]
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(name, str) and isinstance(value, str):
            fields[name.lower()] = value
    return fields


def _module(name: str) -> Any:
    return __import__(f"tracekit.propagation.{name}", fromlist=("parse",))


def context_of(trace: str, span: str, sampled: bool, state: str = "") -> SpanContext | None:
    """A remote context from hexadecimal text; None unless both ids are hexadecimal and not zero."""
    try:
        tid, sid = int(trace, 16), int(span, 16)
    except ValueError:
        return None
    if not (0 < tid < 1 << 128 and 0 < sid < 1 << 64):
        return None
    return SpanContext(tid, sid, sampled, state)
