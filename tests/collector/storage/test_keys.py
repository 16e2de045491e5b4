"""The key catalogue: both engines give the same, whatever is gathered already, and what is forgotten goes."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings

from collector import jsonvalue
from collector.batch import Batch
from collector.decode.registry import DECODERS
from collector.payload import Signal
from collector.storage.base import RetryLater, Storage
from collector.storage.duckdb import DuckDBStorage, keyfile, keys, open_storage, restore
from collector.storage.keys import AttributeKey, KeysQuery
from collector.storage.memory import MemoryStorage
from tests.collector.batches import SECOND, T0, batch, row
from tests.collector.otlp_messages import LOGS, METRICS, TRACES
from tests.collector.signals import gauge, logs, metrics, record
from tests.collector.storage.test_contract import a_day_a_write

ENGINES: dict[str, Callable[[Path], Storage]] = {
    "memory": lambda folder: MemoryStorage(),
    "duckdb": open_storage,
    "duckdb, many files": lambda folder: open_storage(folder, clock=a_day_a_write()),
}
EVERY_TYPE = {
    "text": "x", "int": 1, "negative": -1, "huge": 2**63 - 1, "double": 1.5, "infinite": math.inf,
    "bool": True, "bytes": b"\x00", "array": [1, "x"], "empty array": [], "map": {"a": 1}, "empty map": {},
    "marked": {"$bytes": "x"}, "nothing": None, 'quo"ted': "é", "a.b/c~d": "x",
}  # fmt: skip
TYPES = (
    "string", "int", "int", "int", "double", "double", "bool", "bytes", "array", "array", "map", "map", "map",
    "empty", "string", "string",
)  # fmt: skip


@pytest.fixture(params=ENGINES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    engine = ENGINES[request.param](tmp_path)
    yield engine
    engine.close()


def said(attributes: dict[str, Any], at_s: float = 0.0, **fields: Any) -> dict[str, Any]:
    """A span with these attributes."""
    number = int(at_s * 1000) + 1
    return row(number, number, at_s, 1, attributes=jsonvalue.dumps(attributes), **fields)


def found(storage: Storage, of: Any = "span", **query: Any) -> list[tuple[str, str, int]]:
    return [(one.key, one.type, one.rows) for one in storage.reader.keys(KeysQuery(of, **query))]


def test_every_type_of_value_is_told(storage: Storage) -> None:
    storage.writer.write([batch(said(EVERY_TYPE))])
    assert {key: kind for key, kind, _ in found(storage)} == dict(zip(EVERY_TYPE, TYPES, strict=True))


@pytest.mark.parametrize("key", ["$bytes", "$double", "$map"])
def test_a_lone_key_that_looks_like_a_mark_is_a_key(storage: Storage, key: str) -> None:
    storage.writer.write([batch(said({key: "NaN"}))])
    assert found(storage) == [(key, "string", 1)]


def test_rows_are_counted_by_key_and_type_from_the_first_to_the_last(storage: Storage) -> None:
    for at_s in (2.0, 1.0):
        storage.writer.write([batch(said({"a": 1, "b": "x"}, at_s))])
    storage.writer.write([batch(said({"a": "one"}, 3.0))])
    assert found(storage) == [("a", "int", 2), ("b", "string", 2), ("a", "string", 1)]
    first = storage.reader.keys(KeysQuery("span"))[0]
    assert (first.first_ns, first.last_ns) == (T0 + SECOND, T0 + 2 * SECOND)
    assert storage.reader.keys(KeysQuery("span", "A"))[0].examples == (1,)


def test_a_query_means_a_source_a_part_of_the_key_and_a_time(storage: Storage) -> None:
    storage.writer.write([batch(said({"http.route": "/", "Other": 1}, 1.0), said({"late": 1}, 9.0))])
    assert found(storage, text="ROUTE") == [("http.route", "string", 1)]
    assert found(storage, start_ns=T0 + 5 * SECOND) == [("late", "int", 1)]
    assert found(storage, end_ns=T0 + 5 * SECOND) == [("Other", "int", 1), ("http.route", "string", 1)]
    assert found(storage, limit=1) == [("Other", "int", 1)]
    assert found(storage, "log") == []


def test_events_logs_and_metrics_have_their_keys_and_all_their_resources(storage: Storage) -> None:
    told = [{"time_ns": T0, "name": "e", "attributes": {"x": n}} for n in range(2)]
    events = jsonvalue.dumps([*told, {"time_ns": T0, "name": "without any"}])
    storage.writer.write([batch(said({}, events=events)), *others()])
    assert found(storage, "event") == [("x", "int", 2)]
    assert {one.of for one in storage.reader.keys(KeysQuery())} == {"event", "log", "metric", "resource"}
    assert found(storage, "log") == [("user", "int", 1)]
    assert found(storage, "metric") == [("zone", "string", 1)]
    assert {key: rows for key, _, rows in found(storage, "resource")} == {"service.name": 4, "host.name": 2}


def others() -> list[Batch]:
    """A payload of logs and one of metrics."""
    return [
        logs(record(1, attributes={"user": 1}), record(2)),
        metrics(gauge("m", (1, {"as_int": 1, "attributes": {"zone": "a"}}))),
    ]


@given(TRACES, LOGS, METRICS)
@settings(max_examples=10, deadline=None)
def test_engines_agree_on_payloads_nobody_chose(traces: Message, logs: Message, metrics: Message) -> None:
    sent: dict[Signal, Message] = {"traces": traces, "logs": logs, "metrics": metrics}
    decoded = [DECODERS[s, "protobuf"](m.SerializeToString(), T0).batch for s, m in sent.items()]
    memory = MemoryStorage()
    memory.writer.write(decoded)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_storage(Path(folder))) as duckdb:
        duckdb.writer.write(decoded)
        assert bare(duckdb.reader.keys(KeysQuery())) == bare(memory.reader.keys(KeysQuery()))


def bare(found: tuple[AttributeKey, ...]) -> list[AttributeKey]:
    return [dataclasses.replace(one, examples=()) for one in found]


# ---------------------------------------------------------------- gathering


@pytest.fixture
def gathering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBStorage]:
    """Looks at two rows that wait."""
    monkeypatch.setattr(keys, "LOOKED_AT_ROWS", 2)
    storage = open_storage(tmp_path, clock=a_day_a_write())
    yield storage
    storage.close()


def test_what_is_gathered_and_what_waits_add_up_at_every_moment(gathering: DuckDBStorage) -> None:
    for n in range(1, 8):
        gathering.writer.write([batch(said({"a": 1}, n), said({"b": "x"}, n + 100))])
        gathering.care.care()
        assert found(gathering) == [("a", "int", n), ("b", "string", n)]


def test_rows_that_wait_are_looked_at_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LOOKED_AT_ROWS", 2)
    monkeypatch.setattr(keys, "PASS_ROWS", 4)
    storage = open_storage(tmp_path)
    storage.writer.write([batch(*(said({f"k{n}": 1}, n) for n in range(9)))])
    assert found(storage) == [("k7", "int", 1), ("k8", "int", 1)]
    storage.care.care()
    assert [key for key, *_ in found(storage)] == ["k0", "k1", "k2", "k3", "k7", "k8"]
    storage.care.care()
    assert len(found(storage)) == 9
    storage.close()


def test_keys_of_a_forgotten_file_go_with_it(gathering: DuckDBStorage) -> None:
    gathering.writer.write([batch(said({"old": 1}, 1)), *others()])
    gathering.writer.write([batch(said({"new": 1}, 2))])
    gathering.care.care()
    oldest = gathering.care.holdings()[0]
    gathering.care.forget(dataclasses.replace(oldest, signal="traces"))
    assert found(gathering) == [("new", "int", 1)]
    gathering.care.care()
    assert found(gathering) == [("new", "int", 1)]
    assert found(gathering, "log") == [("user", "int", 1)]


def test_keys_of_a_pinned_trace_stay_and_are_counted_once(gathering: DuckDBStorage) -> None:
    pinned = said({"kept": 1}, 1)
    gathering.writer.write([batch(pinned, said({"old": 1}, 2))])
    gathering.writer.write([batch(said({"new": 1}, 3))])
    gathering.care.pin(pinned["trace_id"])
    gathering.care.care()
    gathering.care.forget(gathering.care.holdings()[0])
    assert found(gathering) == [("kept", "int", 1), ("new", "int", 1)]


def test_keys_outlive_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LOOKED_AT_ROWS", 0)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(said({"a": 1}, 1), said({"a": 2}, 2)), *others()])
        assert storage.reader.keys(KeysQuery()) == ()
        storage.care.care()
        before = storage.reader.keys(KeysQuery())
    assert {one.of for one in before} == {"span", "log", "metric", "resource"}
    with contextlib.closing(open_storage(tmp_path)) as storage:
        assert storage.reader.keys(KeysQuery()) == before


def damaged(content: bytes) -> dict[str, bytes]:
    """What a file may have become."""
    half = len(content) // 2
    return {
        "torn": content[:half],
        "empty": b"",
        "a flipped bit": content[:half] + bytes([content[half] ^ 4]) + content[half + 1 :],
        "of another version": zlib.compress(b'{"version": 99, "parts": 7}'),
        "of something else": zlib.compress(b"[1]"),
    }


@pytest.mark.parametrize("what", damaged(b"of any"))
def test_a_damaged_file_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(keys, "LOOKED_AT_ROWS", 0)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(said({"a": 1}, 1))])
        storage.care.care()
    file = tmp_path / keyfile.FILE
    file.write_bytes(damaged(file.read_bytes())[what])
    with contextlib.closing(open_storage(tmp_path)) as storage:
        assert found(storage) == []
        storage.care.care()
        assert found(storage) == [("a", "int", 1)]
    assert len(keyfile.read(tmp_path)) == 1


def test_a_part_with_fewer_rows_than_were_gathered_is_gathered_anew(tmp_path: Path) -> None:
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(said({"a": 1}, 1))])
        storage.care.care()
    (known,) = keyfile.read(tmp_path)
    keyfile.write(tmp_path, [dataclasses.replace(known, rows={"spans": 2})])
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(said({"a": 1}, 2))])
        assert found(storage) == [("a", "int", 2)]


def test_rows_that_cannot_be_looked_at_are_passed_by_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_by, bad = keys._said, 70

    def refusing(catalogue: Any, part: Any, table: str, since: int, until: int, connection: Any) -> Any:
        if table == "spans" and since <= bad < until:
            raise RetryLater("too large")
        return said_by(catalogue, part, table, since, until, connection)

    monkeypatch.setattr(keys, "_said", refusing)
    monkeypatch.setattr(keys, "LOOKED_AT_ROWS", 0)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(*(said({"a": 1}, n) for n in range(100)))])
        for _ in range(20):
            storage.care.care()
        assert found(storage) == [("a", "int", 99)]


def test_of_very_many_keys_those_of_most_rows_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_KEYS", 3)
    monkeypatch.setattr(keys, "LOOKED_AT_ROWS", 0)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        attributes = ({"often": 1, f"once {n}": 1} for n in range(9))
        storage.writer.write([batch(*(said(one, n) for n, one in enumerate(attributes)))])
        storage.care.care()
        assert found(storage, text="often") == [("often", "int", 9)]
        assert len(storage.reader.keys(KeysQuery())) == 3


KILLED = """
import os, signal, sys
from pathlib import Path
from collector.storage.duckdb import keyfile, open_storage
from tests.collector.storage.test_keys import batch, said

storage = open_storage(Path(sys.argv[1]))
for n in range(2):
    storage.writer.write([batch(said({"a": 1}, n))])
    if n == 1:
        Path.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
    storage.care.care()
"""


def test_a_kill_while_the_file_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(command, cwd=Path(__file__).parents[3], timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    (known,) = keyfile.read(tmp_path)
    assert known.rows["spans"] == 1
    with contextlib.closing(open_storage(tmp_path)) as storage:
        assert found(storage) == [("a", "int", 2)]
        storage.care.care()
        assert found(storage) == [("a", "int", 2)]


def test_a_backup_leaves_the_file_out_and_a_restored_store_gathers_anew(tmp_path: Path) -> None:
    with contextlib.closing(open_storage(tmp_path / "data")) as storage:
        storage.writer.write([batch(said({"a": 1}, 1))])
        storage.care.care()
        storage.back_up(tmp_path / "backup")
    assert not (tmp_path / "backup" / keyfile.FILE).exists()
    restore(tmp_path / "backup", tmp_path / "again")
    with contextlib.closing(open_storage(tmp_path / "again")) as storage:
        storage.care.care()
        assert found(storage) == [("a", "int", 1)]
