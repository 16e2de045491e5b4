"""What each query of the contract takes on a store of a given size, and what writing it took.

    python benchmarks/queries.py [SPANS]      (default 1,000,000 over one hour)

Prints the median of five runs on a warm store. The traffic: traces of ten spans, 12 functions, cold starts,
SQL, a queue with links, one percent of errors.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.model import COLUMN_NAMES, SPAN_COLUMNS, Kind, Resource, SpanBatch
from collector.storage.base import (
    CallsQuery,
    ColdStartsQuery,
    EdgesQuery,
    FunctionsQuery,
    SeriesQuery,
    SlowQuery,
    TracesQuery,
    Window,
)
from collector.storage.duckdb import open_storage

HOUR_NS = 3_600 * 10**9
START_NS = 1_700_000_000 * 10**9
WINDOW = Window(START_NS, START_NS + HOUR_NS)
GROUP = 5_000  # traces a write
_BLANK: dict[str, Any] = {"text": "", "json": "", "bool": None, "i32": None}


def traffic(first: int, traces: int, total: int, chance: random.Random) -> SpanBatch:
    rows: list[dict[str, Any]] = []
    for n in range(first, first + traces):
        rows += _trace(n, START_NS + n * HOUR_NS // total, chance)
    columns = {c.name: [row.get(c.name, _BLANK.get(c.type, 0)) for row in rows] for c in SPAN_COLUMNS}
    resources = {i: Resource(i, f"function-{i}", f'{{"service.name":"function-{i}"}}') for i in range(1, 13)}
    assert columns.keys() == set(COLUMN_NAMES)
    return SpanBatch(columns, resources)


def _trace(n: int, start_ns: int, chance: random.Random) -> list[dict[str, Any]]:
    trace_id = chance.randbytes(16).hex()
    found = []
    # Five calls in a chain, each with a call of its own to the next, a database or a queue.
    for depth in range(5):
        function = (n + depth) % 12 + 1
        duration = int(chance.lognormvariate(17, 1))
        common = {
            "trace_id": trace_id,
            "service": f"function-{function}",
            "resource_id": function,
            "start_ns": start_ns + depth * 1_000_000,
            "status": 2 if chance.random() < 0.01 else 0,
            "version": f"v{function % 3}",
            "instance": f"instance-{function}-{n % 7}",
            "attributes": f'{{"faas.invocation_id":"{chance.randbytes(16).hex()}","app.item":{n % 1000}}}',
        }
        server, client = depth * 2 + 1, depth * 2 + 2
        found.append(
            common
            | {"span_id": server, "parent_span_id": server - 1, "kind": Kind.SERVER, "name": "GET /items"}
            | {"duration_ns": duration, "coldstart": chance.random() < 0.02, "trigger": "http"}
        )
        out = common | {"span_id": client, "parent_span_id": server, "duration_ns": duration // 2}
        found.append(out | _outgoing(depth, chance))
    return found


def _outgoing(depth: int, chance: random.Random) -> dict[str, Any]:
    if depth < 4:
        return {"kind": Kind.CLIENT, "name": "GET", "peer_kind": "external", "peer": "next:80"}
    statement = f"SELECT * FROM table_{chance.randrange(40)} WHERE id = ?"
    return {
        "kind": Kind.CLIENT,
        "name": "SELECT",
        "peer_kind": "database",
        "peer": "sqlite: shop.db",
        "db_system": "sqlite",
        "db_statement": statement,
    }


def milliseconds(work: Callable[[], Any], runs: int = 5) -> float:
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def main(spans: int) -> None:
    chance = random.Random(1)
    traces = max(spans // 10, 1)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_storage(Path(folder))) as storage:
        writing = 0.0
        for first in range(0, traces, GROUP):
            batch = traffic(first, min(GROUP, traces - first), traces, chance)
            began = time.perf_counter()
            storage.writer.write([batch])
            writing += time.perf_counter() - began
        reader = storage.reader
        newest = reader.traces(TracesQuery(WINDOW)).traces[0].trace_id
        work: dict[str, Callable[[], Any]] = {
            "services": lambda: reader.services(WINDOW),
            "functions": lambda: reader.functions(FunctionsQuery(WINDOW)),
            "series": lambda: reader.series(SeriesQuery(WINDOW, by="version")),
            "calls, slowest": lambda: reader.calls(CallsQuery(WINDOW, sort="slowest")),
            "cold starts": lambda: reader.cold_starts(ColdStartsQuery(WINDOW)),
            "traces, newest": lambda: reader.traces(TracesQuery(WINDOW)),
            "traces, slowest": lambda: reader.traces(TracesQuery(WINDOW, sort="slowest")),
            "traces, errors of one": lambda: reader.traces(
                TracesQuery(WINDOW, service="function-3", status="error")
            ),
            "traces, text": lambda: reader.traces(TracesQuery(WINDOW, text="select table_7")),
            "traces, of an edge": lambda: reader.traces(TracesQuery(WINDOW, target="function:function-3")),
            "trace": lambda: reader.trace(newest),
            "edges": lambda: reader.edges(EdgesQuery(WINDOW)),
            "slow functions": lambda: reader.slow(SlowQuery(WINDOW, "functions")),
            "slow calls": lambda: reader.slow(SlowQuery(WINDOW, "calls")),
            "slow statements": lambda: reader.slow(SlowQuery(WINDOW, "statements")),
            "stats": reader.stats,
        }
        stats = reader.stats()
        print(f"{stats.spans:,} spans, {stats.bytes_on_disk / stats.spans:.0f} bytes each on disk and log")
        print(f"{'write':22} {stats.spans / writing:10,.0f} spans/s")
        for name, query in work.items():
            print(f"{name:22} {milliseconds(query):10.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
