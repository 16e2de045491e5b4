"""Logs in both engines: what a query means, with expectations worked out by hand."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.storage.base import InvalidQuery, Storage, Window, WriteResult
from collector.storage.digests import REMEMBERED_NS
from collector.storage.duckdb import open_storage
from collector.storage.logs import LogBucket, LogSeriesQuery, LogsQuery
from collector.storage.memory import MemoryStorage
from tests.collector.batches import SECOND, T0, batch, row
from tests.collector.signals import logs, record

WINDOW = Window(T0, T0 + 60 * SECOND)
TRACE, SPAN = "0a" * 16, "0b" * 8


@pytest.fixture(params=["memory", "duckdb"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    engine: Storage = MemoryStorage() if request.param == "memory" else open_storage(tmp_path)
    with contextlib.closing(engine):
        yield engine


def found(storage: Storage, **filters: object) -> list[str]:
    """Bodies of the records that match, oldest first."""
    query = LogsQuery(WINDOW, order="oldest", **filters)  # type: ignore[arg-type]
    return [str(record.body) for record in storage.logs.search(query).records]


def test_a_record_comes_back_as_it_was_sent(storage: Storage) -> None:
    sent = record(
        1.5, "größe \x00 💥", 17, severity_text="Error", event_name="e", flags=257,
        trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN), dropped_attributes_count=3,
        observed_time_unix_nano=7, attributes={"a": 1, "b": 1.0, "c": True, "d": "x"},
    )  # fmt: skip
    storage.writer.write([logs(sent, received_ns=T0 + 5)])
    ((got,),) = [storage.logs.search(LogsQuery(WINDOW)).records]
    assert (got.time_ns, got.sent_time_ns, got.observed_ns, got.received_ns) == (
        T0 + 3 * SECOND // 2,
        T0 + 3 * SECOND // 2,
        7,
        T0 + 5,
    )
    assert (got.body, got.severity, got.severity_name, got.severity_text) == (
        "größe \x00 💥",
        17,
        "ERROR",
        "Error",
    )
    assert (got.trace_id, got.span_id, got.flags, got.event_name) == (TRACE, SPAN, 257, "e")
    assert got.attributes == {"a": 1, "b": 1.0, "c": True, "d": "x"}
    assert isinstance(got.attributes["b"], float) and got.attributes["c"] is True
    assert (got.service, got.scope, got.resource["host.name"]) == ("shop", "lib", "shop-1")
    assert got.dropped_attributes_count == 3


def test_a_record_without_a_time_happened_when_it_was_observed_else_received(storage: Storage) -> None:
    observed, nothing = record(0, "observed"), record(0, "nothing")
    observed.time_unix_nano, observed.observed_time_unix_nano = 0, T0 + SECOND
    nothing.time_unix_nano = 0
    storage.writer.write([logs(observed, nothing, received_ns=T0 + 2 * SECOND)])
    times = {str(r.body): r.time_ns for r in storage.logs.search(LogsQuery(WINDOW)).records}
    assert times == {"observed": T0 + SECOND, "nothing": T0 + 2 * SECOND}


def test_records_belong_to_a_trace_with_or_without_a_span(storage: Storage) -> None:
    ids = {"trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN)}
    of_trace = {"trace_id": bytes.fromhex(TRACE)}
    storage.writer.write([logs(record(2, "b", **ids), record(1, "a", **of_trace), record(3, "none"))])
    assert [r.body for r in storage.logs.of_trace(TRACE)] == ["a", "b"]
    assert storage.logs.of_trace("f" * 32) == ()
    assert found(storage, trace_id=TRACE) == ["a", "b"]
    assert found(storage, span_id=SPAN) == ["b"]


def test_every_filter_narrows(storage: Storage) -> None:
    storage.writer.write(
        [
            logs(record(1, "Hello World", 5), record(2, 'say "hi"\n', 9, attributes={"user": "ann"})),
            logs(record(3, "hello 100%", 17, attributes={"n": 7, "ok": True}), service="pay", scope="other"),
            logs(record(99, "outside")),
        ]
    )
    assert found(storage) == ["Hello World", 'say "hi"\n', "hello 100%"]
    assert found(storage, service="pay") == found(storage, scope="other") == ["hello 100%"]
    assert found(storage, min_severity=9) == ['say "hi"\n', "hello 100%"]
    assert found(storage, text="HELLO") == ["Hello World", "hello 100%"]
    assert found(storage, text="hello %") == found(storage, text="100%") == ["hello 100%"]
    assert found(storage, text='"hi"') == found(storage, text="ANN") == ['say "hi"\n']
    assert found(storage, attributes=(("user", "ann"),)) == ['say "hi"\n']
    assert found(storage, attributes=(("n", "7"), ("ok", "true"))) == ["hello 100%"]
    assert found(storage, attributes=(("n", "8"),)) == found(storage, attributes=(("m", ""),)) == []
    assert found(storage, attributes=(("resource.host.name", "pay-1"),)) == ["hello 100%"]


@pytest.mark.parametrize("key", ["a/b", "a~b", 'a"b', "a.b", "$.a", "ü"])
def test_any_key_can_be_asked_for(storage: Storage, key: str) -> None:
    storage.writer.write([logs(record(1, "it", attributes={key: "v"}), record(2, "not"))])
    assert found(storage, attributes=((key, "v"),)) == ["it"]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_neither_repeat_nor_skip_records_of_one_moment(storage: Storage, order: str) -> None:
    storage.writer.write([logs(*(record(n // 4, str(n)) for n in range(20)))])
    query = LogsQuery(WINDOW, order=order, limit=3)  # type: ignore[arg-type]
    page = storage.logs.search(query)
    records = list(page.records)
    while page.next_cursor:
        page = storage.logs.search(dataclasses.replace(query, cursor=page.next_cursor))
        records += page.records
    assert sorted(int(r.body) for r in records) == list(range(20))
    assert [r.time_ns for r in records] == sorted((r.time_ns for r in records), reverse=order == "newest")


def test_a_cursor_of_another_order_or_altered_is_refused(storage: Storage) -> None:
    storage.writer.write([logs(record(1, "a"), record(2, "b"))])
    cursor = storage.logs.search(LogsQuery(WINDOW, limit=1)).next_cursor
    for query in (LogsQuery(WINDOW, order="oldest", cursor=cursor), LogsQuery(WINDOW, cursor="x" + cursor)):
        with pytest.raises(InvalidQuery):
            storage.logs.search(query)


@pytest.mark.parametrize("filters", [{"trace_id": "x"}, {"span_id": "0" * 15}])
def test_ids_that_are_none_are_refused(storage: Storage, filters: dict[str, str]) -> None:
    with pytest.raises(InvalidQuery):
        storage.logs.search(LogsQuery(WINDOW, **filters))  # type: ignore[arg-type]


def test_the_histogram_counts_by_range_of_severity(storage: Storage) -> None:
    severities = (0, 1, 4, 9, 12, 24)
    storage.writer.write([logs(*(record(1, str(s), s) for s in severities), record(31, "late", 17))])
    assert storage.logs.histogram(LogsQuery(WINDOW), 2) == (
        LogBucket(T0, "FATAL", 1),
        LogBucket(T0, "INFO", 2),
        LogBucket(T0, "TRACE", 2),
        LogBucket(T0, "UNSPECIFIED", 1),
        LogBucket(T0 + 30 * SECOND, "ERROR", 1),
    )


def test_facets_say_what_to_filter_by_next(storage: Storage) -> None:
    storage.writer.write(
        [logs(record(1, "a"), record(2, "b", 17)), logs(record(3, "c"), service="pay", scope="")]
    )
    facets = storage.logs.facets(LogsQuery(WINDOW))
    assert facets.total == 3
    assert facets.services == (("shop", 2), ("pay", 1))
    assert facets.severities == (("INFO", 2), ("ERROR", 1))
    assert facets.scopes == (("lib", 2), ("", 1))
    assert storage.logs.facets(LogsQuery(WINDOW, service="none")).total == 0


def test_a_payload_that_comes_twice_counts_once(storage: Storage) -> None:
    first = logs(record(1, "a"), record(2, "b"))
    assert storage.writer.write([first, first]) == WriteResult(2, 2)
    assert storage.writer.write([first, logs(record(1, "a"))]) == WriteResult(1, 2)
    later = logs(record(1, "a"), record(2, "b"), received_ns=T0 + 2 * REMEMBERED_NS)
    assert storage.writer.write([later]) == WriteResult(2, 0)


def test_a_payload_is_remembered_across_a_restart(tmp_path: Path) -> None:
    for expected in (WriteResult(2, 0), WriteResult(0, 2)):
        with contextlib.closing(open_storage(tmp_path)) as storage:
            assert storage.writer.write([logs(record(1, "a"), record(2, "b"))]) == expected
            assert [r.body for r in storage.logs.search(LogsQuery(WINDOW)).records] == ["b", "a"]


def test_digests_of_long_ago_are_deleted(tmp_path: Path) -> None:
    with contextlib.closing(open_storage(tmp_path)) as storage:
        for n in range(4):
            storage.writer.write([logs(record(1, str(n)), received_ns=T0 + n * REMEMBERED_NS)])
        storage.writer.write([logs(record(1, "end"), received_ns=T0 + 4 * REMEMBERED_NS)])
        rows = storage.writer._database.rows("payload_digests", {"signal": "logs"})
    assert len(rows) <= 3


def test_signals_are_stored_together_and_queries_see_all_days(tmp_path: Path) -> None:
    now = [T0]
    with contextlib.closing(open_storage(tmp_path, clock=lambda: now[0])) as storage:
        assert storage.writer.write([logs(record(1, "a")), batch(row(1, 1))]) == WriteResult(2, 0)
        now[0] += 86_400 * SECOND
        storage.writer.write([logs(record(2, "b")), logs(record(3, "c"))])
        assert len(list(tmp_path.glob("*.duckdb"))) == 2
        assert found(storage) == ["a", "b", "c"]
        assert storage.logs.facets(LogsQuery(WINDOW)).total == 3
        assert len(storage.reader.trace(f"{1:032x}")) == 1


def figures(storage: Storage, statistic: str, field: str = "", by: str = "", **more: object) -> Lines:
    """The values of each line."""
    query = LogSeriesQuery(LogsQuery(WINDOW), statistic, field, by=by, buckets=2, **more)  # type: ignore[arg-type]
    return {line.group: [p.value for p in line.points] for line in storage.logs.series(query).lines}


Lines = dict[str, list[float]]


def test_numbers_that_records_say_are_measured_over_time(storage: Storage) -> None:
    said: list[object] = [1, 2.0, 4, "8", True, float("nan")]
    storage.writer.write([logs(*(record(n, "x", attributes={"ms": value}) for n, value in enumerate(said)))])
    storage.writer.write([logs(record(31, {"ms": 50, "way": "a"}, attributes={"ms": 9}))])
    for statistic, first, second in (
        ("sum", 7, 9), ("avg", 7 / 3, 9), ("min", 1, 9), ("max", 4, 9), ("quantile", 3.0, 9),
    ):  # fmt: skip
        assert figures(storage, statistic, "ms", quantile=0.75) == {"": [pytest.approx(first), second]}
    assert figures(storage, "count") == {"": [6, 1]}
    assert figures(storage, "max", "body.ms") == {"": [50]}
    assert figures(storage, "max", "none") == {}


def test_records_are_told_apart_by_what_they_say(storage: Storage) -> None:
    storage.writer.write(
        [
            logs(
                record(1, "a", 17, attributes={"n": 1, "route": "/a"}),
                record(2, "b", 9, attributes={"n": 2, "route": "/a"}),
                record(3, {"user": 1}, 9, attributes={"n": 3, "route": 5}),
            )
        ]
    )
    assert figures(storage, "count", by="route") == {"/a": [2], "5": [1]}
    assert figures(storage, "sum", "n", by="level") == {"INFO": [5], "ERROR": [1]}
    assert figures(storage, "sum", "n", by="service") == {"shop": [6]}
    assert figures(storage, "count", by="body.user") == {"": [2], "1": [1]}
    two = LogSeriesQuery(LogsQuery(WINDOW), by="route", groups=1)
    assert storage.logs.series(two).left_out == 1


@pytest.mark.parametrize(
    ("statistic", "field", "quantile"), [("count", "x", 1), ("sum", "", 1), ("quantile", "x", 2)]
)
def test_figures_that_make_no_sense_are_refused(statistic: str, field: str, quantile: float) -> None:
    with pytest.raises(InvalidQuery):
        LogSeriesQuery(LogsQuery(WINDOW), statistic, field, quantile)  # type: ignore[arg-type]
