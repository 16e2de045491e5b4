"""Whatever came late, twice, in whichever part, and whatever went: the service graph of any window of the
last hour is that of the spans, exactly, at every moment between two looks."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.storage.base import EdgeSeriesQuery, EdgesQuery, Window
from collector.storage.duckdb import DuckDBStorage, edgecalls, edgeseen, edgesums, open_storage, sampling
from tests.collector.batches import SECOND, batch, row
from tests.collector.storage.test_servicegraph import by_nodes, figures
from tests.servicegraph import brute_force, brute_force_over_time

ROUNDS = int(os.environ.get("TRACEKIT_TEST_ROUNDS", "2"))
MINUTE = 60 * SECOND
LENGTH_S = 100 * 60
# How far the halves of a call start from each other: rarely minutes, and now and then just too far.
APART = (0.25, 0.25, 3.0, -1.0, 400.0, -700.0, 899.75, 900.0, 900.25, -900.0, -900.25)
Rows = list[dict[str, Any]]


def journey(trace: int, chance: random.Random, at: float) -> Rows:
    """One call, message or trigger, or a chain of them; any half may never have come."""
    other = at + chance.choice(APART)
    a, b = chance.choice("abc"), chance.choice("abc")
    took, longer = chance.lognormvariate(4, 2), chance.lognormvariate(5, 2)
    failed = {"status": chance.choice(["unset", "unset", "error"])}
    shape = chance.randrange(5)
    if shape == 0:
        peer = {"peer_kind": chance.choice(["external", "database"]), "peer": "api"}
        said = chance.choice([{}, {"http_status": 429}, {"error_type": "ThrottlingException"}])
        client = row(trace, 1, at, longer, kind="client", service=a, **peer, **said)
        server = row(trace, 2, other, took, parent=1, service=b, **failed)
        asked = row(trace, 3, other + 1, took, parent=2, kind="client", service=b, **peer)
        return chance.sample([client, server, asked], chance.randint(1, 3))
    if shape == 1:
        queue = {"messaging_destination": chance.choice(["orders", "mails"])}
        kind = chance.choice(["producer", "client"])
        sent = [
            row(trace + n, 1, at + n, took, kind=kind, service=a, peer_kind="queue", peer="q", **queue)
            for n in range(2)
        ]
        links = [(trace, 1), (trace + 1, 1), (77, 7)][: chance.randint(0, 3)]
        taken = [
            row(
                trace + 2 + n,
                1,
                other + 60 + n,
                took,
                kind="consumer",
                service=b,
                links=links,
                parent=chance.choice([0, 1]),
                **queue,
                **failed,
            )
            for n in range(chance.randint(0, 2))
        ]
        return [*sent, *taken]
    if shape == 2:
        trigger = chance.choice(["timer", "http", "datasource", "pubsub"])
        return [row(trace, 1, at, took, service=b, trigger=trigger, bucket="photos", **failed)]
    above = row(trace, 1, at, longer, kind=chance.choice(["server", "internal", "client"]), service=a)
    below = row(
        trace, 2, other, took, parent=1, service=b, kind=chance.choice(["server", "consumer"]), **failed
    )
    return chance.choice([[above, below], [below], [above, below]])


def traffic(seed: int, count: int = 130) -> Rows:
    """In the order of arrival: mostly of time, and a quarter up to an hour later."""
    chance = random.Random(seed)
    rows = [span for n in range(count) for span in journey(100 + 10 * n, chance, chance.uniform(0, LENGTH_S))]
    came = {id(span): span["start_ns"] for span in rows}
    for span in chance.sample(rows, len(rows) // 4):
        came[id(span)] += chance.choice([MINUTE, 10 * MINUTE, 60 * MINUTE]) * chance.random()
    return sorted(rows, key=lambda span: came[id(span)])


def gather(storage: DuckDBStorage) -> None:
    edgesums.gather(storage._database, time.time_ns())


def kept_from(storage: DuckDBStorage) -> int | None:
    found = storage._database.parts

    def ask(connection: Any) -> edgecalls.Kept | None:
        return edgecalls.kept(found, edgeseen.looked(found, connection), connection)

    kept = storage._database.read(ask)
    return kept.from_ns if kept else None


def windows(storage: DuckDBStorage, chance: random.Random) -> Iterator[Window]:
    """Of what is kept: a whole one, and some that begin and end anywhere, or just around a call."""
    from_ns = kept_from(storage)
    assert from_ns is not None, "nothing is kept"
    last_ns = storage.reader.stats().last_ns
    yield Window(from_ns, max(last_ns + 1, from_ns + 1))
    for _ in range(2):
        start_ns = chance.randrange(from_ns, max(last_ns, from_ns + 1))
        yield Window(start_ns, start_ns + chance.choice([1, SECOND, 15 * SECOND, 10 * MINUTE, 50 * MINUTE]))


def check(storage: DuckDBStorage, rows: Rows, window: Window) -> None:
    right = brute_force(rows, window)
    kept = edgecalls.rows(storage._database, EdgesQuery(window), service="")
    assert kept is not None, "calls of this window are not kept"
    found = by_nodes(storage.reader.edges(EdgesQuery(window)))
    assert found.keys() == right.keys()
    for ends, edge in right.items():
        if not found[ends].quantile_error:
            assert figures(found[ends]) == pytest.approx(figures(edge), rel=1e-12), ends
        assert (found[ends].calls, found[ends].errors) == (edge.calls, edge.errors)


def check_over_time(storage: DuckDBStorage, rows: Rows, window: Window) -> None:
    for edge in storage.reader.edges(EdgesQuery(window)):
        parts = brute_force_over_time(rows, window, 5)[edge.source.id, edge.target.id]
        points = storage.reader.edge_series(EdgeSeriesQuery(window, edge.source, edge.target, 5))
        assert [point.start_ns for point in points] == sorted(parts)
        for point in points:
            assert figures(point.edge) == pytest.approx(figures(parts[point.start_ns]), rel=1e-12)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_every_window_of_the_last_hour_says_what_a_brute_force_count_says(tmp_path: Path, seed: int) -> None:
    chance, rows, written = random.Random(seed), traffic(seed), 0
    gathered = False
    with contextlib.closing(open_storage(tmp_path)) as storage:
        while written < len(rows):
            again = rows[max(written - 5, 0) : written] if chance.random() < 0.3 else []
            step = rows[written : written + chance.randrange(5, 50)]
            storage.writer.write([batch(*again, *step)])
            written += len(step)
            if chance.random() < 0.1:
                storage._database.begin_part(storage._database.parts.newest.day)
            if chance.random() < 0.6:
                gather(storage)
                gathered = True
            for window in windows(storage, chance) if gathered else ():
                check(storage, rows[:written], window)
        last_ns = storage.reader.stats().last_ns
        check_over_time(storage, rows, Window(last_ns - 2_999 * SECOND, last_ns + SECOND))
    with contextlib.closing(open_storage(tmp_path)) as storage:
        for window in windows(storage, chance):
            check(storage, rows, window)


@pytest.fixture
def halfway(tmp_path: Path) -> Iterator[tuple[DuckDBStorage, Rows]]:
    """All was written, in two parts; half of it was looked at."""
    rows = traffic(7, 150)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(*rows[: len(rows) // 2])])
        gather(storage)
        storage._database.begin_part(storage._database.parts.newest.day)
        storage.writer.write([batch(*rows[len(rows) // 2 :])])
        yield storage, rows


def last_hour(storage: DuckDBStorage) -> EdgesQuery:
    last_ns = storage.reader.stats().last_ns
    return EdgesQuery(Window(last_ns - 3_599 * SECOND, last_ns + 1))


def same_as_spans(storage: DuckDBStorage) -> None:
    query = last_hour(storage)
    of_spans = {ends: figures(edge) for ends, edge in by_nodes(storage.reader._edges(query)).items()}
    found = {ends: figures(edge) for ends, edge in by_nodes(storage.reader.edges(query)).items()}
    assert found.keys() == of_spans.keys()
    assert all(found[ends] == pytest.approx(of_spans[ends], rel=1e-12) for ends in found)


def test_what_goes_is_written_anew_or_sampled_counts_as_its_spans_do(
    halfway: tuple[DuckDBStorage, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, _ = halfway
    monkeypatch.setattr(sampling, "RARE_CALLS", 0)
    first = storage._database.parts.written[0]
    same_as_spans(storage)
    storage._database.rewrite(first, ["spans", "span_links"])
    assert kept_from(storage) is None, "what was looked at is not where it was"
    same_as_spans(storage)
    gather(storage)
    assert kept_from(storage) is not None
    same_as_spans(storage)
    assert storage.care.sample(3, time.time_ns()) == 1
    for _ in range(2):
        same_as_spans(storage)
        gather(storage)
    assert kept_from(storage) is not None
    (holding,) = (one for one in storage.care.holdings() if not one.growing)
    storage.care.forget(holding)
    for _ in range(2):
        same_as_spans(storage)
        gather(storage)
    assert kept_from(storage) is not None


def test_near_pinned_traces_nothing_is_kept(halfway: tuple[DuckDBStorage, Rows]) -> None:
    storage, rows = halfway
    first = storage._database.parts.written[0].name
    pinned = max(rows[: len(rows) // 2], key=lambda span: int(span["start_ns"]))["trace_id"]
    storage.care.pin(pinned)
    (holding,) = (one for one in storage.care.holdings() if one.part == first)
    storage.care.forget(holding)
    gather(storage)
    assert kept_from(storage) is None
    same_as_spans(storage)
    storage.care.unpin(pinned)
    same_as_spans(storage)


@pytest.mark.parametrize(
    ("limit", "value"), [("MOST_LATE", 5), ("MOST_CALLS", 20), ("MOST_SPANS", 0), ("MOST_SPANS", 60)]
)
def test_where_more_comes_than_can_be_kept_answers_stay_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(edgecalls, limit, value)
    rows, written = traffic(3, 60), 0
    with contextlib.closing(open_storage(tmp_path)) as storage:
        for step in (20, 40, 4, len(rows)):
            storage.writer.write([batch(*rows[written : written + step])])
            written += step
            same_as_spans(storage)
            gather(storage)
            same_as_spans(storage)
            ((calls,),) = storage._database.read(
                lambda c: c.execute("SELECT count(*) FROM edge_sums.calls").fetchall()
            )
            assert calls <= edgecalls.MOST_CALLS
            query = last_hour(storage)
            found = by_nodes(storage.reader.edges(query))
            right = brute_force(rows[:written], query.window)
            assert {ends: edge.calls for ends, edge in found.items()} == {
                ends: edge.calls for ends, edge in right.items()
            }


@pytest.mark.parametrize("is_looked", [False, True], ids=["came since", "was looked at"])
def test_a_message_that_is_told_of_after_its_consumer_was_looked_at_has_waited(
    tmp_path: Path, is_looked: bool
) -> None:
    queue = {"messaging_destination": "orders"}
    taken = row(2, 1, 90, 5, kind="consumer", service="b", links=[(1, 1)], **queue)
    sent = row(1, 1, 10, 1_000, kind="producer", service="a", **queue)
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(taken)])
        gather(storage)
        storage.writer.write([batch(sent)])
        if is_looked:
            gather(storage)
        window = Window(taken["start_ns"] - SECOND, taken["start_ns"] + SECOND)
        check(storage, [taken, sent], window)
        (edge,) = storage.reader.edges(EdgesQuery(window))
        assert edge.queue_delay_p50_ns == 79 * SECOND
