"""The exam every engine sits: the same statements of truth, with expectations worked out by hand.

An engine's test module defines the fixture `storage` and imports everything from here.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from collector import jsonvalue
from collector.model import Kind, Status
from collector.storage.base import (
    BACKLINKS,
    MESSAGE_KEPT,
    STACK_KEPT,
    Backlink,
    CallsQuery,
    ColdStartsQuery,
    Edge,
    EdgeSeriesQuery,
    EdgesQuery,
    ErrorsQuery,
    FunctionsQuery,
    Grace,
    InvalidQuery,
    Node,
    SeriesQuery,
    SlowQuery,
    Storage,
    TracesQuery,
    Window,
    WriteResult,
)
from collector.storage.keys import AttributeKey, KeysQuery
from tests.collector.batches import MS, SECOND, T0, batch, raised, row, trace

WINDOW = Window(T0, T0 + 60 * SECOND)


def write(storage: Storage, *rows: dict[str, Any]) -> WriteResult:
    return storage.writer.write([batch(*rows)])


# ---------------------------------------------------------------- writing


def test_a_span_comes_back_as_it_was_written(storage: Storage) -> None:
    full = row(
        7, 2**64 - 1, 1.5, 20, parent=5, kind="client", status="error", status_message="no\x00 way 💥",
        service="größe", name="日本 ' \" \\ %_", scope="lib@1", trace_state="a=b", flags=257,
        dropped_attributes_count=1, dropped_events_count=2, dropped_links_count=2**32 - 1, received_ns=T0,
        version="v1", instance="i", platform="p", region="r", trigger="http", coldstart=False,
        phase="invocation", invocation_id="inv", http_method="GET", http_route="/x", http_status=503,
        db_system="sqlite",
        db_statement="SELECT ?", messaging_system="kafka", messaging_destination="q", bucket="b",
        error_type="E", peer_kind="database", peer="sqlite: x", links=[(1, 2)],
        attributes=jsonvalue.dumps({"a": 1, "b": [1.0, b"\x00", {"c": None}], "d": float("inf")}),
        events=jsonvalue.dumps([{"time_ns": T0, "name": "e", "attributes": {"x": True}}]),
    )  # fmt: skip
    write(storage, full)
    (span,) = storage.reader.trace(trace(7))
    assert (span.span_id, span.parent_span_id) == ("f" * 16, f"{5:016x}")
    assert (span.kind, span.status, span.failed) == (Kind.CLIENT, Status.ERROR, True)
    assert span.attributes == {"a": 1, "b": [1.0, b"\x00", {"c": None}], "d": float("inf")}
    assert [(e.time_ns, e.name, e.attributes) for e in span.events] == [(T0, "e", {"x": True})]
    assert [(link.trace_id, link.span_id) for link in span.links] == [(trace(1), f"{2:016x}")]
    assert span.resource == {"service.name": "größe"}
    converted = {"span_id", "parent_span_id", "kind", "status", "attributes", "events", "links"}
    for name in full.keys() - converted:
        assert getattr(span, name) == full[name], name


def test_unknown_is_kept_apart_from_false_and_zero(storage: Storage) -> None:
    write(storage, row(1, 1), row(1, 2, coldstart=False, http_status=0), row(1, 3, coldstart=True))
    spans = storage.reader.trace(trace(1))
    assert [(s.coldstart, s.http_status) for s in spans] == [(None, None), (False, 0), (True, None)]


def test_a_span_is_stored_once_however_often_it_arrives(storage: Storage) -> None:
    assert write(storage, row(1, 1), row(1, 1), row(1, 2)) == WriteResult(stored=2, duplicates=1)
    assert write(storage, row(1, 1, name="later"), row(2, 1)) == WriteResult(stored=1, duplicates=1)
    assert [s.name for s in storage.reader.trace(trace(1))] == ["GET /", "GET /"]
    stats = storage.reader.stats()
    assert (stats.spans, stats.duplicates) == (3, 2)


def test_several_batches_are_one_write(storage: Storage) -> None:
    batches = [batch(row(1, 1)), batch(row(1, 1), row(1, 2, resource_id=2, service="b")), batch()]
    assert storage.writer.write(batches) == WriteResult(2, 1)
    assert storage.writer.write([]) == WriteResult(0, 0)
    assert storage.reader.stats().services == ("b", "shop")


def test_the_mark_is_stored_with_the_rows_it_covers(storage: Storage) -> None:
    assert (storage.writer.mark(), storage.writer.checkpoint()) == (0, 0)
    storage.writer.write([batch(row(1, 1))], 7)
    assert storage.writer.mark() == 7
    assert storage.writer.write([batch(row(1, 1))], 2**63 + 5) == WriteResult(0, 1), (
        "nothing new but the mark"
    )
    storage.writer.write([batch(row(1, 2))])
    assert (storage.writer.mark(), storage.writer.checkpoint()) == (2**63 + 5, 2**63 + 5)


def test_an_empty_store_answers_everything_with_nothing(storage: Storage) -> None:
    reader = storage.reader
    assert reader.services(WINDOW) == ()
    assert reader.functions(FunctionsQuery(WINDOW)) == ()
    assert reader.series(SeriesQuery(WINDOW)) == ()
    assert reader.calls(CallsQuery(WINDOW)) == ()
    assert reader.cold_starts(ColdStartsQuery(WINDOW)) == ()
    assert reader.traces(TracesQuery(WINDOW)).traces == ()
    assert reader.trace(trace(1)) == ()
    assert reader.linked_from(trace(1)) == ()
    assert reader.edges(EdgesQuery(WINDOW)) == ()
    assert reader.slow(SlowQuery(WINDOW, "calls")) == ()
    assert (reader.stats().spans, reader.stats().first_ns, reader.stats().last_ns) == (0, 0, 0)


# ---------------------------------------------------------------- running spans

GRACE = Grace(60 * SECOND, 10 * SECOND)


def running(n: int, span_id: int, ms: float, at: float = 0.0, imminent: bool = False, **columns: Any) -> Any:
    """A snapshot of a span that has been running for `ms` and was received when it was taken."""
    marks = {"tracekit.unfinished": True, "k": b"v"} | (
        {"tracekit.timeout_imminent": True} if imminent else {}
    )
    received = T0 + round(at * SECOND) + round(ms * MS)
    return row(n, span_id, at, ms, attributes=jsonvalue.dumps(marks), received_ns=received, **columns)


def test_a_running_span_is_seen_by_nobody_and_makes_room_for_the_finished_one(storage: Storage) -> None:
    assert write(storage, running(1, 1, 1000), row(1, 2)) == WriteResult(stored=1, duplicates=0)
    assert [s.span_id for s in storage.reader.trace(trace(1))] == [f"{2:016x}"]
    assert storage.reader.stats().spans == 1
    assert write(storage, row(1, 1, 0, 5000, name="done")) == WriteResult(1, 0)
    assert storage.writer.close_unfinished(T0 + 999 * SECOND, GRACE) == 0
    assert [(s.name, s.duration_ns // MS) for s in storage.reader.trace(trace(1))] == [
        ("done", 5000),
        ("GET /", 10),
    ]


def test_a_snapshot_that_comes_after_its_span_means_nothing(storage: Storage) -> None:
    write(storage, row(1, 1), running(1, 1, 5))
    assert write(storage, running(1, 1, 5)) == WriteResult(0, 0)
    assert storage.writer.close_unfinished(T0 + 999 * SECOND, GRACE) == 0
    assert storage.reader.stats().spans == 1


def test_a_span_that_is_not_heard_of_again_is_stored_as_failed(storage: Storage) -> None:
    write(storage, running(1, 1, 1000), running(1, 1, 3000, links=[(7, 8)]), running(1, 1, 2000))
    assert storage.writer.close_unfinished(T0 + 63 * SECOND - 1, GRACE) == 0
    assert storage.writer.close_unfinished(T0 + 63 * SECOND, GRACE) == 1
    (span,) = storage.reader.trace(trace(1))
    assert (span.failed, span.error_type, span.duration_ns) == (True, "tracekit.unfinished", 3 * SECOND)
    assert "GET / never finished: last seen running 3.00 s after its start" in span.status_message
    assert span.attributes == {"tracekit.unfinished": True, "k": b"v", "error.type": "tracekit.unfinished"}
    assert (span.resource, len(span.links)) == ({"service.name": "shop"}, 1)
    assert storage.writer.close_unfinished(T0 + 999 * SECOND, GRACE) == 0


def test_a_span_seen_just_before_its_timeout_is_waited_for_less_long(storage: Storage) -> None:
    write(storage, running(1, 1, 1000, imminent=True), running(1, 2, 1000))
    assert storage.writer.close_unfinished(T0 + 11 * SECOND, GRACE) == 1
    (span,) = storage.reader.trace(trace(1))
    assert "just before the function's timeout" in span.status_message


def test_a_finished_span_that_comes_after_the_closing_is_a_duplicate(storage: Storage) -> None:
    write(storage, running(1, 1, 1000))
    storage.writer.close_unfinished(T0 + 61 * SECOND, GRACE)
    assert write(storage, row(1, 1, 0, 90_000), running(1, 1, 2000)) == WriteResult(0, 1)
    assert storage.writer.close_unfinished(T0 + 999 * SECOND, GRACE) == 0
    assert [s.duration_ns for s in storage.reader.trace(trace(1))] == [SECOND]


def test_only_a_mark_that_says_so_makes_a_snapshot(storage: Storage) -> None:
    for n, attributes in enumerate(
        (
            {"a": '"tracekit.unfinished":true'},
            {"a": {"tracekit.unfinished": True}},
            {"tracekit.unfinished": 1},
        )
    ):
        assert write(storage, row(n + 1, 1, attributes=jsonvalue.dumps(attributes))).stored == 1


# ---------------------------------------------------------------- functions and calls


def test_functions_count_calls_and_nothing_else(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, 0, 10, coldstart=True, version="v2", instance="a", platform="p", trigger="http"),
        row(2, 1, 30, 20, coldstart=False, version="v1", instance="b", platform="p", status="error"),
        row(3, 1, 59.999, 30, kind="consumer", version="v1", instance="b", platform="q", region="r"),
        row(3, 2, 1, kind="internal", version="v9"),
        row(4, 1, 60, 999),  # starts where the window ends
        row(5, 1, 5, 5, service="a-second"),
    )
    shop, second = storage.reader.functions(FunctionsQuery(WINDOW, buckets=2))
    assert (shop.service, shop.calls, shop.errors, second.service, second.calls) == (
        "shop",
        3,
        1,
        "a-second",
        1,
    )
    assert (shop.p50_ns, shop.p95_ns, shop.p99_ns) == pytest.approx((20 * MS, 29 * MS, 29.8 * MS))
    assert (shop.cold_starts, shop.cold_known, shop.cold_share) == (1, 2, 0.5)
    assert (shop.versions, shop.instances, shop.triggers) == (("v1", "v2"), 2, ("http",))
    assert (shop.platform, shop.region) == ("p", "r")
    assert shop.last_seen_ns == T0 + round(59.999 * SECOND)
    assert (shop.calls_by_bucket, shop.errors_by_bucket) == ((1, 2), (0, 1))
    assert storage.reader.functions(FunctionsQuery(WINDOW, service="a-second", buckets=1))[0].calls == 1


def test_calls_of_one_instance_trigger_or_operation_are_asked_for_alone(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, instance="a", trigger="http", coldstart=True),
        row(2, 1, instance="b", trigger="http", name="GET /x"),
        row(3, 1, instance="b", trigger="timer"),
    )
    for scope, calls in (
        ({"instance": "b"}, 2),
        ({"trigger": "http"}, 2),
        ({"operation": "GET /x"}, 1),
        ({"instance": "b", "trigger": "timer"}, 1),
    ):
        assert storage.reader.functions(FunctionsQuery(WINDOW, **scope))[0].calls == calls
        assert sum(p.calls for p in storage.reader.series(SeriesQuery(WINDOW, **scope))) == calls
        assert len(storage.reader.calls(CallsQuery(WINDOW, **scope))) == calls
    assert not storage.reader.cold_starts(ColdStartsQuery(WINDOW, instance="b"))
    assert len(storage.reader.cold_starts(ColdStartsQuery(WINDOW, instance="a"))) == 1


def test_the_most_frequent_value_is_the_first_by_name_when_tied(storage: Storage) -> None:
    write(storage, row(1, 1, platform="z"), row(2, 1, platform="a"), row(3, 1))
    assert storage.reader.functions(FunctionsQuery(WINDOW))[0].platform == "a"


def test_services_are_all_that_sent_any_span(storage: Storage) -> None:
    write(
        storage, row(1, 1, kind="internal", service="b"), row(1, 2, service="a"), row(1, 3, 61, service="c")
    )
    assert storage.reader.services(WINDOW) == ("a", "b")


def test_a_series_has_a_point_for_each_part_with_calls(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, 0, 10, version="v1"),
        row(2, 1, 14.9, 30, version="v2", status="error"),
        row(3, 1, 45, 50, version="v1", coldstart=True),
    )
    points = storage.reader.series(SeriesQuery(WINDOW, buckets=4))
    assert [(p.group, p.start_ns, p.calls, p.errors, p.cold_starts, p.p50_ns) for p in points] == [
        ("", T0, 2, 1, 0, 20 * MS),
        ("", T0 + 45 * SECOND, 1, 0, 1, 50 * MS),
    ]
    by_version = storage.reader.series(SeriesQuery(WINDOW, by="version", buckets=4))
    assert [(p.group, p.calls) for p in by_version] == [("v1", 1), ("v1", 1), ("v2", 1)]


def test_a_part_that_divides_no_nanosecond_evenly_keeps_every_call(storage: Storage) -> None:
    window = Window(T0, T0 + 7)
    write(storage, *(row(1, i + 1, i / SECOND) for i in range(7)))
    points = storage.reader.series(SeriesQuery(window, buckets=3))
    assert [(p.start_ns - T0, p.calls) for p in points] == [(0, 3), (3, 2), (5, 2)]


CALLS = (
    row(1, 1, 1, 10, version="v1", coldstart=True),
    row(2, 1, 2, 30, version="v2", status="error"),
    row(3, 1, 3, 20, version="v1", service="other"),
)


@pytest.mark.parametrize(
    ("filters", "traces"),
    [
        ({}, [3, 2, 1]),
        ({"sort": "slowest"}, [2, 3, 1]),
        ({"limit": 1}, [3]),
        ({"limit": 0}, []),
        ({"service": "shop"}, [2, 1]),
        ({"version": "v1"}, [3, 1]),
        ({"status": "error"}, [2]),
        ({"status": "ok"}, [3, 1]),
        ({"coldstart": True}, [1]),
        ({"coldstart": False}, [3, 2]),
        ({"min_duration_ns": 20 * MS}, [3, 2]),
        ({"max_duration_ns": 20 * MS}, [3, 1]),
    ],
)
def test_calls_are_filtered_and_sorted(storage: Storage, filters: dict[str, Any], traces: list[int]) -> None:
    write(storage, *CALLS)
    assert [int(c.trace_id, 16) for c in storage.reader.calls(CallsQuery(WINDOW, **filters))] == traces


def test_a_call_says_what_happened(storage: Storage) -> None:
    write(storage, row(1, 3, 1, 5, status="error", error_type="E", status_message="m", http_status=500))
    (call,) = storage.reader.calls(CallsQuery(WINDOW))
    assert (call.span_id, call.failed, call.error_type, call.status_message) == (f"{3:016x}", True, "E", "m")
    assert (call.http_status, call.coldstart, call.start_ns, call.duration_ns) == (
        500,
        None,
        T0 + SECOND,
        5 * MS,
    )


def test_a_cold_start_shows_the_phases_of_its_own_process(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, 2, 100, coldstart=True),
        row(1, 2, 0.5, 1500, kind="internal", phase="cold_start"),
        row(1, 3, 0.5, 500, kind="internal", phase="runtime_init"),
        row(1, 4, 1, 1000, kind="internal", phase="function_init"),
        row(1, 5, 2, 100, kind="internal", phase="invocation"),
        row(1, 6, 1, 7, kind="internal", phase="function_init", resource_id=2, service="other"),
        row(2, 1, 3, 1, coldstart=True),
        row(3, 1, 4, 1, coldstart=False),
    )
    plain, cold = storage.reader.cold_starts(ColdStartsQuery(WINDOW))
    assert [(phase, (start - T0) / SECOND) for phase, start, _ in cold.phases] == [
        ("cold_start", 0.5),
        ("runtime_init", 0.5),
        ("function_init", 1.0),
    ]
    assert (cold.total_ns, cold.call_duration_ns) == (1500 * MS, 100 * MS)
    assert (plain.trace_id, plain.phases, plain.total_ns) == (trace(2), (), 0)


# ---------------------------------------------------------------- traces

TRACES = (
    row(1, 1, 1, 100, service="front", name="POST /orders", trigger="http", version="v1"),
    row(1, 2, 1.01, 50, parent=1, service="shop", status="error", error_type="StockError", version="v2"),
    row(1, 3, 1.02, 10, parent=2, kind="client", db_statement="SELECT ? FROM Ünits_100%", peer="sqlite: x"),
    row(2, 1, 2, 10, service="shop", name="GET /a_b", coldstart=True, invocation_id="inv-2"),
    row(3, 1, 3, 500, service="front", name="GET /a%b", http_route="/a%b"),
    row(4, 1, -1, 5, service="front"),
    row(4, 2, 5, 5, parent=1, service="front"),  # its trace begins before the window
)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [3, 2, 1]),
        ({"sort": "slowest"}, [3, 1, 2]),
        ({"sort": "spans"}, [1, 2, 3]),
        ({"sort": "errors"}, [1, 2, 3]),
        ({"service": "shop"}, [2, 1]),
        ({"service": "front", "status": "error"}, []),
        ({"service": "front", "status": "ok"}, [3, 1]),
        ({"status": "error"}, [1]),
        ({"status": "ok"}, [3, 2]),
        ({"version": "v2"}, [1]),
        ({"service": "front", "version": "v2"}, []),
        ({"coldstart": True}, [2]),
        ({"coldstart": False}, [3, 1]),
        ({"min_duration_ns": 100 * MS}, [3, 1]),
        ({"max_duration_ns": 100 * MS}, [2, 1]),
        ({"text": "STOCKerror"}, [1]),
        ({"text": "post ORDERS"}, [1]),
        ({"text": "orders stockerror"}, []),  # not the same span
        ({"text": "a%b"}, [3]),
        ({"text": "a_b"}, [2]),
        ({"text": "%"}, [3, 1]),
        ({"text": "_"}, [2, 1]),
        ({"text": "ÜNITS"}, [1]),
        ({"text": "' OR 1=1 --"}, []),
        ({"text": "inv-2"}, [2]),
        ({"text": "sqlite:"}, [1]),
        ({"text": " \t "}, [3, 2, 1]),
        ({"text": trace(2)}, [2]),
        ({"text": trace(99)}, []),
        ({"service": "front", "text": "stockerror"}, []),
    ],
)
def test_traces_are_filtered_and_sorted(storage: Storage, filters: dict[str, Any], found: list[int]) -> None:
    write(storage, *TRACES)
    page = storage.reader.traces(TracesQuery(WINDOW, **filters))
    assert [int(t.trace_id, 16) for t in page.traces] == found
    assert page.next_cursor == ""


def test_a_trace_is_summed_up(storage: Storage) -> None:
    write(storage, *TRACES)
    (summary,) = storage.reader.traces(TracesQuery(WINDOW, text="orders")).traces
    assert (summary.root_service, summary.root_name, summary.root_trigger) == (
        "front",
        "POST /orders",
        "http",
    )
    assert (summary.start_ns, summary.duration_ns) == (T0 + SECOND, 100 * MS)
    assert (summary.spans, summary.errors, summary.cold_starts) == (3, 1, 0)
    assert summary.services == (("shop", 2), ("front", 1))


@pytest.mark.parametrize(
    ("rows", "root"),
    [
        (
            [row(1, 1, 0, kind="internal", name="a"), row(1, 2, 1, name="b")],
            "b",
        ),  # a call before an earlier span
        ([row(1, 2, 1, name="b", parent=9), row(1, 1, 2, name="a")], "b"),  # the parent is not stored
        ([row(1, 1, 0, name="a", parent=2), row(1, 2, 1, name="b", parent=1)], "a"),  # a cycle
        ([row(1, 1, 0, name="a", parent=1)], "a"),  # its own parent
        ([row(1, 2, 0, name="b"), row(1, 1, 0, name="a")], "a"),  # a tie
    ],
)
def test_every_trace_has_a_root(storage: Storage, rows: list[dict[str, Any]], root: str) -> None:
    write(storage, *rows)
    assert storage.reader.traces(TracesQuery(WINDOW)).traces[0].root_name == root


@pytest.mark.parametrize("sort", ["newest", "slowest", "spans", "errors"])
def test_paging_shows_each_trace_once_while_others_arrive(storage: Storage, sort: Any) -> None:
    rows = [row(n, 1, n % 5, (n * 7) % 3, status="error" if n % 2 else "ok") for n in range(1, 24)]
    write(storage, *rows)
    seen: list[str] = []
    cursor = ""
    for page_number in range(10):
        page = storage.reader.traces(TracesQuery(WINDOW, sort=sort, limit=5, cursor=cursor))
        seen += [t.trace_id for t in page.traces]
        write(storage, row(100 + page_number, 1, 50, 900, status="error"))
        cursor = page.next_cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen))
    assert {r["trace_id"] for r in rows} <= set(seen)


@pytest.mark.parametrize("status", ["", "error"])
def test_the_newest_of_a_day_come_in_order_wherever_they_lie(storage: Storage, status: Any) -> None:
    day = Window(T0, T0 + 86_400 * SECOND)
    # Seconds: alone at the beginning, many at once, the last half minute; each trace goes on for hours.
    begins = [1, 2, 7_000, *range(40_000, 40_012), 80_000, 86_370, 86_371, 86_399]
    for n, at in enumerate(begins, 1):
        write(storage, row(n, 1, at), row(n, 2, min(at + 9_000, 86_399), status="error" if n % 2 else "ok"))
    write(storage, row(99, 1, -5, status="error"), row(99, 2, 86_390, status="error"))
    seen, cursor = [], ""
    while cursor or not seen:
        page = storage.reader.traces(TracesQuery(day, status=status, limit=4, cursor=cursor))
        seen += [(t.start_ns - T0) // SECOND for t in page.traces]
        cursor = page.next_cursor
    assert seen == [at for n, at in enumerate(begins, 1) if n % 2 or not status][::-1]


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "bnVsbA", "W10", "💥", "WyJuZXdlc3QiLCAxLCAieCJd", "[" * 9_000]
)
def test_an_altered_cursor_is_an_invalid_query(storage: Storage, cursor: str) -> None:
    with pytest.raises(InvalidQuery):
        storage.reader.traces(TracesQuery(WINDOW, cursor=cursor))


def test_a_cursor_of_another_sort_is_an_invalid_query(storage: Storage) -> None:
    write(storage, row(1, 1), row(2, 1))
    cursor = storage.reader.traces(TracesQuery(WINDOW, limit=1)).next_cursor
    with pytest.raises(InvalidQuery):
        storage.reader.traces(TracesQuery(WINDOW, sort="slowest", cursor=cursor))


@pytest.mark.parametrize("trace_id", ["", "x" * 32, "A" * 32, "1" * 31, "1" * 33, "' OR 1=1 --", "１" * 32])
def test_what_is_no_trace_id_is_an_invalid_query(storage: Storage, trace_id: str) -> None:
    with pytest.raises(InvalidQuery):
        storage.reader.trace(trace_id)


def test_a_trace_is_ordered_by_start_then_id(storage: Storage) -> None:
    write(storage, row(1, 3, 2), row(1, 2**63, 1), row(1, 1, 1))
    assert [int(s.span_id, 16) for s in storage.reader.trace(trace(1))] == [1, 2**63, 3]


def test_a_trace_is_found_by_an_edge_it_has(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, 0, service="a"),
        row(1, 2, 1, parent=1, kind="client", service="a"),
        row(1, 3, 2, parent=2, service="b"),
        row(2, 1, 3, service="b"),
    )

    def found(**ends: str) -> list[int]:
        return [int(t.trace_id, 16) for t in storage.reader.traces(TracesQuery(WINDOW, **ends)).traces]

    assert found(source="function:a", target="function:b") == [1]
    assert found(target="function:b") == [2, 1]
    assert found(source="user:user", target="function:b") == [2]
    assert found(source="function:b") == []


# ---------------------------------------------------------------- service graph


def edges(storage: Storage, service: str = "") -> dict[str, Edge]:
    found = storage.reader.edges(EdgesQuery(WINDOW, service))
    return {f"{edge.source.id} -> {edge.target.id}": edge for edge in found}


@pytest.mark.parametrize("child_kind", ["server", "consumer"])
def test_rule_1_a_call_pairs_both_sides(storage: Storage, child_kind: str) -> None:
    write(
        storage,
        row(1, 1, 0, 100, service="a", trigger="http"),
        row(1, 2, 1, 50, parent=1, kind="client", service="a", peer_kind="external", peer="b:80"),
        row(1, 3, 1, 30, parent=2, kind=child_kind, service="b", status="error"),
    )
    found = edges(storage)
    assert found.keys() == {"user:user -> function:a", "function:a -> function:b"}
    edge = found["function:a -> function:b"]
    assert (edge.calls, edge.errors, edge.p50_ns, edge.server_p95_ns) == (1, 1, 50 * MS, 30 * MS)
    assert edge.queue_delay_p50_ns is None


def test_rule_1_a_parent_in_another_service_is_a_caller_of_any_kind(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, service="a"),
        row(1, 2, 1, parent=1, service="b"),
        row(1, 3, 1, parent=2, service="b"),
    )
    assert edges(storage).keys() == {"user:user -> function:a", "function:a -> function:b"}


def test_rule_1_a_function_may_call_itself(storage: Storage) -> None:
    write(storage, row(1, 1), row(1, 2, 1, parent=1, kind="client"), row(1, 3, 1, parent=2))
    assert edges(storage)["function:shop -> function:shop"].calls == 1


def test_rule_1_the_callers_start_places_the_call(storage: Storage) -> None:
    write(storage, row(1, 2, 59.9, 900, kind="client", service="a"), row(1, 3, 60.1, parent=2, service="b"))
    write(storage, row(2, 2, -0.1, 900, kind="client", service="a"), row(2, 3, 0.1, parent=2, service="b"))
    assert edges(storage)["function:a -> function:b"].calls == 1


@pytest.mark.parametrize(
    ("columns", "source"),
    [
        ({}, "user:user"),
        ({"trigger": "http"}, "user:user"),
        ({"trigger": "other", "parent": 99}, "user:user"),
        ({"trigger": "timer"}, "trigger:timer"),
        ({"trigger": "datasource", "bucket": "pics"}, "bucket:pics"),
        ({"trigger": "datasource"}, "trigger:datasource"),
        ({"trigger": "pubsub", "messaging_destination": "q"}, "queue:q"),
        ({"trigger": "pubsub"}, "trigger:pubsub"),
        ({"trigger": "pubsub", "kind": "consumer"}, "trigger:pubsub"),
    ],
)
def test_rule_2_a_call_without_a_caller_comes_from_its_trigger(
    storage: Storage, columns: dict[str, Any], source: str
) -> None:
    write(storage, row(1, 1, 0, 40, **columns))
    edge = edges(storage)[f"{source} -> function:shop"]
    assert (edge.calls, edge.p50_ns, edge.server_p95_ns) == (1, 40 * MS, 40 * MS)


def test_rule_3_a_peer_that_sends_no_spans_is_a_node(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, 0, 10, kind="client", peer_kind="database", peer="sqlite: x"),
        row(1, 2, 0, 30, kind="client", peer_kind="database", peer="sqlite: x", status="error"),
        row(1, 3, 0, kind="client", peer_kind="bucket", peer="b"),
        row(1, 4, 0, kind="client"),
        row(1, 5, 0, kind="internal", peer_kind="external", peer="nobody calls from inside"),
    )
    found = edges(storage)
    assert list(found) == ["function:shop -> database:sqlite: x", "function:shop -> bucket:b"]
    edge = found["function:shop -> database:sqlite: x"]
    assert (edge.calls, edge.errors, edge.p50_ns, edge.server_p95_ns) == (2, 1, 20 * MS, None)


def test_rules_4_and_5_a_queue_stands_between_producer_and_consumer(storage: Storage) -> None:
    queue = {"messaging_destination": "orders"}
    write(
        storage,
        row(1, 1, 1, 1000, kind="producer", service="front", peer_kind="queue", peer="orders", **queue),
        row(2, 1, 2, 500, kind="client", service="front", peer_kind="queue", peer="orders", **queue),
        row(3, 1, 1, 0, kind="producer", service="front", **queue),
        row(4, 1, 9, 0, kind="producer", service="front", **queue),
        row(
            9, 1, 5, 70, kind="consumer", service="worker", **queue,
            links=[(1, 1), (1, 1), (2, 1), (3, 1), (4, 1), (77, 1)],
        ),
    )  # fmt: skip
    found = edges(storage)
    assert found.keys() == {"function:front -> queue:orders", "queue:orders -> function:worker"}
    assert found["function:front -> queue:orders"].calls == 4
    edge = found["queue:orders -> function:worker"]
    # 3 s after trace 1's producer ended and 4 s after trace 3's; 2 is a CLIENT, 4 came later, 77 is unknown.
    assert (edge.calls, edge.p50_ns, edge.queue_delay_p50_ns) == (1, 70 * MS, 3.5 * SECOND)


def test_rule_5_the_parent_counts_as_one_more_producer(storage: Storage) -> None:
    queue = {"messaging_destination": "q"}
    write(
        storage,
        row(1, 1, 1, 1000, kind="producer", service="a", **queue),
        row(1, 2, 3, kind="consumer", service="b", parent=1, links=[(1, 1)], **queue),
    )
    assert edges(storage)["queue:q -> function:b"].queue_delay_p95_ns == 1 * SECOND


def test_a_call_whose_caller_may_still_report_waits_before_it_counts_as_the_users(storage: Storage) -> None:
    write(storage, row(1, 1, 0, service="a", parent=99), row(2, 1, 0, service="b"))
    start = storage.reader.stats().first_ns

    def seen(seconds: float) -> set[str]:
        window = Window(start, start + int(seconds * 1e9))
        return {edge.target.name for edge in storage.reader.edges(EdgesQuery(window))}

    assert seen(14) == {"b"}, "b has no parent that could report"
    assert seen(16) == {"a", "b"}


def test_an_edge_adds_up_the_time_of_the_side_its_latency_is_of(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, 0, 100, service="a", trigger="http"),
        row(1, 2, 0, 60, service="a", kind="client", parent=1),
        row(1, 3, 0, 40, service="b", parent=2),
        row(2, 1, 1, 7, service="b", trigger="timer"),
        row(2, 2, 1, 5, service="b", kind="client", parent=1, peer_kind="database", peer="db"),
        row(2, 3, 1, 4, service="b", kind="client", parent=1, peer_kind="database", peer="db"),
    )
    totals = {(e.source.id, e.target.id): e.total_ns // MS for e in storage.reader.edges(EdgesQuery(WINDOW))}
    assert totals == {
        ("user:user", "function:a"): 100,
        ("function:a", "function:b"): 60,
        ("trigger:timer", "function:b"): 7,
        ("function:b", "database:db"): 9,
    }


def test_edges_can_be_of_one_function(storage: Storage) -> None:
    write(storage, row(1, 1, service="a"), row(1, 2, 1, parent=1, service="b"), row(2, 1, service="c"))
    assert edges(storage, "b").keys() == {"function:a -> function:b"}
    assert edges(storage, "' OR true --") == {}


@pytest.mark.parametrize(
    ("said", "refused"),
    [({"http_status": 429}, 1), ({"error_type": "ThrottlingException"}, 1), ({"error_type": "timeout"}, 0)],
)
def test_an_edge_counts_calls_that_their_caller_saw_refused(
    storage: Storage, said: dict[str, Any], refused: int
) -> None:
    to_b = {"kind": "client", "service": "a", "peer_kind": "function", "peer": "b"}
    sent = {"kind": "producer", "service": "a", "messaging_destination": "q"}
    write(storage, row(1, 1, **to_b, **said), row(1, 2, **to_b), row(2, 1, **sent, **said))
    write(
        storage, row(3, 1, **to_b, **said), row(3, 2, service="b", parent=1), row(4, 1, service="b", **said)
    )
    found = {ends: (edge.calls, edge.refused) for ends, edge in edges(storage).items()}
    assert found == {
        "function:a -> function:b": (3, 2 * refused),
        "function:a -> queue:q": (1, refused),
        "user:user -> function:b": (1, 0),
    }


def test_an_edge_over_time(storage: Storage) -> None:
    queue = {"messaging_destination": "q"}
    write(
        storage,
        row(1, 1, 0, 1000, kind="producer", service="a", **queue),
        row(1, 2, 3, 20, kind="consumer", service="b", parent=1, **queue),
        row(1, 3, 39, 40, kind="consumer", service="b", parent=1, status="error", **queue),
        row(1, 4, 39, 40, kind="consumer", service="other", parent=1, **queue),
    )
    query = EdgeSeriesQuery(WINDOW, Node("queue", "q"), Node("function", "b"), 6)
    found = {
        (point.start_ns - WINDOW.start_ns) // SECOND: (
            *(point.edge.calls, point.edge.errors, point.edge.p50_ns, point.edge.queue_delay_p95_ns),
            *(point.edge.source, point.edge.target),
        )
        for point in storage.reader.edge_series(query)
    }
    ends = (query.source, query.target)
    assert found == {0: (1, 0, 20 * MS, 2 * SECOND, *ends), 30: (1, 1, 40 * MS, 38 * SECOND, *ends)}
    assert storage.reader.edge_series(dataclasses.replace(query, source=Node("user", "user"))) == ()


def test_the_other_half_of_a_pair_is_looked_for_only_nearby(storage: Storage) -> None:
    write(storage, row(1, 2, 0, kind="client", service="a"), row(1, 3, 16 * 60, parent=2, service="b"))
    assert edges(storage) == {}


# ---------------------------------------------------------------- links


def backlinks(storage: Storage, n: int) -> list[tuple[int, int, int]]:
    """(linked span, linking trace, linking span) for each link into trace n."""
    found = storage.reader.linked_from(trace(n))
    return [(int(b.target_span_id, 16), int(b.trace_id, 16), int(b.span_id, 16)) for b in found]


def test_links_are_found_from_the_trace_they_point_into(storage: Storage) -> None:
    write(
        storage,
        row(1, 2**64 - 1, kind="producer"),
        row(8, 5, 2, 30, kind="consumer", service="worker", name="orders process", status="error",
            links=[(1, 2**64 - 1), (2, 9), (1, 2**64 - 1), (1, 4)]),
        row(7, 6, 1, links=[(1, 4)]),
        row(1, 3, 3, links=[(1, 4)]),
        row(6, 7, 3),
    )  # fmt: skip
    assert backlinks(storage, 1) == [(4, 7, 6), (4, 8, 5), (2**64 - 1, 8, 5)]
    assert backlinks(storage, 2) == [(9, 8, 5)]
    assert backlinks(storage, 8) == []


def test_a_backlink_says_what_went_on_elsewhere(storage: Storage) -> None:
    write(storage, row(8, 5, 2, 30, service="worker", name="work", status="error", links=[(1, 2)]))
    (found,) = storage.reader.linked_from(trace(1))
    assert found == Backlink(
        f"{2:016x}", trace(8), f"{5:016x}", "worker", "work", T0 + 2 * SECOND, 30 * MS, True
    )


def test_a_link_counts_once_however_often_its_span_arrives(storage: Storage) -> None:
    for _ in range(2):
        write(storage, row(8, 5, links=[(1, 2)]))
    assert backlinks(storage, 1) == [(2, 8, 5)]


def test_links_into_one_trace_are_bounded_earliest_first(storage: Storage) -> None:
    write(storage, *(row(8, n, BACKLINKS - n, links=[(1, 2)]) for n in range(1, BACKLINKS + 3)))
    found = backlinks(storage, 1)
    assert (len(found), found[0], found[-1]) == (BACKLINKS, (2, 8, BACKLINKS + 2), (2, 8, 3))


@pytest.mark.parametrize("text", ["", "x", "0" * 31, "g" * 32, "A" * 32])
def test_links_into_what_is_no_trace_id_are_not_looked_for(storage: Storage, text: str) -> None:
    with pytest.raises(InvalidQuery):
        storage.reader.linked_from(text)


# ---------------------------------------------------------------- slow work

WORK = (
    row(1, 1, 0, 100, service="a", name="GET /"),
    row(1, 2, 0, 10, service="a", kind="client", db_system="sqlite", db_statement="S ?", peer="sqlite: x",
        peer_kind="database"),
    row(1, 3, 0, 30, service="a", kind="client", db_system="sqlite", db_statement="S ?", peer="sqlite: x",
        peer_kind="database", status="error"),
    row(2, 1, 1, 20, service="b", kind="client", db_system="sqlite", db_statement="S ?", name="query"),
    row(2, 2, 1, 400, service="b", name="GET /slow", status="error"),
    row(2, 3, 1, 40, service="b", kind="producer", messaging_system="kafka", peer="q", peer_kind="queue"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("what", "groups"),
    [
        ("functions", [("b", "b", "", 1), ("a", "a", "", 1)]),
        ("operations", [("b", "GET /slow", "", 1), ("a", "GET /", "", 1)]),
        ("calls", [("a", "sqlite: x", "sqlite", 2), ("b", "q", "kafka", 1), ("b", "query", "sqlite", 1)]),
        ("statements", [("a", "S ?", "sqlite", 3)]),
    ],
)
def test_slow_work_is_grouped(storage: Storage, what: Any, groups: list[tuple[str, str, str, int]]) -> None:
    write(storage, *WORK)
    found = storage.reader.slow(SlowQuery(WINDOW, what))
    assert [(g.service, g.name, g.system, g.count) for g in found] == groups


def test_a_slow_group_points_at_its_slowest_span(storage: Storage) -> None:
    write(storage, *WORK)
    (group,) = storage.reader.slow(SlowQuery(WINDOW, "statements"))
    assert (group.errors, group.total_ns, group.p50_ns, group.max_ns) == (1, 60 * MS, 20 * MS, 30 * MS)
    assert (group.callers, group.max_per_trace) == (("a", "b"), 2)
    assert (group.example_trace_id, group.example_span_id) == (trace(1), f"{3:016x}")


@pytest.mark.parametrize(
    ("sort", "first"), [("total", "b"), ("p95", "b"), ("max", "b"), ("count", "a"), ("errors", "b")]
)
def test_slow_work_is_sorted(storage: Storage, sort: Any, first: str) -> None:
    write(storage, *WORK, row(3, 1, 1, 1, service="a"))
    assert storage.reader.slow(SlowQuery(WINDOW, "functions", sort=sort))[0].service == first
    assert len(storage.reader.slow(SlowQuery(WINDOW, "functions", sort=sort, limit=1))) == 1
    assert storage.reader.slow(SlowQuery(WINDOW, "functions", service="none", sort=sort)) == ()


# ---------------------------------------------------------------- errors


def failed(trace_n: int, span_id: int, at: float = 0.0, **columns: Any) -> dict[str, Any]:
    return row(trace_n, span_id, at, status="error", **columns)


def test_failures_that_differ_in_values_only_are_one_variant(storage: Storage) -> None:
    stack = "File \"a.py\", line {}, in pay\nE: order {} of 'Bo' can't wait {} ms"
    for n, (line, order, wait) in enumerate([(3, 17, 1.5), (4, 18, 20), (5, "0x1f", 3)]):
        events = raised("E", f"order {order} of 'Bo' can't wait {wait} ms", stack.format(line, order, wait))
        write(storage, failed(n, 1, n, events=events, version=f"v{n % 2}", name="pay"))
    write(storage, failed(9, 1, 30, events=raised("E", "order 1 of 'Bo' can't wait 2 ms", 'File "b.py"')))
    one, other = storage.reader.errors(ErrorsQuery(WINDOW, buckets=2))
    assert (one.service, one.type, one.pattern) == ("shop", "E", "order ? of ? can't wait ? ms")
    assert (one.count, one.first_ns, one.last_ns) == (3, T0, T0 + 2 * SECOND)
    assert (one.versions, one.counts_by_bucket) == (("v0", "v1"), (3, 0))
    assert (one.message, one.example_name) == ("order 0x1f of 'Bo' can't wait 3 ms", "pay")
    assert (one.example_trace_id, one.example_span_id) == (trace(2), f"{1:016x}")
    assert one.stacktrace == stack.format(5, "0x1f", 3)
    assert (other.count, other.counts_by_bucket, other.stacktrace) == (1, (0, 1), 'File "b.py"')


def test_a_failure_counts_where_it_was_raised(storage: Storage) -> None:
    write(
        storage,
        failed(1, 1, events=raised("E", "out")),
        failed(1, 2, 1, parent=1, events=raised("E", "in")),
        row(1, 3, 2, parent=2),
        failed(1, 4, 3, parent=2, service="other", error_type="500"),
    )
    variants = storage.reader.errors(ErrorsQuery(WINDOW))
    assert [(v.service, v.type, v.message) for v in variants] == [("other", "500", ""), ("shop", "E", "in")]
    assert [v.service for v in storage.reader.errors(ErrorsQuery(WINDOW, "other"))] == ["other"]


def test_a_failure_without_an_exception_is_named_by_its_status(storage: Storage) -> None:
    write(
        storage,
        failed(1, 1, status_message="no answer"),
        failed(2, 1, error_type="503"),
        row(3, 1, events=raised("Handled", "and not failed")),
        failed(4, 1, 70),
    )
    variants = storage.reader.errors(ErrorsQuery(WINDOW))
    assert {(v.type, v.message, v.count) for v in variants} == {("error", "no answer", 1), ("503", "", 1)}


def test_the_last_exception_of_a_span_is_what_it_failed_with(storage: Storage) -> None:
    both = [*jsonvalue.loads(raised("First", "1")), *jsonvalue.loads(raised("Last", "2"))]
    write(storage, failed(1, 1, events=jsonvalue.dumps([*both, {"time_ns": T0, "name": "log"}])))
    (variant,) = storage.reader.errors(ErrorsQuery(WINDOW))
    assert (variant.type, variant.message) == ("Last", "2")


def test_long_messages_and_stacks_are_cut_and_variants_bounded(storage: Storage) -> None:
    letters = [chr(ord("x") + n) * 3_000 for n in range(3)]
    write(storage, *[failed(n, 1, events=raised("E", text, text * 30)) for n, text in enumerate(letters)])
    variants = storage.reader.errors(ErrorsQuery(WINDOW, limit=2))
    assert [v.message for v in variants] == [text[:MESSAGE_KEPT] for text in letters[:2]]
    assert {len(v.stacktrace) for v in variants} == {STACK_KEPT}


def test_keys_of_attributes_are_told_with_types_rows_and_times(storage: Storage) -> None:
    said = [{"a": 1, "b": "x"}, {"a": "one"}, {"a": 2}]
    rows = [row(n, 1, n, attributes=jsonvalue.dumps(one)) for n, one in enumerate(said)]
    storage.writer.write([batch(*rows)])
    (first, *others) = storage.reader.keys(KeysQuery("span"))
    assert dataclasses.replace(first, examples=tuple(sorted(first.examples))) == (
        AttributeKey("span", "a", "int", 2, T0, T0 + 2 * SECOND, (1, 2))
    )
    assert tuple(others) == (
        AttributeKey("span", "a", "string", 1, T0 + SECOND, T0 + SECOND, ("one",)),
        AttributeKey("span", "b", "string", 1, T0, T0, ("x",)),
    )
    assert [one.key for one in storage.reader.keys(KeysQuery("resource"))] == ["service.name"]
    assert storage.reader.keys(KeysQuery("span", "B", T0 + SECOND)) == ()


def test_stats_say_what_is_held(storage: Storage) -> None:
    write(storage, row(1, 1, 5), row(1, 2, -5), row(2, 1, 7, service="b"))
    stats = dataclasses.replace(storage.reader.stats(), bytes_on_disk=0)
    assert (stats.spans, stats.services) == (3, ("b", "shop"))
    assert (stats.first_ns, stats.last_ns) == (T0 - 5 * SECOND, T0 + 7 * SECOND)
    assert storage.reader.first_ns() == stats.first_ns
