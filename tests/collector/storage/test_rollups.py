"""Figures from sums are those of the spans: counts exactly, quantiles within what the answer says."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.model import SpanBatch
from collector.storage.base import (
    LONG_NS,
    ROLLUP_SLOT_NS,
    FunctionsQuery,
    SeriesQuery,
    Window,
    is_rolled_up,
)
from collector.storage.duckdb import DuckDBStorage, open_storage, parts, rollups
from collector.storage.memory import MemoryStorage
from tests.collector.batches import SECOND, T0, batch, row

FIRST_NS = T0 + ROLLUP_SLOT_NS - T0 % ROLLUP_SLOT_NS
HOURS = 12
WINDOW = Window(FIRST_NS + 3 * ROLLUP_SLOT_NS, FIRST_NS + 3 * ROLLUP_SLOT_NS + 10 * 3600 * SECOND)
STEP = 150  # rows of a gathering here


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "WAITING_ROWS", STEP)
    monkeypatch.setattr(rollups, "NAMED_OPERATIONS", 4)


def traffic(seed: int, count: int = 2_000) -> Iterator[dict[str, Any]]:
    """Spans over more than the window, a few at its very edges, in the order of arrival: mostly of time."""
    chance = random.Random(seed)
    for n in range(count):
        late = chance.random() < 0.1
        at_ns = n * HOURS * 3600 * SECOND // count if not late else chance.randrange(HOURS * 3600 * SECOND)
        if chance.random() < 0.05:
            at_ns = chance.choice([WINDOW.start_ns, WINDOW.end_ns]) - FIRST_NS - chance.randrange(2)
        call = chance.random() < 0.7
        number = chance.randrange(4)
        yield row(
            n,
            1,
            kind=chance.choice(["server", "consumer"]) if call else chance.choice(["client", "internal"]),
            status="error" if chance.random() < 0.2 else "unset",
            service=f"function-{number}",
            version=chance.choice(["", "1", "2"]),
            trigger=chance.choice(["", "http", "pubsub"]),
            name=chance.choice(["GET /", "POST /", "work"]),
            instance=chance.choice(["", "a", "b", "c"]),
            platform=chance.choice(["", "aws_lambda", "alibaba_cloud_fc"]),
            region=chance.choice(["", "here"]),
            coldstart=chance.choice([None, True, False]),
        ) | {
            "start_ns": FIRST_NS + at_ns,
            "duration_ns": 0 if chance.random() < 0.02 else int(chance.lognormvariate(16, 2)),
        }


@contextlib.contextmanager
def both(folder: Path, seed: int) -> Iterator[tuple[DuckDBStorage, MemoryStorage]]:
    """The same spans in both engines; in one of them gathered now and then, in two files."""
    rows = list(traffic(seed))
    memory = MemoryStorage()
    with contextlib.closing(open_storage(folder)) as storage:
        chance = random.Random(seed)
        begin = 0
        while begin < len(rows):
            step = rows[begin : begin + chance.randrange(20, 200)]
            begin += len(step)
            storage.writer.write([batch(*step)])
            memory.writer.write([batch(*step)])
            if chance.random() < 0.5:
                storage.care.care()
            if begin > len(rows) // 2 > begin - len(step):
                storage._database.begin_part("2099-01-01")
        yield storage, memory


QUERIES = [
    FunctionsQuery(WINDOW, buckets=20),
    FunctionsQuery(WINDOW, service="function-1", buckets=10),
    FunctionsQuery(WINDOW, trigger="http", buckets=1),
    FunctionsQuery(WINDOW, operation="GET /", buckets=5),
    SeriesQuery(WINDOW, buckets=50),
    SeriesQuery(WINDOW, by="version", buckets=20, service="function-2"),
    SeriesQuery(WINDOW, by="trigger", buckets=10),
    SeriesQuery(WINDOW, by="service", buckets=4, operation="work"),
]


def waiting(storage: DuckDBStorage) -> int:
    """Spans that are not summed up yet."""
    database = storage._database
    counted = [database.read(functools.partial(rollups._counted, part)) for part in database.parts.written]
    return sum(total - until for total, until in counted)


QUANTILES = ("p50_ns", "p95_ns", "p99_ns")


def same(found: Any, right: Any, error: float = rollups.RELATIVE_ERROR) -> None:
    assert found.quantile_error == error < 0.03 and right.quantile_error == 0
    for name in QUANTILES:
        value, exact = getattr(found, name), getattr(right, name)
        assert abs(value - exact) <= exact * (error + 1e-6), (name, found, right)
    assert dataclasses.replace(found, **dict.fromkeys(QUANTILES, 0.0), quantile_error=0.0) == (
        dataclasses.replace(right, **dict.fromkeys(QUANTILES, 0.0))
    )


@pytest.mark.parametrize("seed", range(3))
def test_sums_say_what_the_spans_say(tmp_path: Path, seed: int) -> None:
    with both(tmp_path, seed) as (storage, memory):
        assert 0 < waiting(storage) < STEP + 200, "some were gathered, some were not"
        for query in QUERIES:
            ask = "functions" if isinstance(query, FunctionsQuery) else "series"
            found, right = getattr(storage.reader, ask)(query), getattr(memory.reader, ask)(query)
            assert len(found) == len(right) > 0
            for one, other in zip(found, right):
                same(one, other)
        assert storage.reader.services(WINDOW) == memory.reader.services(WINDOW)


def test_short_windows_and_odd_ones_are_read_from_the_spans(tmp_path: Path) -> None:
    odd = Window(WINDOW.start_ns + 1, WINDOW.end_ns + 1)
    short = Window(WINDOW.start_ns, WINDOW.start_ns + LONG_NS - ROLLUP_SLOT_NS)
    with both(tmp_path, 7) as (storage, memory):
        for query in (
            FunctionsQuery(odd),
            FunctionsQuery(short),
            FunctionsQuery(WINDOW, buckets=7),
            FunctionsQuery(WINDOW, instance="a", buckets=10),
        ):
            for one, other in zip(
                storage.reader.functions(query), memory.reader.functions(query), strict=True
            ):
                same(one, other, error=0.0)


def test_names_made_of_ids_are_summed_up_without_a_name(tmp_path: Path) -> None:
    rows = [row(n, 1, name=f"GET /{n}") | {"start_ns": WINDOW.start_ns + n} for n in range(2 * STEP)]
    with contextlib.closing(open_storage(tmp_path)) as storage:
        storage.writer.write([batch(*rows)])
        storage.care.care()
        part = storage._database.parts.newest
        ((names,),) = storage._database.read(
            lambda c: c.execute(f"SELECT count(DISTINCT operation) FROM {part.sql}.call_slots").fetchall()
        )
        (one,) = storage.reader.functions(FunctionsQuery(WINDOW, buckets=10))
        (named,) = storage.reader.functions(FunctionsQuery(WINDOW, buckets=10, operation="GET /299"))
    assert names == 2 * 4, "four of each gathering"
    assert (one.calls, named.calls, named.quantile_error) == (2 * STEP, 1, 0.0)


def test_what_was_gathered_is_there_after_a_restart_and_goes_with_its_part(tmp_path: Path) -> None:
    with both(tmp_path, 9) as (storage, memory):
        right = memory.reader.functions(FunctionsQuery(WINDOW, buckets=10))
    with contextlib.closing(open_storage(tmp_path)) as storage:
        for one, other in zip(
            storage.reader.functions(FunctionsQuery(WINDOW, buckets=10)), right, strict=True
        ):
            same(one, other)
        before = sum(one.calls for one in storage.reader.functions(FunctionsQuery(WINDOW, buckets=10)))
        storage._database.drop(storage._database.parts.written[0])
        after = sum(one.calls for one in storage.reader.functions(FunctionsQuery(WINDOW, buckets=10)))
        assert 0 < after < before


def test_figures_are_of_what_is_left_when_a_file_goes_while_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with both(tmp_path, 5) as (storage, _):
        storage.care.care()
        database = storage._database
        query, goes = FunctionsQuery(WINDOW, buckets=10), [database.parts.written[0]]
        before = sum(one.calls for one in storage.reader.functions(query))

        def after_a_look(found: Any) -> Any:
            if goes:
                database.drop(goes.pop())
            return found

        holding = database.parts.holding
        with monkeypatch.context() as now:
            now.setattr(database.parts, "holding", lambda *window: after_a_look(holding(*window)))
            assert 0 < sum(one.calls for one in storage.reader.functions(query)) < before


def test_what_is_not_summed_up_is_told_when_a_file_goes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with both(tmp_path, 5) as (storage, _):
        database, written = storage._database, parts.Catalogue.written
        goes = [database.parts.written[0]]

        def dropping(catalogue: parts.Catalogue) -> Any:
            found = written.fget(catalogue)  # type: ignore[attr-defined]
            if goes:
                database.drop(goes.pop())
            return found

        monkeypatch.setattr(parts.Catalogue, "written", property(dropping))
        assert rollups.overdue(database, WINDOW.end_ns + 2 * LONG_NS) > 0


def test_what_waits_on_purpose_is_not_overdue(tmp_path: Path) -> None:
    def sent(first: int, count: int, received_ns: int) -> list[SpanBatch]:
        return [batch(*(row(n, 1, received_ns=received_ns) for n in range(first, first + count)))]

    with contextlib.closing(open_storage(tmp_path)) as storage:
        overdue = functools.partial(rollups.overdue, storage._database)
        storage.writer.write(sent(0, STEP - 1, T0))
        assert overdue(T0 + 10 * rollups.OVERDUE_NS) == 0, "too few to be worth it"
        storage.writer.write(sent(STEP, 2, T0 + 9 * SECOND))
        assert overdue(T0 + rollups.OVERDUE_NS) == 0, "the round that looks is not due"
        assert overdue(T0 + rollups.OVERDUE_NS + SECOND) == STEP - 1
        assert overdue(T0 + rollups.OVERDUE_NS + 10 * SECOND) == STEP + 1
        storage.care.care()
        assert overdue(T0 + 10 * rollups.OVERDUE_NS) == 0


def test_pinned_traces_and_a_rewritten_part_are_counted_once(tmp_path: Path) -> None:
    with both(tmp_path, 11) as (storage, memory):
        storage.care.care()
        kept = next(r for r in traffic(11) if r["kind"] == 2 and r["start_ns"] == WINDOW.start_ns)
        storage.care.pin(kept["trace_id"])
        query = FunctionsQuery(WINDOW, buckets=10)
        part = storage._database.parts.written[0]
        storage._database.rewrite(part, ["spans", "span_links"])
        storage.care.care()
        for one, other in zip(storage.reader.functions(query), memory.reader.functions(query), strict=True):
            same(one, other)
        (holding, *_) = [h for h in storage.care.holdings() if h.part != storage._database.parts.newest.name]
        storage.care.forget(holding)
        left = storage.reader.functions(query)
        storage.care.unpin(kept["trace_id"])
        assert sum(f.calls for f in left) == sum(f.calls for f in storage.reader.functions(query)) + 1


@pytest.mark.parametrize(
    ("start_ns", "length_ns", "buckets", "rolled"),
    [
        (0, LONG_NS, 1, True),
        (0, LONG_NS, 60, True),
        (ROLLUP_SLOT_NS, 2 * LONG_NS, 30, True),
        (1, LONG_NS, 1, False),
        (0, LONG_NS, 61, False),
        (0, LONG_NS - ROLLUP_SLOT_NS, 1, False),
    ],
)
def test_long_windows_of_whole_slots_are_rolled_up(
    start_ns: int, length_ns: int, buckets: int, rolled: bool
) -> None:
    assert is_rolled_up(Window(start_ns, start_ns + length_ns), buckets) is rolled
