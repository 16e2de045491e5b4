"""Prints spans on stderr, a line each, for trying things out."""

from __future__ import annotations

import sys

from tracekit.exporters.base import DONE, Exporter, Result
from tracekit.exporters.plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Span


class ConsoleExporter(Exporter):
    """stderr, because a function's stdout may be its answer."""

    def encode(self, spans: list[Span], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        text = "".join([_line(span) for span in spans])
        return text, len(text)

    def send(self, body: Any, deadline: float) -> Result:
        sys.stderr.write(body)
        sys.stderr.flush()
        return Result(DONE)


def _line(span: Span) -> str:
    row = plain(span)
    took = (span.end - span.start) / 1e6
    ids = f"{row['trace_id']} {row['span_id']} < {row['parent_span_id'] or '-'}"
    return f"{ids} {row['kind']} {row['name']} {took:.3f} ms {row['status']} {row['attributes']}\n"
