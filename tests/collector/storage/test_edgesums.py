"""The service graph from sums is that of the spans: counts exactly, quantiles within what the answer says,
whatever came late, in whichever part, and whatever went."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from collector.storage.base import ROLLUP_SLOT_NS, Edge, EdgeSeriesQuery, EdgesQuery, Window, is_rolled_up
from collector.storage.duckdb import DuckDBStorage, edgefile, edgesums, open_storage, sampling
from tests.collector.batches import SECOND, T0, batch, row
from tests.servicegraph import brute_force, brute_force_over_time

ROUNDS = int(os.environ.get("TRACEKIT_TEST_ROUNDS", "3"))
FIRST_NS = T0 + ROLLUP_SLOT_NS - T0 % ROLLUP_SLOT_NS
AT_0 = (FIRST_NS - T0) / SECOND
HOURS = 9
BUCKETS = 14
WINDOW = Window(FIRST_NS + 5 * ROLLUP_SLOT_NS, FIRST_NS + 75 * ROLLUP_SLOT_NS)
# How far the halves of a call start from each other: rarely minutes, and now and then just too far.
APART = (0.25, 0.25, 0.25, 3.0, -1.0, 400.0, 899.75, 900.0, 900.25, -900.25)
# Where a window, and so a slot, ends, and its last seconds in which a caller may yet tell of itself.
EDGES = tuple(
    (end - FIRST_NS) / SECOND - at for end in (WINDOW.start_ns, WINDOW.end_ns) for at in (0, 1, 15, 16)
)
Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, a gathering comes to its end."""
    monkeypatch.setattr(edgesums, "GATHER_S", 600.0)
    monkeypatch.setattr(edgesums, "SLOTS_A_STEP", 45)


def journey(trace: int, chance: random.Random) -> Rows:
    """One call, message or trigger; either half may never have come."""
    at = AT_0 + (chance.choice(EDGES) if chance.random() < 0.15 else chance.uniform(0, HOURS * 3600))
    other = at + chance.choice(APART)
    service, called = chance.choice("abc"), chance.choice("abc")
    failed = {"status": chance.choice(["unset", "unset", "error"])}
    took, longer = chance.lognormvariate(4, 2), chance.lognormvariate(5, 2)
    shape = chance.randrange(4)
    if shape == 0:
        peer = {"peer_kind": chance.choice(["external", "database"]), "peer": "api"}
        said = chance.choice([{}, {"http_status": 429}, {"error_type": "ThrottlingException"}])
        client = row(trace, 1, at, longer, kind="client", service=service, **peer, **said)
        server = row(trace, 2, other, took, parent=1, service=called, **failed)
        return chance.choice([[client, server], [client, server], [client], [server]])
    if shape == 1:
        queue = {"messaging_destination": "orders"}
        sent = [row(trace + n, 1, at + n, took, kind="producer", service=service, **queue) for n in range(2)]
        links = [(trace, 1), (trace + 1, 1), (77, 7)]
        taken = row(
            trace + 2, 1, other + 60, took, kind="consumer", service=called, links=links, **queue, **failed
        )
        return [*sent, taken]
    if shape == 2:
        trigger = chance.choice(["timer", "http", "datasource", "pubsub"])
        return [row(trace, 1, at, took, service=called, trigger=trigger, bucket="photos", **failed)]
    above = row(trace, 1, at, longer, kind=chance.choice(["server", "internal"]), service=service)
    return [above, row(trace, 2, other, took, parent=1, service=called, **failed)]


