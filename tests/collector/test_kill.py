"""kill -9 in the middle of load, at any moment: what was acknowledged is there, whole and once.

TRACEKIT_KILLS=200 runs as many rounds; each moment once is the default.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest

from collector.app import open_ingest, open_store
from collector.ingest import IngestStats
from collector.settings import Settings
from tests.collector.batches import T0
from tests.collector.mortal import MOMENTS
from tests.collector.otlp import request, span

ROOT = Path(__file__).resolve().parents[2]
HEADERS = {"content-type": "application/x-protobuf"}
SPANS = 40  # a payload
ROUNDS = int(os.environ.get("TRACEKIT_KILLS", len(MOMENTS) + 1))


@contextlib.contextmanager
def serving(folder: Path, moment: str = "", count: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and where it takes spans; "" if its moment came before it could listen."""
    command = [sys.executable, "-m", "tests.collector.mortal", str(folder)]
    command += [moment, str(count)] if moment else []
    with (folder / "collector.log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)
    with process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            yield process, f"http://{address}/v1/traces" if address else ""
        finally:
            process.kill()


class Client(threading.Thread):
    """Sends payloads until the server is gone; a payload without an answer is sent again next round."""

    def __init__(self, number: int, before: Client | None = None) -> None:
        super().__init__()
        self.number = number
        self.url = ""
        self.sent = before.sent if before else 0
        self.acknowledged: set[bytes] = before.acknowledged if before else set()
        self.pending = before.pending if before else None

    def body(self) -> tuple[bytes, bytes]:
        self.sent += 1
        trace_id = (self.number << 64 | self.sent).to_bytes(16, "big")
        spans = [span(i, trace_id=trace_id, start_time_unix_nano=T0 + i) for i in range(1, SPANS + 1)]
        spans[0].status.code = 2  # an error: sampling leaves nothing of it out
        return trace_id, request(*spans).SerializeToString()

    def run(self) -> None:
        with httpx.Client(timeout=20) as http, contextlib.suppress(httpx.TransportError):
            while True:
                trace_id, body = self.pending = self.pending or self.body()
                status = http.post(self.url, content=body, headers=HEADERS).status_code
                if status == 200:
                    self.acknowledged.add(trace_id)
                    self.pending = None
                else:
                    assert status in (429, 503)


def rounds(folder: Path, count: int) -> list[Client]:
    """Kills `count` times; the clients as they are after the last one."""
    chance = random.Random(7)
    clients = [Client(number) for number in range(1, 5)]
    moments = ["", *MOMENTS]
    for number in range(count):
        moment = moments[number % len(moments)]
        with serving(folder, moment, chance.randrange(1, 60)) as (process, url):
            clients = [Client(client.number, client) for client in clients]
            for client in clients if url else []:
                client.url = url
                client.start()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.2, 1.2))
            process.send_signal(signal.SIGKILL)
            for client in clients if url else []:
                client.join(30)
    return clients


def recovered(folder: Path) -> IngestStats:
    """Start once more and stop politely: everything acknowledged is in the store's files then."""
    settings = Settings.from_env({}, {"data_dir": str(folder)})
    with contextlib.closing(open_store(settings)) as store, open_ingest(store.writer, settings) as ingest:
        assert ingest.settle(60)
        return ingest.stats()


def stored(folder: Path) -> Counter[bytes]:
    """Spans of each trace, counted without the collector's own code."""
    found: Counter[bytes] = Counter()
    for path in folder.glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
            if "spans" not in tables:
                continue
            rows = connection.execute(
                "SELECT trace_id, count(*), count(DISTINCT span_id) FROM spans GROUP BY 1"
            )
            for trace_id, spans, distinct in rows.fetchall():
                assert spans == distinct, "a span is stored twice"
                found[trace_id.bytes] += spans
            sums = "SELECT (SELECT rows FROM rollups_until), (SELECT coalesce(sum(spans), 0) FROM call_slots)"
            until, summed = connection.execute(sums).fetchone() or (0, 1)
            assert until == summed, "sums of other spans than said"
    return found


def parts_rewritten(folder: Path) -> int:
    """Files that took the place of others."""
    found = 0
    for path in folder.glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            found += connection.execute("SELECT one_of > 1 FROM tail_sampling").fetchall() == [(True,)]
    return found


def summed_up(folder: Path) -> int:
    """Spans whose calls figures over hours need not read one by one. (Edges are summed later: what the last
    quarter of an hour brought is left as it is.)"""
    found = 0
    for path in folder.glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            found += sum(rows for (rows,) in connection.execute("SELECT rows FROM rollups_until").fetchall())
    return found


@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * ROUNDS)
def test_nothing_acknowledged_is_lost_or_doubled_or_stored_in_part(tmp_path: Path) -> None:
    clients = rounds(tmp_path, ROUNDS)
    acknowledged = set().union(*(client.acknowledged for client in clients))
    assert len(acknowledged) > 10 * ROUNDS, "there was no load worth the name"
    assert recovered(tmp_path).quarantined == 0
    found = stored(tmp_path)
    assert summed_up(tmp_path) > SPANS, "nothing was gathered"
    assert parts_rewritten(tmp_path) > 0, "no part was finished and sampled"
    assert set(found.values()) == {SPANS}, "a payload was stored in part or twice"
    assert acknowledged <= set(found), "an acknowledged payload is lost"
    never_answered = {client.pending[0] for client in clients if client.pending}
    assert set(found) <= acknowledged | never_answered


@pytest.mark.slow
@pytest.mark.timeout(360)
def test_a_polite_end_stores_what_was_admitted(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, url):
        trace_id, body = Client(1).body()
        assert httpx.post(url, content=body, headers=HEADERS).status_code == 200
        process.send_signal(signal.SIGINT)
        process.wait(300)
    assert stored(tmp_path) == {trace_id: SPANS}
    assert not list(tmp_path.glob("*.wal")), "a closed store leaves no log to replay"
    assert recovered(tmp_path).replayed == 0
