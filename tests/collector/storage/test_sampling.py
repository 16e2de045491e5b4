"""Tail sampling: what is worth a look stays whole, what is left out still counts, whatever interrupts it."""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.storage.base import EdgesQuery, FunctionsQuery, SampledOut, SeriesQuery, SlowQuery, Window
from collector.storage.duckdb import DuckDBStorage, open_storage
from collector.storage.spanseries import SpanSeriesQuery
from collector.storage.spanset import All, Comparison, Field, Related, Spans
from tests.collector.batches import SECOND, T0, batch, row, trace

DAY = 86_400 * SECOND
ONE_OF = 10
TRACES = 3_000
WINDOW = Window(T0 - DAY, T0 + 3 * DAY)
LATER = T0 + 2 * DAY


# Spans below a call, chosen by structure.
CALLED = Related("descendant", Spans(All()), Spans(Comparison(Field("intrinsic", "name"), "=", "look")))


class Clock:
    now_ns = T0

    def __call__(self) -> int:
        return self.now_ns


@contextlib.contextmanager
def opened(folder: Path, clock: Clock) -> Iterator[DuckDBStorage]:
    with contextlib.closing(open_storage(folder, clock=clock)) as storage:
        yield storage


def ordinary(n: int, received_ns: int = T0, **more: Any) -> list[dict[str, Any]]:
    """A call of `shop` that calls `stock`: three spans in two functions."""
    return [
        row(n, 1, n / 100, 10 + n % 7, received_ns=received_ns, **more),
        row(n, 2, n / 100, 5, parent=1, kind="client", received_ns=received_ns),
        row(n, 3, n / 100, 4, parent=2, service="stock", name="look", resource_id=2, received_ns=received_ns),
    ]


def special(n: int) -> dict[str, Any]:
    """What makes a call one to keep; nothing for most."""
    if n % 100 == 1:
        return {"status": "error"}
    if n % 100 == 2:
        return {"coldstart": True}
    return {"name": "GET /seldom"} if n % 100 == 3 else {}


def is_slow(n: int) -> bool:
    return n % 200 == 4


