"""What calls used, told by both engines: by hand, and alike on traffic nobody chose."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import jsonvalue
from collector.model import COLUMN_NAMES, Resource, SpanBatch
from collector.storage.base import Storage, Window
from collector.storage.duckdb import open_storage
from collector.storage.memory import MemoryStorage
from collector.storage.usage import (
    GIB,
    SLICES,
    HeatmapCell,
    HeatmapQuery,
    MemoryQuery,
    Tag,
    TagsQuery,
    Usage,
    UsageQuery,
    slices,
)
from tests.collector.batches import MS, SECOND, T0, row
from tests.collector.storage.test_contract import storage  # noqa: F401

WINDOW = Window(T0, T0 + 60 * SECOND)
MIB = 2**20
# What senders may write where a number is expected.
ODD = ("12", True, None, float("nan"), float("inf"), -5, [1], {"a": 1}, b"1")


def call(
    n: int, at: float = 0.0, ms: float = 10.0, used: dict[str, Any] | None = None, **columns: Any
) -> Any:
    return row(n, n, at, ms, attributes=jsonvalue.dumps(used or {}), **columns)


def write(storage: Storage, *rows: dict[str, Any], **resource: Any) -> None:  # noqa: F811
    """The rows, sent by one resource that says this of itself (`_` for `.`)."""
    said = {key.replace("__", "."): value for key, value in resource.items()}
    resources = {
        r["resource_id"]: Resource(r["resource_id"], r["service"], jsonvalue.dumps(said)) for r in rows
    }
    storage.writer.write([SpanBatch({name: [r[name] for r in rows] for name in COLUMN_NAMES}, resources)])


def test_an_empty_store_answers_with_nothing(storage: Storage) -> None:  # noqa: F811
    used = storage.reader.used
    assert used.heatmap(HeatmapQuery(WINDOW, (1, 2))) == used.usage(UsageQuery(WINDOW)) == ()
    assert used.memory(MemoryQuery(WINDOW)) == used.tags(TagsQuery(WINDOW, ("team",))) == ()
    assert used.throttled(WINDOW) == ()


def test_a_heatmap_counts_calls_by_start_and_duration(storage: Storage) -> None:  # noqa: F811
    write(
        storage,
        call(1, 0, 10),
        call(2, 1, 10.000001, status="error"),
        call(3, 29, 10),
        call(4, 30, 5000),
        call(5, 31, 20, service="other"),
    )
    cells = storage.reader.used.heatmap(HeatmapQuery(WINDOW, (10 * MS, 100 * MS), "shop", 2))
    assert cells == (
        HeatmapCell(T0, 0, 2, 0),
        HeatmapCell(T0, 1, 1, 1),
        HeatmapCell(T0 + 30 * SECOND, 2, 1, 0),
    )


def test_usage_adds_up_what_calls_told(storage: Storage) -> None:  # noqa: F811
    used = {
        "faas.mem_usage": 100 * MIB,
        "tracekit.cpu.utilization": 0.5,
        "tracekit.concurrent_invocations": 3,
    }
    write(
        storage,
        call(1, 0, 1.5, used),
        call(
            2,
            1,
            10,
            {"faas.mem_usage": 120 * MIB, "tracekit.cpu.utilization": 1, "tracekit.billed_duration_ms": 100},
        ),
        faas__max_memory=GIB,
    )
    assert storage.reader.used.usage(UsageQuery(WINDOW)) == (
        Usage("", T0, 2, 11_500_000, 3, 120 * MIB, GIB, 0.75, 0, pytest.approx(0.102)),
    )


def test_what_is_no_number_is_as_if_it_were_absent(storage: Storage) -> None:  # noqa: F811
    keys = ("faas.mem_usage", "tracekit.cpu.utilization", "tracekit.concurrent_invocations")
    write(
        storage,
        *(
            call(n, 0, 10, dict.fromkeys((*keys, "tracekit.billed_duration_ms"), odd))
            for n, odd in enumerate(ODD, 1)
        ),
        faas__max_memory="512",
    )
    (usage,) = storage.reader.used.usage(UsageQuery(WINDOW))
    assert (usage.calls, usage.memory_bytes, usage.cpu, usage.at_once) == (len(ODD), None, None, None)
    assert (usage.limit_bytes, usage.gb_seconds, usage.timeouts) == (None, 0, 0)
    assert storage.reader.used.memory(MemoryQuery(WINDOW)) == ()


def test_timeouts_are_calls_cut_off_and_calls_without_time_left(storage: Storage) -> None:  # noqa: F811
    ended = {"status": "error", "error_type": "tracekit.unfinished"}
    write(
        storage,
        call(1, used={"tracekit.timeout_imminent": True}, **ended),
        call(2, used={"tracekit.timeout_imminent": True}),  # it finished in time
        call(3, used={"tracekit.remaining_ms": 0}),
        call(4, used={"tracekit.remaining_ms": -20}),
        call(5, used={"tracekit.remaining_ms": 1}, **ended),
    )
    assert storage.reader.used.usage(UsageQuery(WINDOW))[0].timeouts == 3


def test_usage_is_told_by_group_the_largest_first_to_stay(storage: Storage) -> None:  # noqa: F811
    write(
        storage,
        call(1, 0, instance="b"),
        call(2, 40, instance="b"),
        call(3, instance="a"),
        call(4, instance="c"),
    )
    points = storage.reader.used.usage(UsageQuery(WINDOW, by="instance", buckets=2, limit=2))
    assert [(p.group, p.start_ns - T0, p.calls) for p in points] == [
        ("a", 0, 1),
        ("b", 0, 1),
        ("b", 30 * SECOND, 1),
    ]


def test_a_sample_is_of_slices_spread_over_the_window(storage: Storage) -> None:  # noqa: F811
    calls = (call(n, n / 10, instance="a", used={"faas.mem_usage": n}) for n in range(1, 600))
    write(storage, *calls)
    assert len(slices(WINDOW, 5)) == SLICES
    assert sum(p.end_ns - p.start_ns for p in slices(WINDOW, 5)) == 12 * SECOND
    assert storage.reader.used.usage(UsageQuery(WINDOW, one_in=5))[0].calls == pytest.approx(120, abs=5)
    (instance,) = storage.reader.used.memory(MemoryQuery(WINDOW, points=SLICES, one_in=5))
    assert [value for _, value in instance.points] == pytest.approx([2 + 25 * n for n in range(24)], abs=15)


def test_memory_goes_over_the_calls_of_each_instance(storage: Storage) -> None:  # noqa: F811
    def told(n: int, mib: int) -> Any:
        return call(n, n, instance="i", version=f"v{n // 4}", used={"faas.mem_usage": mib * MIB})

    write(
        storage,
        *(told(n, mib) for n, mib in enumerate((10, 20, 30, 50, 90, 70), 1)),
        call(9, 9, instance="i"),
        call(10, 9, instance="", used={"faas.mem_usage": 1}),
        faas__max_memory=128 * MIB,
    )
    (instance,) = storage.reader.used.memory(MemoryQuery(WINDOW, points=3))
    assert (instance.instance, instance.version, instance.calls, instance.limit_bytes) == (
        "i",
        "v1",
        6,
        128 * MIB,
    )
    assert instance.points == (
        (T0 + 2 * SECOND, 15 * MIB),
        (T0 + 4 * SECOND, 40 * MIB),
        (T0 + 6 * SECOND, 80 * MIB),
    )


def test_tags_are_texts_of_resources_that_had_calls(storage: Storage) -> None:  # noqa: F811
    write(storage, call(1), team="web", size=5)
    write(storage, call(2, service="other", resource_id=2, kind="client"), team="none")
    assert storage.reader.used.tags(TagsQuery(WINDOW, ("team", "size", "x"))) == (Tag("shop", "team", "web"),)
    assert storage.reader.used.tags(TagsQuery(WINDOW, ())) == ()


def test_callers_that_were_refused_count_for_the_function(storage: Storage) -> None:  # noqa: F811
    to = {"kind": "client", "peer_kind": "function"}
    write(
        storage,
        call(1, http_status=429, peer="a", **to),
        call(2, error_type="TooManyRequestsException", peer="a", **to),
        call(3, error_type="ThrottlingError", peer="b", **to),
        call(4, http_status=500, peer="b", **to),
        call(5, http_status=429, peer="c", kind="client", peer_kind="external"),
    )
    assert storage.reader.used.throttled(WINDOW) == (("a", 2), ("b", 1))


# ---------------------------------------------------------------- random traffic

# Each opens a store.
ROUNDS = int(os.environ.get("TRACEKIT_TEST_ROUNDS", "15"))
NUMBERS = st.one_of(st.integers(0, 8).map(lambda n: n * 256), st.sampled_from(ODD))


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    keys = ("faas.mem_usage", "tracekit.cpu.utilization", "tracekit.concurrent_invocations")
    more = ("tracekit.remaining_ms", "tracekit.billed_duration_ms", "tracekit.timeout_imminent")
    return row(
        draw(st.integers(1, 9)),
        draw(st.integers(1, 30)),
        draw(st.sampled_from([-1.0, 0.0, 1.0, 29.5, 30.0, 59.999999999, 60.0])),
        draw(st.sampled_from([0.0, 1.0, 1.000001, 1500.0])),
        kind=draw(st.sampled_from(["server", "consumer", "client"])),
        status=draw(st.sampled_from(["unset", "error"])),
        service=draw(st.sampled_from(["a", "b"])),
        instance=draw(st.sampled_from(["", "i", "j"])),
        version=draw(st.sampled_from(["v1", "v2"])),
        trigger=draw(st.sampled_from(["", "http"])),
        resource_id=draw(st.integers(1, 3)),
        peer_kind=draw(st.sampled_from(["", "function"])),
        peer=draw(st.sampled_from(["", "a"])),
        http_status=draw(st.sampled_from([None, 429])),
        error_type=draw(st.sampled_from(["", "tracekit.unfinished", "Throttled"])),
        attributes=draw(
            st.just("")
            | st.dictionaries(st.sampled_from(keys + more), NUMBERS | st.booleans()).map(jsonvalue.dumps)
        ),
    )


SCOPE: dict[str, Any] = {
    "service": st.sampled_from(["", "a"]),
    "buckets": st.integers(1, 5),
    "instance": st.sampled_from(["", "", "i"]),
    "trigger": st.sampled_from(["", "", "http"]),
}
ONE_IN = st.sampled_from([1, 1, 3])


@settings(
    max_examples=ROUNDS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(spans(), max_size=12),
    st.builds(HeatmapQuery, st.just(WINDOW), st.just((MS, 10 * MS)), **SCOPE),
    st.lists(
        st.builds(
            UsageQuery,
            st.just(WINDOW),
            by=st.sampled_from(["", "service", "instance", "operation", "trigger"]),
            one_in=ONE_IN,
            limit=st.integers(1, 3),
            **SCOPE,
        ),
        min_size=3,
        max_size=3,
    ),
    st.builds(MemoryQuery, st.just(WINDOW), points=st.integers(1, 4), one_in=ONE_IN, limit=st.integers(1, 3)),
)
def test_duckdb_answers_as_the_reference_engine_does(
    rows: list[dict[str, Any]], heat: HeatmapQuery, usages: list[UsageQuery], memory: MemoryQuery
) -> None:
    reference = MemoryStorage()
    with tempfile.TemporaryDirectory() as folder:
        duck = open_storage(Path(folder))
        try:
            for engine in (reference, duck):
                write(engine, *rows, faas__max_memory=4096.0, team="x")
            ours, theirs = duck.reader.used, reference.used
            assert ours.heatmap(heat) == theirs.heatmap(heat)
            for query in usages:
                assert ours.usage(query) == theirs.usage(query), query
            assert ours.memory(memory) == theirs.memory(memory)
            assert ours.throttled(WINDOW) == theirs.throttled(WINDOW)
            asked = TagsQuery(WINDOW, ("team", "faas.max_memory"))
            assert ours.tags(asked) == theirs.tags(asked)
        finally:
            duck.close()
