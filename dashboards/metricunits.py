"""What the unit of a metric (UCUM, as OpenTelemetry writes it) means to a chart."""

from __future__ import annotations

from collector.model_metrics import MetricType
from dashboards.charts.scale import Unit

# Units whose values charts write as durations (factor to ns) or as bytes (factor to bytes).
_DURATIONS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9, "d": 86400e9}
_BYTES = {"By": 1.0, "kBy": 1e3, "MBy": 1e6, "GBy": 1e9, "KiBy": 2.0**10, "MiBy": 2.0**20, "GiBy": 2.0**30}


def chart_unit(unit: str, kind: MetricType, statistic: str) -> tuple[Unit, float]:
    """How a chart writes a statistic of a metric, and what values are multiplied by for that.

    The rate and increase of histograms and summaries count measurements, whatever was measured. A rate of
    seconds is a number: seconds a second."""
    if statistic in ("rate", "increase") and kind not in (MetricType.GAUGE, MetricType.SUM):
        return ("rate", 1.0) if statistic == "rate" else ("count", 1.0)
    if unit in _BYTES:
        return "bytes", _BYTES[unit]
    if unit in _DURATIONS:
        return ("number", _DURATIONS[unit] / 1e9) if statistic == "rate" else ("duration", _DURATIONS[unit])
    if statistic == "rate":
        return "rate", 1.0
    if unit == "%":
        return "percent", 0.01
    return ("count", 1.0) if unit.startswith("{") or kind is MetricType.SUM else ("number", 1.0)
