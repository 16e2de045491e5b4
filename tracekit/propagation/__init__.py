"""Trace context in and out of carriers (headers, message properties).

PROPAGATORS is the registry: one line for each format, the field that announces it, best first. A format's
module is loaded when its field is met.
"""

from __future__ import annotations

from tracekit.span import SpanContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PROPAGATORS = (
    ("traceparent", "w3c"),
    ("uber-trace-id", "jaeger"),
    ("x-fc-tracing-opentracing-span-context", "jaeger"),
    ("x-cloud-trace-context", "google"),
    ("x-amzn-trace-id", "xray"),
)
_MAX_FIELDS = 1000


def extract(carrier: Mapping[str, Any] | None) -> SpanContext | None:
    """The caller's span from a carrier, whatever the case of its fields; None if no valid one is there."""
    if not carrier:
        return None
    fields = _lowered(carrier)
    for field, module in PROPAGATORS:
        text = fields.get(field)
        if text:
            found = _parser(module).parse(text, fields)
            if isinstance(found, SpanContext):
                return found
    return None


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


def _parser(module: str) -> Any:
    return __import__(f"tracekit.propagation.{module}", fromlist=("parse",))


def context_of(trace: str, span: str, sampled: bool, state: str = "") -> SpanContext | None:
    """A remote context from hexadecimal text; None unless both ids are hexadecimal and not zero."""
    try:
        tid, sid = int(trace, 16), int(span, 16)
    except ValueError:
        return None
    if not (0 < tid < 1 << 128 and 0 < sid < 1 << 64):
        return None
    return SpanContext(tid, sid, sampled, state)
