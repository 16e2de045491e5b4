"""Both engines sit the exam of tests/storage_contract.py, and agree on traffic nobody chose."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.register_assert_rewrite("tests.storage_contract")

from collector.storage import base  # noqa: E402
from collector.storage.duckdb import open_storage  # noqa: E402
from collector.storage.memory import MemoryStorage  # noqa: E402
from tests.collector.batches import SECOND, T0, batch, raised, row  # noqa: E402
from tests.storage_contract import *  # noqa: E402, F403


def a_day_a_write() -> Callable[[], int]:
    """A clock that makes every write find another day, and so begin another file."""
    days = itertools.count(T0, 86_400 * SECOND)
    return lambda: next(days)


ENGINES: dict[str, Callable[[Path], base.Storage]] = {
    "memory": lambda folder: MemoryStorage(),
    "duckdb": open_storage,
    "duckdb, many files": lambda folder: open_storage(folder, clock=a_day_a_write()),
}


@pytest.fixture(params=ENGINES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[base.Storage]:
    engine = ENGINES[request.param](tmp_path)
    yield engine
    engine.close()


# ---------------------------------------------------------------- random traffic

NAMES = st.sampled_from(["", "a", "b", "%", "_", "Ä", "日"])
SERVICES = st.sampled_from(["a", "b", "ä"])
KINDS = st.sampled_from(["unspecified", "internal", "server", "client", "producer", "consumer"])
# Wide enough to leave the window and the pairing slack on both sides, coarse enough for ties.
STARTS = st.sampled_from([-2000.0, -600.0, -1.0, 0.0, 0.5, 1.0, 10.0, 59.999999999, 60.0, 500.0, 2000.0])


# What the rules of two failures being one have to get right, in two dialects of regular expressions.
MESSAGES = st.sampled_from(
    ["", "can't 'x' 1", "can't 'y' 2", '"é" 0xFf', "a\n'b\n' 1.5", "f" * 16, "é1'2'", "0" * 15 + "é"]
)
EXCEPTIONS = st.one_of(
    st.just(""),
    st.builds(raised, st.sampled_from(["", "E"]), MESSAGES, st.sampled_from(["", "at 1 é 22", "'b' 1"])),
)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    peer_kind = draw(st.sampled_from(["", "", "database", "queue", "external", "function", "bucket"]))
    return row(
        draw(st.integers(1, 4)),
        draw(st.integers(1, 6)),
        draw(STARTS),
        draw(st.sampled_from([0.0, 1.0, 2.0, 1500.0, 86_400_000.0])),
        parent=draw(st.integers(0, 6)),
        kind=draw(KINDS),
        status=draw(st.sampled_from(["unset", "ok", "error"])),
        service=draw(SERVICES),
        name=draw(NAMES),
        resource_id=draw(st.integers(1, 3)),
        version=draw(st.sampled_from(["", "v1", "v2"])),
        instance=draw(st.sampled_from(["", "i"])),
        platform=draw(NAMES),
        trigger=draw(st.sampled_from(["", "http", "timer", "datasource", "pubsub"])),
        coldstart=draw(st.sampled_from([None, False, True])),
        phase=draw(st.sampled_from(["", "", "cold_start", "function_init", "invocation"])),
        db_system=draw(st.sampled_from(["", "sqlite"])),
        db_statement=draw(st.sampled_from(["", "", "S ?", "U ?"])),
        messaging_destination=draw(st.sampled_from(["", "", "q", "r"])),
        bucket=draw(NAMES),
        peer_kind=peer_kind,
        peer="p" if peer_kind else "",
        links=draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), max_size=2)),
        error_type=draw(st.sampled_from(["", "", "E"])),
        status_message=draw(st.sampled_from(["", "after 12 ms"])),
        events=draw(EXCEPTIONS),
    )


WINDOW_ = base.Window(T0, T0 + 60 * SECOND)
MAYBE_SERVICE = st.sampled_from(["", "", "a", "ä", "none"])
MAYBE_NODE = st.sampled_from(["", "", "", "function:a", "user:user", "queue:q"])
SCOPE: dict[str, Any] = {
    "instance": st.sampled_from(["", "", "i"]),
    "trigger": st.sampled_from(["", "", "http"]),
    "operation": st.sampled_from(["", "", "a", "%"]),
}
QUERIES = st.one_of(
    st.builds(base.FunctionsQuery, st.just(WINDOW_), MAYBE_SERVICE, st.integers(1, 7), **SCOPE),
    st.builds(
        base.SeriesQuery,
        st.just(WINDOW_),
        MAYBE_SERVICE,
        st.sampled_from(["", "version", "trigger", "service"]),
        st.integers(1, 7),
        **SCOPE,
    ),
    st.builds(
        base.CallsQuery,
        st.just(WINDOW_),
        MAYBE_SERVICE,
        status=st.sampled_from(["", "error", "ok"]),
        coldstart=st.sampled_from([None, True, False]),
        sort=st.sampled_from(["newest", "slowest"]),
        limit=st.integers(0, 5),
        **SCOPE,
    ),
    st.builds(base.ColdStartsQuery, st.just(WINDOW_), MAYBE_SERVICE, st.integers(1, 5), **SCOPE),
    st.builds(
        base.TracesQuery,
        st.just(WINDOW_),
        MAYBE_SERVICE,
        version=st.sampled_from(["", "v1"]),
        status=st.sampled_from(["", "error", "ok"]),
        coldstart=st.sampled_from([None, True, False]),
        min_duration_ns=st.sampled_from([0, 10**9]),
        text=st.sampled_from(["", "", "%", "ä", "A b", "S ?"]),
        source=MAYBE_NODE,
        target=MAYBE_NODE,
        sort=st.sampled_from(["newest", "slowest", "spans", "errors"]),
        limit=st.integers(1, 4),
    ),
    st.builds(base.EdgesQuery, st.just(WINDOW_), MAYBE_SERVICE),
    st.builds(
        base.SlowQuery,
        st.just(WINDOW_),
        st.sampled_from(["functions", "operations", "calls", "statements"]),
        MAYBE_SERVICE,
        st.sampled_from(["total", "p95", "max", "count", "errors"]),
        st.integers(1, 5),
    ),
    st.builds(base.ErrorsQuery, st.just(WINDOW_), MAYBE_SERVICE, st.integers(1, 7), st.integers(1, 9)),
)
METHODS = {
    base.FunctionsQuery: "functions",
    base.SeriesQuery: "series",
    base.CallsQuery: "calls",
    base.ColdStartsQuery: "cold_starts",
    base.TracesQuery: "traces",
    base.EdgesQuery: "edges",
    base.SlowQuery: "slow",
    base.ErrorsQuery: "errors",
}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    st.lists(st.lists(spans(), max_size=8), max_size=3),
    st.lists(QUERIES, min_size=8, max_size=16),
    st.booleans(),
)
def test_duckdb_answers_as_the_reference_engine_does(
    groups: list[list[dict[str, Any]]], queries: list[Any], days: bool
) -> None:
    memory = MemoryStorage()
    with tempfile.TemporaryDirectory() as folder:
        duck = open_storage(Path(folder), clock=a_day_a_write() if days else time.time_ns)
        try:
            for group in groups:
                assert duck.writer.write([batch(*group)]) == memory.write([batch(*group)])
            for query in queries:
                method = METHODS[type(query)]
                assert getattr(duck.reader, method)(query) == getattr(memory, method)(query), query
            assert duck.reader.services(WINDOW_) == memory.services(WINDOW_)
            for n in range(1, 5):
                assert duck.reader.linked_from(f"{n:032x}") == memory.linked_from(f"{n:032x}"), n
        finally:
            duck.close()
