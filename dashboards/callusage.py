"""What a call used, in one line for its detail pane: the attributes tracekit's SDK sets (docs/sdk.md).

Anybody may send attributes of these names with anything in them: what is no finite number is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector import jsonvalue
from collector.model import Span
from dashboards.format import duration, percent, size


def used(span: Span) -> str:
    """For example "CPU 12.0 ms (80% of a core) · memory 52.3 MB · billed about 17 ms"; "" if nothing
    is known."""
    attributes = span.attributes
    memory = _of(size, attributes, "faas.mem_usage")
    limit = _of(size, span.resource, "faas.max_memory")
    remaining = jsonvalue.number(attributes.get("tracekit.remaining_ms"))
    calls = jsonvalue.number(attributes.get("tracekit.concurrent_invocations"))
    parts = (
        _cpu(attributes),
        memory and f"memory {memory} of {limit}" if limit else memory and f"memory {memory}",
        _of(lambda value: f"network {size(value)}", attributes, "faas.net_io"),
        f"{calls:.0f} calls at once" if calls is not None and calls > 1 else "",
        f"{duration(remaining * 1e6)} left" if remaining is not None and remaining >= 0 else "",
        _of(lambda value: f"billed about {value:,.0f} ms", attributes, "tracekit.billed_duration_ms"),
    )
    return " · ".join(part for part in parts if part)


def _cpu(attributes: Mapping[str, Any]) -> str:
    seconds = jsonvalue.number(attributes.get("faas.cpu_usage"))
    if seconds is None or seconds < 0:
        return ""
    share = _of(percent, attributes, "tracekit.cpu.utilization")
    return f"CPU {duration(seconds * 1e9)}" + (f" ({share} of a core)" if share else "")


def _of(show: Any, attributes: Mapping[str, Any], key: str) -> str:
    value = jsonvalue.number(attributes.get(key))
    return "" if value is None or value < 0 else str(show(value))
