"""A file that could not be read for a while and is put back: what was replayed meanwhile counts once."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from collector.app import open_ingest, open_store
from collector.payload import Payload
from collector.settings import Settings
from collector.storage.base import FunctionsQuery, Window
from collector.storage.duckdb import DuckDBStorage
from collector.storage.logs import LogsQuery
from collector.storage.metrics import PointsQuery
from tests.collector.batches import SECOND, T0
from tests.collector.otlp import request, span
from tests.collector.signals import gauge, record

WINDOW = Window(T0, T0 + 3600 * SECOND)
GARBAGE = b"hello" * 9_000


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder with a collector in this process; it leaves as a kill would."""

    path: Path

    @contextlib.contextmanager
    def started(self, *numbers: int, checkpoint: bool = False) -> Iterator[DuckDBStorage]:
        """Payloads of these numbers are sent and stored."""
        live = self.path.with_name("live")
        shutil.rmtree(live, ignore_errors=True)
        if self.path.exists():
            shutil.copytree(self.path, live)
        settings = Settings.from_env({}, {"data_dir": str(live)})
        with contextlib.closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
            for number in numbers:
                for payload in payloads(number):
                    asyncio.run(ingest.export(payload))
            assert ingest.settle()
            if checkpoint:
                store.writer.checkpoint()
            yield store
            shutil.rmtree(self.path, ignore_errors=True)
            shutil.copytree(live, self.path)

    def part(self) -> Path:
        (path,) = self.path.glob("*.duckdb")
        return path


def payloads(number: int) -> list[Payload]:
    """A span that links to another, two equal records and a point."""
    sent = span(number, start_time_unix_nano=T0 + number, end_time_unix_nano=T0 + number + 1, kind=2)
    sent.links.add(trace_id=bytes([1] * 16), span_id=bytes([2] * 8))
    logs, metrics = LogsData(), MetricsData()
    logs.resource_logs.add().scope_logs.add().log_records.extend([record(number, str(number))] * 2)
    metrics.resource_metrics.add().scope_metrics.add().metrics.append(
        gauge("g", (number, {"as_int": number}))
    )
    bodies = {"traces": request(sent), "logs": logs, "metrics": metrics}
    return [
        Payload(signal, "protobuf", body.SerializeToString(), T0 + number * SECOND)  # type: ignore[arg-type]
        for signal, body in bodies.items()
    ]


def held(store: DuckDBStorage) -> tuple[list[int], list[int], list[int], int]:
    """Numbers of spans, records and points that are stored; and links."""
    spans = sorted(int(s.span_id, 16) for s in store.reader.trace(bytes(range(1, 17)).hex()))
    records = sorted(int(r.body) for r in store.logs.search(LogsQuery(WINDOW, limit=10_000)).records)
    points = store.metrics.points(PointsQuery(WINDOW, limit=10_000)).points
    links = len(store.reader.linked_from("01" * 16))
    return spans, records, sorted(p.row["value_int"] for p in points), links


def once(*numbers: int) -> tuple[list[int], list[int], list[int], int]:
    return list(numbers), sorted([*numbers, *numbers]), list(numbers), len(numbers)


def test_what_a_file_that_is_put_back_holds_twice_counts_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Folder(tmp_path / "data")
    with folder.started(1, 2, 3) as store:
        assert held(store) == once(1, 2, 3)
    first = folder.part()
    shutil.copytree(folder.path, tmp_path / "kept")
    first.write_bytes(GARBAGE)
    first.with_name(first.name + ".wal").unlink()
    with folder.started(4) as store:
        assert held(store) == once(1, 2, 3, 4), "the journal had all of it"
        store.care.care()
    for path in (tmp_path / "kept").glob(first.name + "*"):
        shutil.copy(path, folder.path)
    with folder.started(5) as store:
        assert "3 spans, 6 log records and 3 data points of it" in caplog.text
        assert held(store) == once(1, 2, 3, 4, 5)
        assert store.reader.functions(FunctionsQuery(WINDOW))[0].calls == 5
    caplog.clear()
    with folder.started() as store:
        assert held(store) == once(1, 2, 3, 4, 5)
    assert "was put back" not in caplog.text


def test_what_only_the_file_that_is_put_back_holds_stays(tmp_path: Path) -> None:
    """What a checkpoint had covered was not in the journal any more."""
    folder = Folder(tmp_path / "data")
    with folder.started(1, 2, checkpoint=True):
        pass
    for segment in (folder.path / "journal").glob("*.seg"):
        segment.unlink()
    with folder.started(3, 4):
        pass
    first = folder.part()
    shutil.copytree(folder.path, tmp_path / "kept")
    first.write_bytes(GARBAGE)
    first.with_name(first.name + ".wal").unlink()
    with folder.started() as store:
        assert held(store) == once(3, 4)
    for path in (tmp_path / "kept").glob(first.name + "*"):
        shutil.copy(path, folder.path)
    with folder.started() as store:
        assert held(store) == once(1, 2, 3, 4)
        assert store.reader.functions(FunctionsQuery(WINDOW))[0].calls == 4