def traffic(seed: int, count: int = 250) -> Rows:
    """In the order of arrival: mostly of time, and a tenth at any time later."""
    chance = random.Random(seed)
    rows = [span for n in range(count) for span in journey(100 + 10 * n, chance)]
    came = {id(span): span["start_ns"] for span in rows}
    for span in chance.sample(rows, len(rows) // 10):
        came[id(span)] += chance.randrange(3 * 3600 * SECOND)
    return sorted(rows, key=lambda span: came[id(span)])


@contextlib.contextmanager
def stored(folder: Path, rows: Rows, seed: int) -> Iterator[DuckDBStorage]:
    """Written in pieces, in two parts, and summed up now and then."""
    chance = random.Random(seed)
    with contextlib.closing(open_storage(folder)) as storage:
        begin = 0
        while begin < len(rows):
            step = rows[begin : begin + chance.randrange(5, 90)]
            begin += len(step)
            storage.writer.write([batch(*step)])
            if begin < 0.95 * len(rows) and chance.random() < 0.3:
                edgesums.gather(storage._database, time.time_ns())
            if begin > len(rows) // 2 >= begin - len(step):
                storage._database.begin_part(storage._database.parts.newest.day)
        yield storage


def check(storage: DuckDBStorage, rows: Rows, window: Window = WINDOW) -> None:
    right = brute_force(rows, window)
    found = edgesums.edges(storage._database, EdgesQuery(window))
    assert found is not None, "too little is summed up"
    same(found, right)
    if is_rolled_up(window, BUCKETS):
        check_over_time(storage, rows, window, found)


def check_over_time(storage: DuckDBStorage, rows: Rows, window: Window, edges: Sequence[Edge]) -> None:
    right = brute_force_over_time(rows, window, BUCKETS)
    for edge in edges:
        query = EdgeSeriesQuery(window, edge.source, edge.target, BUCKETS)
        found = edgesums.series(storage._database, query)
        assert found is not None, "too little is summed up"
        parts = right[edge.source.id, edge.target.id]
        assert [point.start_ns for point in found] == sorted(parts)
        for point in found:
            ends = (edge.source.id, edge.target.id)
            same([point.edge], {ends: parts[point.start_ns]})


def same(found: Sequence[Edge], right: dict[tuple[str, str], Edge]) -> None:
    by_ends = {(edge.source.id, edge.target.id): edge for edge in found}
    assert by_ends.keys() == right.keys()
    for ends, edge in right.items():
        summed = by_ends[ends]
        for name in ("calls", "errors", "refused", "total_ns"):
            assert getattr(summed, name) == getattr(edge, name), (ends, name)
        for name in (
            "p50_ns",
            "p95_ns",
            "p99_ns",
            "server_p95_ns",
            "queue_delay_p50_ns",
            "queue_delay_p95_ns",
        ):
            value, exact = getattr(summed, name), getattr(edge, name)
            assert (value is None) == (exact is None), (ends, name)
            if value is not None:
                assert abs(value - exact) <= exact * (summed.quantile_error + 1e-6), (ends, name)
                assert summed.quantile_error < 0.03


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_sums_say_what_a_brute_force_count_says(tmp_path: Path, seed: int) -> None:
    rows = traffic(seed)
    with stored(tmp_path, rows, seed) as storage:
        assert edgesums.overdue(storage._database, time.time_ns()) > 0, "some came after the last gathering"
        same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(rows, WINDOW))
        edgesums.gather(storage._database, time.time_ns())
        assert edgesums.overdue(storage._database, time.time_ns()) == 0
        check(storage, rows)
        check(storage, rows, Window(WINDOW.start_ns, WINDOW.end_ns - 3 * ROLLUP_SLOT_NS))
        check(storage, rows, Window(WINDOW.start_ns, WINDOW.start_ns + 10 * ROLLUP_SLOT_NS))
    with contextlib.closing(open_storage(tmp_path)) as storage:
        check(storage, rows)


def test_the_reader_answers_long_windows_from_sums_and_others_from_spans(tmp_path: Path) -> None:
    rows = traffic(1)
    with stored(tmp_path, rows, 1) as storage:
        odd = Window(WINDOW.start_ns + 1, WINDOW.end_ns + 1)
        short = Window(WINDOW.start_ns, WINDOW.start_ns + 9 * ROLLUP_SLOT_NS)
        hour = Window(WINDOW.start_ns, WINDOW.start_ns + 10 * ROLLUP_SLOT_NS)
        for window, error in ((WINDOW, True), (hour, True), (odd, False), (short, False)):
            found = storage.reader.edges(EdgesQuery(window))
            assert {edge.quantile_error > 0 for edge in found} == {error}
        of_a = storage.reader.edges(EdgesQuery(WINDOW, "a"))
        exact = storage.reader._edges(EdgesQuery(WINDOW, "a"))
        assert [(e.source, e.target, e.calls) for e in of_a] == [(e.source, e.target, e.calls) for e in exact]


def test_what_goes_with_its_part_or_was_copied_to_another_does_not_count(tmp_path: Path) -> None:
    rows = traffic(5)
    with stored(tmp_path, rows, 5) as storage:
        database = storage._database
        first, second = database.parts.written
        database.rewrite(first, ["spans", "span_links"])
        same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(rows, WINDOW))
        edgesums.gather(database, time.time_ns())
        check(storage, rows)
        pinned = next(span for span in rows if WINDOW.start_ns <= span["start_ns"])
        storage.care.pin(pinned["trace_id"])
        (holding, *_) = (h for h in storage.care.holdings() if h.part != second.name)
        storage.care.forget(holding)
        left = database.read(
            lambda c: c.execute(f"SELECT span_id, trace_id FROM {second.sql}.spans").fetchall()
        )
        kept = {(span_id, trace_id.hex) for span_id, trace_id in left}
        stayed = [
            r for r in rows if (r["span_id"], r["trace_id"]) in kept or r["trace_id"] == pinned["trace_id"]
        ]
        assert len(stayed) < len(rows)
        for _ in range(2):
            edgesums.gather(database, time.time_ns())
            same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(stayed, WINDOW))
        storage.care.unpin(pinned["trace_id"])
        without = [r for r in stayed if (r["span_id"], r["trace_id"]) in kept]
        same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(without, WINDOW))


