"""Nothing in the catalogue of bad input hurts: a clear answer, bounded memory, and neighbours unharmed.

A real server process takes it all, while other clients send what is good.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.payload import Signal
from collector.receivers.otlp_grpc import METHODS
from collector.storage.base import SpanReader, TracesQuery, Window
from collector.storage.duckdb import open_storage
from tests import serving
from tests.collector.bad_input import BYTES, GOOD, GRPC, HTTP, OTHER_SIGNALS, VALUES, Entry, Fate
from tests.collector.batches import SECOND, T0
from tests.collector.otlp import TRACE, request, span

_MIB = 2**20
MEDIA = {"protobuf": "application/x-protobuf", "json": "application/json"}
ROADS = ("protobuf", "protobuf.gz", "grpc", "json", "json.gz")
CASES = [
    pytest.param(entry, road, id=f"{entry.name}-{road}".replace(" ", "-"))
    for entry in [*BYTES, *VALUES, *OTHER_SIGNALS]
    for road in ROADS
    if (entry.json if "json" in road else entry.protobuf)
    # Those with headers say themselves how they are packed, which only HTTP can.
    and not (entry.headers and road not in ("protobuf", "json"))
]
WAITING = "tracekit_waiting_bytes "
MOST_MEMORY = 64 * _MIB


@dataclass(slots=True)
class Neighbour(threading.Thread):
    """Sends good payloads of one span until it is ended, each again while it is told to come back, as clients
    of OTLP do; remembers what was acknowledged."""

    url: str
    number: int
    acknowledged: list[bytes] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        threading.Thread.__init__(self, daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        with httpx.Client(timeout=60) as client:
            while not self.ended.wait(0.02):
                trace_id = ((self.number << 64) + len(self.acknowledged) + 1).to_bytes(16, "big")
                body = request(span(1, trace_id=trace_id)).SerializeToString()
                headers = {"content-type": MEDIA["protobuf"]}
                code = client.post(self.url, content=body, headers=headers).status_code
                if code == 200:
                    self.acknowledged.append(trace_id)
                elif code != 429:
                    self.refused.append(code)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    """At the end: the server still runs, its pages show what came, and every neighbour is stored once."""
    folder = tmp_path_factory.mktemp("data")
    with serving.serving(folder) as found:
        neighbours = [Neighbour(f"{found.otlp_http}/v1/traces", number) for number in (1, 2)]
        for neighbour in neighbours:
            neighbour.start()
        assert over_http(f"{found.otlp_http}/v1/traces", GOOD, "protobuf", {}) == (200, 0)
        try:
            yield found
        finally:
            for neighbour in neighbours:
                neighbour.ended.set()
                neighbour.join(60)
        assert not [code for neighbour in neighbours for code in neighbour.refused]
        for page in ("/traces", "/functions", f"/traces/{TRACE.hex()}"):
            assert httpx.get(found.ui + page, follow_redirects=True, timeout=60).status_code == 200, page
        assert found.stop() == 0
        assert "Traceback" not in found.log.read_text()
    acknowledged = [trace_id for neighbour in neighbours for trace_id in neighbour.acknowledged]
    assert acknowledged
    with contextlib.closing(open_storage(folder)) as storage:
        stored = spans_by_trace(storage.reader)
    assert {stored.get(trace_id.hex()) for trace_id in acknowledged} == {1}


def spans_by_trace(reader: SpanReader) -> dict[str, int]:
    """How many spans each trace has; in pages, as thousands of traces one by one take minutes."""
    query, found = TracesQuery(Window(T0, T0 + SECOND), limit=500), {}
    while True:
        page = reader.traces(query)
        found |= {trace.trace_id: trace.spans for trace in page.traces}
        if not page.next_cursor:
            return found
        query = dataclasses.replace(query, cursor=page.next_cursor)


@pytest.mark.slow
@pytest.mark.parametrize(("entry", "road"), CASES)
def test_it_gets_a_clear_answer_in_bounded_memory(server: serving.Server, entry: Entry, road: str) -> None:
    encoding = road.partition(".")[0]
    make = entry.json if encoding == "json" else entry.protobuf
    assert make is not None
    body, fate = make(), (entry.json_fate or entry.fate) if encoding == "json" else entry.fate
    taken = memory_taken(server, entry, road, body, fate)
    if taken > MOST_MEMORY and fate == "kept" and len(body) > _MIB:
        # A checkpoint of what came before it, or the engine's buffers at their first use (20 MiB each):
        # such a body costs as much another time, with a letter changed so that it is no repetition.
        at = len(body) // 2
        taken = memory_taken(server, entry, road, body[:at] + b"0" + body[at + 1 :], fate)
    assert taken <= MOST_MEMORY


def memory_taken(server: serving.Server, entry: Entry, road: str, body: bytes, fate: Fate) -> int:
    """Sends it and holds the answer to what is expected; how far the server's memory rose, in bytes."""
    encoding, _, packed = road.partition(".")
    headers = {"content-encoding": "gzip"} if packed else entry.headers
    body = gzip.compress(body) if packed else body
    with grown(server.process.pid) as memory:
        if road == "grpc":
            code, rejected = over_grpc(server.otlp_grpc, body, entry.signal)
            assert code == GRPC[fate]
        else:
            code, rejected = over_http(f"{server.otlp_http}/v1/{entry.signal}", body, encoding, headers)
            assert code == HTTP[fate]
        if code in (200, "OK"):  # the insert comes after the answer
            wait_for_insert(server)
    assert bool(rejected) == (fate == "partial")
    return memory.bytes


