"""A trace as a file: read back from what the UI's downloads, or any OTLP exporter in JSON, wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence

from collector.decode.otlp_json import decode
from collector.decode.result import TooLarge, Undecodable
from collector.model import Span, SpanBatch
from collector.storage.rows import spans_of

# The page of a download carries its spans here, so that the page itself can be opened again.
EMBEDDED = re.compile(rb'<script type="application/json" id="otlp">(.*?)</script>', re.DOTALL)


class Unreadable(ValueError):
    """This file holds no trace. The message says why."""


def read_file(content: bytes, now_ns: int) -> tuple[tuple[Span, ...], ...]:
    """The traces of an OTLP JSON document, or of a page that carries one: most spans first, then by id.
    Raises Unreadable."""
    embedded = EMBEDDED.search(content)
    try:
        batch = decode(embedded[1] if embedded else content, now_ns).batch
    except (Undecodable, TooLarge) as error:
        raise Unreadable(str(error)) from error
    assert isinstance(batch, SpanBatch), "the JSON decoder makes batches of lists"
    spans = {(span.trace_id, span.span_id): span for span in spans_of(batch)}
    if not spans:
        raise Unreadable("there are no spans in it")
    traces: dict[str, list[Span]] = {}
    for span in spans.values():
        traces.setdefault(span.trace_id, []).append(span)
    return tuple(tuple(_ordered(traces[key])) for key in sorted(traces, key=lambda k: (-len(traces[k]), k)))


def _ordered(spans: Sequence[Span]) -> list[Span]:
    """As the store gives them."""
    return sorted(spans, key=lambda span: (span.start_ns, span.span_id))
