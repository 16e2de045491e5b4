"""Appends spans to a file, one JSON object a line."""

from __future__ import annotations

from tracekit.exporters.base import DONE, RETRY, Exporter, Result
from tracekit.exporters.plain import plain, plain_attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Span


class FileExporter(Exporter):
    """Each line is a span with its resource. Lines of one payload are written in one append."""

    def __init__(self, path: str) -> None:
        self.path = path

    def encode(self, spans: list[Span], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        import json  # after the response: nothing of the start-up path comes here

        shared = plain_attributes(resource)
        rows = [{**plain(span), "resource": shared, "tracekit.dropped_spans": dropped} for span in spans]
        body = "".join([json.dumps(row, ensure_ascii=False) + "\n" for row in rows]).encode(
            "utf-8", "replace"
        )
        return body, len(body)

    def send(self, body: Any, deadline: float) -> Result:
        try:
            with open(self.path, "ab", buffering=0) as file:
                file.write(body)
        except OSError as error:
            return Result(RETRY, f"cannot write spans to {self.path}: {error.strerror}")
        return Result(DONE)
