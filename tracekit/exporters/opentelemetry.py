"""Sends through opentelemetry's official exporters: Zipkin, a vendor's, whatever is installed by that name.

They are loaded at the first flush and run on the flusher's thread, so their long timeouts hold up nobody.
"""

from __future__ import annotations

from tracekit.exporters.base import DONE, RETRY, Exporter, Result
from tracekit.guard import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Span

ESTIMATE = 512
_ENTRY_POINTS = "opentelemetry_traces_exporter"


class OfficialExporter(Exporter):
    """Wraps one SpanExporter of opentelemetry-sdk."""

    def __init__(self, name: str, exporter: Any = None) -> None:
        self._name = name
        self._exporter = exporter

    def encode(self, spans: list[Span], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        from tracekit.readable import readable_spans

        return readable_spans(spans, resource, dropped), ESTIMATE * len(spans)

    def send(self, body: Any, deadline: float) -> Result:
        if self._exporter is None:
            self._exporter = find(self._name)
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter.export(body) is SpanExportResult.SUCCESS:
            return Result(DONE)
        return Result(RETRY, f"the {self._name} exporter failed")

    def close(self) -> None:
        if self._exporter is not None:
            self._exporter.shutdown()


def find(name: str) -> Any:
    """A new exporter of the name OTEL_TRACES_EXPORTER takes. Raises LookupError saying what to install."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=_ENTRY_POINTS, name=name):
        return entry.load()()
    advice = "install the package that has it, or set OTEL_TRACES_EXPORTER=otlp"
    say(f"no exporter named {name!r} is installed: {advice}", key="exporter")
    raise LookupError(name)
