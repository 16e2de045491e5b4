"""A data folder with a day of calls, log records and metrics, and two large traces, made in minutes.

Calls are those of queries.py; of those that failed one says why, with the stack of one of forty places.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from queries import DAY_NS, GROUP, HOUR_NS, WRITTEN, batch_of, grown, traffic

from collector.decode import otlp_metrics
from collector.model import Kind, SpanBatch
from collector.model_logs import LOG_COLUMNS, LogBatch
from collector.model_metrics import MetricBatch
from collector.storage.base import Window
from collector.storage.duckdb import DuckDBStorage, open_storage

MINUTE_NS = 60 * 10**9
PLACES = 40
LARGE = (5_000, 50_000)
OF_EACH = 4  # so that some are opened for the first time, which is what takes long
_BLANK: dict[str, Any] = {"text": "", "json": "", "hex128?": None}
STACK = 'Traceback (most recent call last):\n  File "/app/place%d.py", line 7, in reserve'
COPY_LOGS = """
INSERT INTO logs SELECT * REPLACE (
    time_ns + $shift AS time_ns, md5(trace_id::VARCHAR || $copy)::UUID AS trace_id
) FROM logs ORDER BY rowid LIMIT $count
"""


@dataclass(frozen=True, slots=True)
class DayStore:
    """`large` are trace ids by their number of spans; `usual` are two of ten spans, one of which failed."""

    spans: int
    large: dict[int, list[str]]
    usual: list[str]


def filled(folder: Path, spans: int, now_ns: int, sizes: Sequence[int] = LARGE) -> DayStore:
    """Fill an empty folder with the day before `now_ns`: `spans`, a log record for ten, metrics a minute, and
    OF_EACH traces of each of the `sizes`."""
    day = Window(now_ns - DAY_NS, now_ns)
    copies, chance = max(spans // WRITTEN, 1), random.Random(1)
    with contextlib.closing(open_storage(folder)) as storage:
        usual = _written(storage, min(spans, WRITTEN), copies, day, chance)
        grown(storage, min(spans, WRITTEN), copies, day)
        _grown_logs(storage, copies, day)
        storage.writer.write([_metrics(day)])
        large: dict[int, list[str]] = {size: [] for size in sizes}
        for size in [*sizes] * OF_EACH:
            trace = large_trace(size, now_ns - HOUR_NS // 2, chance)
            storage.writer.write([trace])
            large[size].append(trace.columns["trace_id"][0])
        storage.writer.checkpoint()
        storage.care.care()
        return DayStore(storage.reader.stats().spans, large, usual)


def _written(
    storage: DuckDBStorage, spans: int, copies: int, day: Window, chance: random.Random
) -> list[str]:
    """Through the writer, in the first of `copies` equal parts of the day."""
    traces = max(spans // 10, 1)
    usual: list[str] = []
    for first in range(0, traces, GROUP):
        count = min(GROUP, traces - first)
        batch = traffic(first, count, traces * copies, chance, day.start_ns)
        failures(batch, chance)
        storage.writer.write([batch, logs_of(batch)])
        if not usual:
            ids, status = batch.columns["trace_id"], batch.columns["status"]
            usual = [ids[status.index(2)] if 2 in status else ids[0], ids[-1]]
    return usual


def failures(batch: SpanBatch, chance: random.Random) -> None:
    """Let each span that failed tell its exception."""
    columns = batch.columns
    for row, status in enumerate(columns["status"]):
        if status != 2:
            continue
        place = chance.randrange(PLACES)
        said = {
            "exception.type": f"Error{place % 7}",
            "exception.message": f"no answer from stock {chance.randrange(1000)} within 250 ms",
            "exception.stacktrace": STACK % place,
        }
        event = {"time_ns": columns["start_ns"][row], "name": "exception", "attributes": said}
        columns["events"][row] = json.dumps([event])
        columns["error_type"][row] = said["exception.type"]


def logs_of(batch: SpanBatch) -> LogBatch:
    """A record for each trace, said by its first span."""
    spans = batch.columns
    rows = []
    for row in range(0, len(batch), 10):
        time_ns = spans["start_ns"][row]
        rows.append(
            {name: spans[name][row] for name in ("trace_id", "span_id", "service", "resource_id")}
            | {"log_id": row, "time_ns": time_ns, "sent_time_ns": time_ns, "observed_ns": time_ns}
            | {"severity": 17 if row % 500 == 0 else 9, "scope": "shop", "attributes": '{"attempt":1}'}
            | {"body": json.dumps(f"took up item {row} of basket {row % 7}")}
        )
    columns = {c.name: [said.get(c.name, _BLANK.get(c.type, 0)) for said in rows] for c in LOG_COLUMNS}
    return LogBatch(columns, batch.resources)


def _grown_logs(storage: DuckDBStorage, copies: int, day: Window) -> None:
    database = storage._database
    ((count,),) = database.writer.execute("SELECT count(*) FROM logs").fetchall()
    for copy in range(1, copies):
        values = {"copy": str(copy), "shift": copy * DAY_NS // copies, "count": count}
        database.writer.execute(COPY_LOGS, values)
    database.parts.widen(database.parts.newest, "logs", (day.start_ns, day.end_ns))


def _metrics(day: Window) -> MetricBatch:
    """Memory of each function, and how many calls it took, once a minute."""
    request = MetricsData()
    for function in range(1, 13):
        sender = request.resource_metrics.add()
        name = sender.resource.attributes.add(key="service.name")
        name.value.string_value = f"function-{function}"
        metrics = sender.scope_metrics.add().metrics
        gauge = metrics.add(name="process.memory.usage", unit="By").gauge
        counter = metrics.add(name="faas.invocations", unit="{invocation}").sum
        counter.is_monotonic, counter.aggregation_temporality = True, 2
        for minute in range(DAY_NS // MINUTE_NS):
            at = {"time_unix_nano": day.start_ns + minute * MINUTE_NS, "start_time_unix_nano": day.start_ns}
            gauge.data_points.add(**at, as_int=100_000_000 + function * minute)
            counter.data_points.add(**at, as_int=function * minute)
    decoded = otlp_metrics.decode(request.SerializeToString(), day.end_ns)
    assert isinstance(decoded.batch, MetricBatch), "the decoder took no metrics"
    return decoded.batch


def large_trace(spans: int, start_ns: int, chance: random.Random) -> SpanBatch:
    """A visit of eight seconds: random depths to ten, eight functions, sixty operations, 1 % failures."""
    trace_id, lasting_ns = chance.randbytes(16).hex(), 8_400_000_000
    placed = [(start_ns, lasting_ns, 0)]
    rows = [_span(trace_id, 1, 0, start_ns, lasting_ns, chance)]
    for number in range(2, spans + 1):
        above = chance.randrange(len(placed))
        while placed[above][2] >= 9:
            above = chance.randrange(len(placed))
        begun, lasts, depth = placed[above]
        begin = begun + int(chance.random() * lasts * 0.8)
        duration = int((begun + lasts - begin) * chance.uniform(0.1, 0.9))
        placed.append((begin, duration, depth + 1))
        rows.append(_span(trace_id, number, above + 1, begin, duration, chance))
    return batch_of(rows)


def _span(
    trace_id: str, number: int, parent: int, start_ns: int, duration_ns: int, chance: random.Random
) -> dict[str, Any]:
    function = chance.randrange(8) + 1
    return {
        "trace_id": trace_id,
        "span_id": number,
        "parent_span_id": parent,
        "start_ns": start_ns,
        "duration_ns": duration_ns,
        "kind": Kind.INTERNAL if parent else Kind.SERVER,
        "status": 2 if chance.random() < 0.01 else 0,
        "service": f"function-{function}",
        "resource_id": function,
        "name": f"operation {chance.randrange(60)}",
        "attributes": f'{{"app.item":{number},"app.basket":"{chance.randbytes(8).hex()}"}}',
    }
