"""What goes in comes out: any OTLP request, in either encoding and engine, means the same when exported."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from collector import export
from collector.decode.registry import DECODERS
from collector.payload import Encoding, Signal
from collector.storage.base import Storage, Window
from collector.storage.duckdb import open_storage
from collector.storage.logs import LogsQuery
from collector.storage.memory import MemoryStorage
from collector.storage.metrics import PointsQuery
from tests.collector import otlp_messages
from tests.collector.batches import SECOND, T0

DAY = 86_400 * SECOND
# As far as times are clamped to, and a little beyond.
ALWAYS = Window(946_684_800 * SECOND, T0 + 2 * DAY)
EXAMPLES = int(os.environ.get("TRACEKIT_TEST_EXPORT_EXAMPLES", "21"))
ENCODINGS: tuple[Encoding, ...] = ("protobuf", "json")


def all_traces(storage: Storage, request: Any) -> Message:
    ids = {span.trace_id for r in request.resource_spans for s in r.scope_spans for span in s.spans}
    spans = [span for trace_id in ids for span in storage.reader.trace(trace_id.hex())]
    return export.traces(spans, storage.origins)


def all_logs(storage: Storage, request: Any) -> Message:
    records = []
    page = storage.logs.search(LogsQuery(ALWAYS, limit=3))
    records += page.records
    while page.next_cursor:
        page = storage.logs.search(LogsQuery(ALWAYS, limit=3, cursor=page.next_cursor))
        records += page.records
    return export.logs(records, storage.origins)


def all_metrics(storage: Storage, request: Any) -> Message:
    points = storage.metrics.points(PointsQuery(ALWAYS)).points
    return export.metrics(points, storage.origins)


SIGNALS: dict[Signal, tuple[st.SearchStrategy[Any], Callable[[Storage, Any], Message]]] = {
    "traces": (otlp_messages.TRACES, all_traces),
    "logs": (otlp_messages.LOGS, all_logs),
    "metrics": (otlp_messages.METRICS, all_metrics),
}


@contextlib.contextmanager
def engine(name: str) -> Iterator[Storage]:
    with tempfile.TemporaryDirectory() as folder:
        storage: Storage = MemoryStorage() if name == "memory" else open_storage(Path(folder))
        with contextlib.closing(storage):
            yield storage


def _repeats_a_span(request: Any) -> bool:
    """Which counts once."""
    spans = [span for r in getattr(request, "resource_spans", ()) for s in r.scope_spans for span in s.spans]
    return len({(span.trace_id, span.span_id) for span in spans}) < len(spans)


def body(request: Any, encoding: Encoding) -> bytes:
    found: bytes = request.SerializeToString()
    return export.to_json(request) if encoding == "json" else found


@pytest.mark.parametrize("name", ["memory", "duckdb"])
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_request_comes_back_with_the_same_meaning(signal: Signal, name: str) -> None:
    requests, read = SIGNALS[signal]

    @settings(
        max_examples=EXAMPLES if name == "memory" else EXAMPLES // 3,
        deadline=None,
        phases=[Phase.generate],  # a whole request shrinks for minutes
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(requests, st.sampled_from(ENCODINGS))
    def check(request: Any, encoding: Encoding) -> None:
        assume(not _repeats_a_span(request))
        decoded = DECODERS[signal, encoding](body(request, encoding), T0 + SECOND)
        assert not decoded.rejected
        with engine(name) as storage:
            storage.writer.write([decoded.batch])
            found = read(storage, request)
        assert otlp_messages.leaves(found) == otlp_messages.leaves(request)

    check()


def test_json_writes_ids_in_hex_and_other_bytes_in_base64() -> None:
    request = otlp_messages.trace_pb2.TracesData()
    span = (
        request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    )
    span.attributes.add(key="traceId").value.bytes_value = b"\xff"
    (group,) = json.loads(export.to_json(request))["resourceSpans"]
    (written,) = group["scopeSpans"][0]["spans"]
    assert (written["traceId"], written["spanId"]) == ("01" * 16, "02" * 8)
    assert written["attributes"] == [{"key": "traceId", "value": {"bytesValue": "/w=="}}]