@pytest.mark.slow
def test_gzip_bombs_over_grpc_are_refused_while_they_are_small(server: serving.Server) -> None:
    method = next(path for path, signal in METHODS.items() if signal == "traces")
    options = [("grpc.max_send_message_length", -1)]
    with (
        grown(server.process.pid) as memory,
        grpc.insecure_channel(server.otlp_grpc, options, grpc.Compression.Gzip) as channel,
    ):
        calls = [channel.unary_unary(method).future(bytes(60 * _MIB), timeout=60) for _ in range(8)]
        assert {call.code().name for call in calls} == {"RESOURCE_EXHAUSTED"}
    assert memory.bytes <= MOST_MEMORY


def wait_for_insert(server: serving.Server) -> None:
    """Until nothing waits for the store but what neighbours sent, by what it says of itself."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if _waiting_bytes(httpx.get(f"{server.otlp_http}/metrics").text) < _MIB:
            return
        time.sleep(0.05)
    raise AssertionError("what was acknowledged is not inserted")


def _waiting_bytes(metrics: str) -> float:
    line = next(line for line in metrics.splitlines() if line.startswith(WAITING))
    return float(line.split()[-1])


def over_http(url: str, body: bytes, road: str, headers: dict[str, str]) -> tuple[Any, int]:
    """The status, and how many items were left out of a success."""
    media_type = {"content-type": MEDIA[road]}
    answer = httpx.post(url, content=body, headers=media_type | headers, timeout=60)
    if answer.status_code != 200:
        assert answer.content, "a failure says why"
        return answer.status_code, 0
    if road == "json":
        partial = answer.json().get("partialSuccess", {})
        return 200, sum(int(count) for name, count in partial.items() if name.startswith("rejected"))
    return 200, _rejected(answer.content)


def over_grpc(target: str, body: bytes, wanted: Signal) -> tuple[Any, int]:
    method = next(path for path, signal in METHODS.items() if signal == wanted)
    with grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1)]) as channel:
        try:
            answer = channel.unary_unary(method)(body, timeout=60)
        except grpc.RpcError as error:
            return error.code().name, 0
    return "OK", _rejected(answer)


def _rejected(answer: bytes) -> int:
    """The number is in the same field for every signal."""
    return ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans


@dataclass(slots=True)
class Growth:
    bytes: int = 0


@contextlib.contextmanager
def grown(pid: int) -> Iterator[Growth]:
    """How far the process's memory rose above where it stood, at its highest moment."""
    found = Growth()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the highest moment so far
    before = _status_bytes(pid, "VmRSS")
    yield found
    found.bytes = _status_bytes(pid, "VmHWM") - before


def _status_bytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024