def test_a_sampled_part_counts_in_sums_as_in_its_spans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "RARE_CALLS", 0)
    with stored(tmp_path, traffic(6), 6) as storage:
        edgesums.gather(storage._database, time.time_ns())
        assert storage.care.sample(3, time.time_ns()) == 1
        assert {part.one_of for part in storage._database.parts.written} == {1, 3}
        for _ in range(2):
            edgesums.gather(storage._database, time.time_ns())
            exact = storage.reader._edges(EdgesQuery(WINDOW))
            found = storage.reader.edges(EdgesQuery(WINDOW))
            assert {edge.quantile_error > 0 for edge in found} == {True}
            same(found, {(edge.source.id, edge.target.id): edge for edge in exact})


def test_what_came_a_moment_ago_is_not_summed_up_yet(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    rows = [span | {"received_ns": now_ns} for span in traffic(2, 20)]
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(*rows)])
        edgesums.gather(storage._database, now_ns)
        assert edgesums.edges(storage._database, EdgesQuery(WINDOW)) is None
        same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(rows, WINDOW))
        edgesums.gather(storage._database, now_ns + edgesums.REST_NS)
        check(storage, rows)


def test_where_too_many_spans_are_the_spans_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgesums, "SPANS_A_STEP", 0)
    rows = traffic(3, 100)
    with stored(tmp_path, rows, 3) as storage:
        assert edgesums.edges(storage._database, EdgesQuery(WINDOW)) is None
        same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(rows, WINDOW))


@pytest.mark.parametrize("damage", [b"", b"no such file ever", None], ids=["empty", "garbage", "gone"])
def test_a_file_that_cannot_be_read_is_worked_out_anew(tmp_path: Path, damage: bytes | None) -> None:
    rows = traffic(4, 60)
    with stored(tmp_path, rows, 4):
        pass
    file = tmp_path / edgefile.FILE
    assert file.stat().st_size > 0
    file.unlink() if damage is None else file.write_bytes(damage)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(rows, WINDOW))
        edgesums.gather(storage._database, time.time_ns())
        check(storage, rows)


def test_docs_tell_every_column(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "schema.md").read_text()
    columns = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'edge_sums'"
    )
    with contextlib.closing(open_storage(tmp_path)) as storage:
        found = storage._database.read(lambda c: c.execute(columns).fetchall())
    assert len(found) == 35
    for table, name, kind in found:
        section = text.split(f"## `edge_sums.{table}`")[1].split("\n## ")[0]
        assert f"| `{name}` | {kind} |" in section, (table, name, kind)


def test_nothing_is_overdue_before_it_can_be_summed_up_for_a_minute(tmp_path: Path) -> None:
    rows = [row(n, 1, AT_0 + n * 60) for n in range(60)]
    end_ns = FIRST_NS + 61 * 60 * SECOND
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(*rows)])
        of_now = [edgesums.overdue(storage._database, now) for now in (end_ns, end_ns + 10**13)]
        assert 0 < of_now[0] <= 60 - 15 < of_now[1]
        edgesums.gather(storage._database, end_ns)
        assert edgesums.overdue(storage._database, end_ns) == 0
        assert edgesums.overdue(storage._database, end_ns + edgesums.OVERDUE_NS) == 0
        assert edgesums.overdue(storage._database, end_ns + 10**13) > 0
        late = row(99, 1, AT_0, received_ns=end_ns)
        storage.writer.write([batch(late)])
        resting_ns = end_ns + edgesums.REST_NS
        assert edgesums.overdue(storage._database, resting_ns) == 0, "more may come late"
        assert edgesums.overdue(storage._database, resting_ns + edgesums.OVERDUE_NS) > 0


KILLED = """
import os, signal, sys, time
from pathlib import Path
from collector.storage.duckdb import edgesums, open_storage
from tests.collector.storage.test_edgesums import batch, traffic

storage, step = open_storage(Path(sys.argv[1])), edgesums._step
rows = traffic(8, 60)
storage.writer.write([batch(*rows[:80])])
edgesums.gather(storage._database, time.time_ns())

def killed(*values):
    step(*values)
    os.kill(os.getpid(), signal.SIGKILL)

storage.writer.write([batch(*rows[80:])])
if sys.argv[2] == "before the commit":
    edgesums._step = killed
edgesums.gather(storage._database, time.time_ns())
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["before the commit", "after it"])
def test_a_kill_while_edges_are_summed_up_counts_nothing_twice(tmp_path: Path, moment: str) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), moment]
    killed = subprocess.run(command, cwd=Path(__file__).parents[3], timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    rows = traffic(8, 60)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        assert (edgesums.overdue(storage._database, time.time_ns()) > 0) == (moment == "before the commit")
        same(storage.reader.edges(EdgesQuery(WINDOW)), brute_force(rows, WINDOW))
        edgesums.gather(storage._database, time.time_ns())
        check(storage, rows)