def is_picked(n: int) -> bool:
    digest = hashlib.md5(str(uuid.UUID(trace(n))).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little") % ONE_OF == 0


def spans_of(n: int) -> list[dict[str, Any]]:
    spans = ordinary(n, **special(n))
    if is_slow(n):
        spans[0]["duration_ns"] = 9 * SECOND
    return spans


def fill(storage: DuckDBStorage, clock: Clock) -> None:
    """A day of traffic, and the first call of the day after."""
    for first in range(1, TRACES + 1, 500):
        storage.writer.write([batch(*(s for n in range(first, first + 500) for s in spans_of(n)))], first)
    clock.now_ns += DAY
    storage.writer.write([batch(*ordinary(TRACES + 1, T0 + DAY, status="error"))], TRACES + 1)


def kept(storage: DuckDBStorage) -> dict[int, int]:
    """Spans of each trace that are stored."""
    found = storage._database.read(
        lambda c: [
            row
            for part in storage._database.parts.all
            for row in c.execute(f"SELECT trace_id, count(*) FROM {part.sql}.spans GROUP BY 1").fetchall()
        ]
    )
    return {trace_id.int: spans for trace_id, spans in found}


def worth_a_look(n: int) -> bool:
    return bool(special(n)) or is_slow(n)


def test_what_is_worth_a_look_stays_whole_and_of_the_rest_one_of_ten(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        fill(storage, clock)
        assert storage.care.sampled_out() == SampledOut()
        assert storage.care.sample(ONE_OF, LATER) == 1
        found = kept(storage)
        gone = TRACES + 1 - len(found)
        assert storage.care.sampled_out() == SampledOut(gone, 3 * gone)
        expected = {n for n in range(1, TRACES + 1) if worth_a_look(n) or is_picked(n)} | {TRACES + 1}
        assert found == dict.fromkeys(expected, 3)
        left, rest = (
            sum(1 for n in some if not worth_a_look(n)) for some in (expected, range(1, TRACES + 1))
        )
        assert abs(left - rest / ONE_OF) < 4 * math.sqrt(rest / ONE_OF)
        assert {
            len(storage.reader.trace(trace(n))) for n in random.Random(1).sample(sorted(expected), 20)
        } == {3}


def test_counts_are_what_they_were_within_the_error_of_sampling(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        fill(storage, clock)

        def told() -> dict[str, float]:
            shop = next(f for f in storage.reader.functions(FunctionsQuery(WINDOW)) if f.service == "shop")
            (edge,) = (e for e in storage.reader.edges(EdgesQuery(WINDOW)) if e.target.name == "stock")
            (slow,) = storage.reader.slow(SlowQuery(WINDOW, "operations", "stock"))
            series = storage.reader.series(SeriesQuery(WINDOW, "shop"))
            (spans,) = storage.reader.span_series(SpanSeriesQuery(WINDOW, CALLED, "count")).lines
            (called,) = storage.reader.slow(SlowQuery(WINDOW, "calls", "shop"))
            assert (slow.max_per_trace, called.max_per_trace) == (0, 1)
            return {
                "calls": shop.calls,
                "series": sum(p.calls for p in series),
                "edge": edge.calls,
                "slow": slow.count,
                "spans": sum(p.value for p in spans.points),
            }

        def certain() -> tuple[int, int]:
            shop = next(f for f in storage.reader.functions(FunctionsQuery(WINDOW)) if f.service == "shop")
            return shop.errors, shop.cold_starts

        before, exact = told(), certain()
        storage.care.sample(ONE_OF, LATER)
        after = told()
        # Each of the traces picked stands for ten, so the deviation of their sum is 10·sqrt(n·p·(1-p)).
        bound = 4 * ONE_OF * math.sqrt(TRACES / ONE_OF * (1 - 1 / ONE_OF))
        assert all(abs(after[name] - before[name]) <= bound for name in before), (before, after)
        assert after["calls"] > before["calls"] / 2
        assert certain() == exact


def test_a_finished_file_waits_for_what_comes_late(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        fill(storage, clock)
        assert storage.care.sample(ONE_OF, T0 + DAY) == 0
        assert len(kept(storage)) == TRACES + 1
        assert storage.care.sample(ONE_OF, T0 + DAY + 1) == 1
        assert storage.care.sample(ONE_OF, LATER) == 0, "a file is sampled once"


def test_a_trace_of_two_files_is_not_judged_by_half_of_it(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        fill(storage, clock)
        unpicked = [n for n in range(10, TRACES) if not worth_a_look(n) and not is_picked(n)]
        halved, halves = unpicked[0], unpicked[1]
        late = [row(n, 9, n / 100, parent=1, status="error", received_ns=T0 + DAY) for n in (halved, halves)]
        storage.writer.write([batch(*late)], TRACES + 2)
        clock.now_ns += DAY
        storage.writer.write([batch(*ordinary(TRACES + 2, T0 + 2 * DAY))], TRACES + 3)
        assert storage.care.sample(ONE_OF, LATER + DAY) == 2
        assert [len(storage.reader.trace(trace(n))) for n in (halved, halves)] == [4, 4]


def test_a_pinned_trace_stays_and_counts_for_nothing(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        fill(storage, clock)
        pinned = next(n for n in range(10, TRACES) if not worth_a_look(n) and not is_picked(n))
        storage.care.pin(trace(pinned))
        storage.care.sample(ONE_OF, LATER)
        assert len(storage.reader.trace(trace(pinned))) == 3
        counts = storage._database.read(
            lambda c: c.execute(
                f"SELECT DISTINCT adjusted_count FROM {storage._database.parts.written[0].sql}.spans "
                f"WHERE trace_id = '{trace(pinned)}'::UUID"
            ).fetchall()
        )
        assert counts == [(0,)]


def test_a_kill_before_the_old_file_is_gone_samples_once(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, clock) as storage:
        fill(storage, clock)
        storage._database.checkpoint()
        first = storage._database.parts.written[0].path
        shutil.copy(first, tmp_path / "kept")
        storage.care.sample(ONE_OF, LATER)
        expected = kept(storage)
        calls = [(f.service, f.calls) for f in storage.reader.functions(FunctionsQuery(WINDOW))]
    shutil.move(tmp_path / "kept", first)
    with opened(tmp_path, clock) as storage:
        assert kept(storage) == expected
        assert [(f.service, f.calls) for f in storage.reader.functions(FunctionsQuery(WINDOW))] == calls
        assert storage.care.sample(ONE_OF, LATER) == 0


@pytest.mark.parametrize("one_of", [2, 7])
def test_what_is_copied_elsewhere_counts_as_much_there(tmp_path: Path, one_of: int) -> None:
    clock = Clock()
    with opened(tmp_path / "a", clock) as storage:
        fill(storage, clock)
        storage.care.sample(one_of, LATER)
        calls = [(f.service, f.calls) for f in storage.reader.functions(FunctionsQuery(WINDOW))]
        storage.back_up(tmp_path / "b")
        for day in sorted({part.day for part in storage._database.parts.written}):
            storage.export_day(day, tmp_path / day)
        days = sorted({part.day for part in storage._database.parts.written})
    with opened(tmp_path / "b", clock) as storage:
        assert [(f.service, f.calls) for f in storage.reader.functions(FunctionsQuery(WINDOW))] == calls
    with opened(tmp_path / "c", clock) as storage:
        for day in days:
            storage.import_day(tmp_path / day, day)
    with opened(tmp_path / "c", clock) as storage:
        assert [(f.service, f.calls) for f in storage.reader.functions(FunctionsQuery(WINDOW))] == calls
