"""What each query of the contract takes on a store of a given size, beside the goals, and what storing took.

    python benchmarks/queries.py [SPANS]      (default 1,000,000; goals are stated for 10,000,000)

Traffic over 24 hours: traces of ten spans, 12 functions, cold starts, SQL, one percent of errors. The first
100,000 spans are written through the writer, which is timed; the rest are copies of them in SQL, at other
times and with other trace ids, because it is the queries that are measured. Prints the median of five runs on
a warm store, one process, nothing else running.
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
from collector.storage.duckdb import DuckDBStorage, open_storage
from collector.storage.spanset import Comparison, Field, Spans

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
START_NS = 1_699_999_920 * 10**9  # whole slots of six minutes
DAY = Window(START_NS, START_NS + DAY_NS)
HOUR = Window(DAY.end_ns - HOUR_NS, DAY.end_ns)
# As it moves with the clock: read from spans, where HOUR comes from sums.
ODD_HOUR = Window(HOUR.start_ns + 1, HOUR.end_ns + 1)
WRITTEN = 100_000  # spans through the writer
GROUP = 5_000  # traces a write
CARE_ROUNDS = 15  # each sums up for two seconds at most: enough for ten million spans
_BLANK: dict[str, Any] = {"text": "", "json": "", "bool": None, "i32": None}


def traffic(
    first: int, traces: int, total: int, chance: random.Random, start_ns: int = START_NS
) -> SpanBatch:
    """Of `total` traces that begin in the day from `start_ns` on, `traces` from number `first` on."""
    rows: list[dict[str, Any]] = []
    for n in range(first, first + traces):
        rows += _trace(n, start_ns + n * DAY_NS // total, chance)
    return batch_of(rows)


def batch_of(rows: list[dict[str, Any]]) -> SpanBatch:
    """Rows by column name as a batch; columns they leave out are blank."""
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


COPY = """
INSERT INTO spans SELECT * REPLACE (
    md5(trace_id::VARCHAR || $copy)::UUID AS trace_id,
    start_ns + $shift AS start_ns,
    left(attributes, 23) || md5(span_id::VARCHAR || $copy || trace_id) || substr(attributes, 56) AS attributes
) FROM spans ORDER BY rowid LIMIT $count
"""


def written(storage: DuckDBStorage, spans: int, copies: int) -> float:
    """Seconds that the writer took. The spans lie in the first of `copies` equal parts of the day."""
    chance = random.Random(1)
    traces = max(spans // 10, 1)
    taken = 0.0
    for first in range(0, traces, GROUP):
        batch = traffic(first, min(GROUP, traces - first), traces * copies, chance)
        began = time.perf_counter()
        storage.writer.write([batch])
        taken += time.perf_counter() - began
    return taken


def grown(storage: DuckDBStorage, spans: int, copies: int, day: Window = DAY) -> None:
    """The other parts of the day, as large transactions on the newest file."""
    database = storage._database
    for copy in range(1, copies):
        values = {"copy": str(copy), "shift": copy * DAY_NS // copies, "count": spans}
        database.writer.execute(COPY, values)
        database.parts.widen(database.parts.newest, "spans", (day.start_ns, day.end_ns))
        if copy % 20 == 0:
            storage.writer.checkpoint()


def asked(reader: Any) -> dict[str, tuple[Callable[[], Any], float | None]]:
    """What is measured, with its goal in milliseconds at ten million spans."""
    newest = reader.traces(TracesQuery(HOUR)).traces[0].trace_id
    item = Spans(Comparison(Field("span", "app.item"), "=", 77))
    nothing = Spans(Comparison(Field("span", "app.item"), "=", 1_000_000))
    return {
        "service list": (lambda: reader.services(DAY), 20),
        "functions, 1 h": (lambda: reader.functions(FunctionsQuery(HOUR)), None),
        "functions, 24 h": (lambda: reader.functions(FunctionsQuery(DAY)), 80),
        "series by version, 24 h": (lambda: reader.series(SeriesQuery(DAY, by="version")), None),
        "topology, 1 h": (lambda: reader.edges(EdgesQuery(HOUR)), 30),
        "topology, 1 h, no whole slots": (lambda: reader.edges(EdgesQuery(ODD_HOUR)), 30),
        "topology, 24 h": (lambda: reader.edges(EdgesQuery(DAY)), None),
        "calls, slowest, 24 h": (lambda: reader.calls(CallsQuery(DAY, sort="slowest")), None),
        "calls, errors of one, 24 h": (
            lambda: reader.calls(CallsQuery(DAY, service="function-3", status="error")),
            25,
        ),
        "traces, newest, 1 h": (lambda: reader.traces(TracesQuery(HOUR)), None),
        "traces, any attribute, 24 h": (lambda: reader.traces(TracesQuery(DAY, spanset=item)), 1_500),
        "traces, attribute of none, 24 h": (lambda: reader.traces(TracesQuery(DAY, spanset=nothing)), 1_500),
        "traces, text, 1 h": (lambda: reader.traces(TracesQuery(HOUR, text="select table_7")), None),
        "cold starts, 24 h": (lambda: reader.cold_starts(ColdStartsQuery(DAY)), None),
        "trace by id": (lambda: reader.trace(newest), 10),
        "slow statements, 1 h": (lambda: reader.slow(SlowQuery(HOUR, "statements")), None),
        "stats": (reader.stats, None),
    }


def forgotten(storage: DuckDBStorage) -> float:
    """Milliseconds to drop a day. Another part is begun first: the one being written is never dropped."""
    database = storage._database
    part = database.parts.newest
    database.begin_part("2099-01-01")
    storage.writer.checkpoint()
    began = time.perf_counter()
    database.drop(part)
    return (time.perf_counter() - began) * 1000


def line(what: str, value: float, unit: str, goal: float | None) -> None:
    verdict = "" if goal is None else f"   goal {goal:>7,.0f}  {'met' if value <= goal else 'MISSED'}"
    print(f"{what:30} {value:12,.1f} {unit:8}{verdict}")


def main(spans: int) -> None:
    copies = max(spans // WRITTEN, 1)
    per_copy = min(spans, WRITTEN)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_storage(Path(folder))) as storage:
        seconds = written(storage, per_copy, copies)
        grown(storage, per_copy, copies)
        began = time.perf_counter()
        storage.writer.checkpoint()
        checkpoint_ms = (time.perf_counter() - began) * 1000
        for _ in range(CARE_ROUNDS):
            storage.care.care()
        stats = storage.reader.stats()
        print(f"{stats.spans:,} spans over 24 hours in {len(storage._database.parts.all)} file(s)")
        line("write, fallback decoder's batch", stats.spans / copies / seconds, "spans/s", None)
        line("last checkpoint", checkpoint_ms, "ms", None)
        line("bytes a span on disk", stats.bytes_on_disk / stats.spans, "bytes", 90)
        for name, (query, goal) in asked(storage.reader).items():
            line(name, milliseconds(query), "ms", goal)
        line("drop a day", forgotten(storage), "ms", 150)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
