"""Metrics in both engines: what a statistic means, with expectations worked out by hand."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.model_metrics import MetricType, Temporality
from collector.storage.base import InvalidQuery, Storage, Window, WriteResult
from collector.storage.duckdb import open_storage
from collector.storage.memory import MemoryStorage
from collector.storage.metrics import (
    STATISTICS,
    MetricSelector,
    MetricsQuery,
    PointsQuery,
    RangeQuery,
    RangeResult,
    SpreadQuery,
    Statistic,
)
from tests.collector.batches import SECOND, T0
from tests.collector.signals import (
    CUMULATIVE,
    DELTA,
    counter,
    exponential,
    gauge,
    histogram,
    metrics,
    summary,
)

WINDOW = Window(T0, T0 + 60 * SECOND)


@pytest.fixture(params=["memory", "duckdb"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    engine: Storage = MemoryStorage() if request.param == "memory" else open_storage(tmp_path)
    with contextlib.closing(engine):
        yield engine


def ranged(
    storage: Storage, name: str, kind: MetricType, statistic: Statistic, buckets: int = 2, **options: Any
) -> dict[str, list[float | None]]:
    """The lines by group, None for buckets without a value."""
    chosen = {key: options.pop(key) for key in ("service", "where", "unit") if key in options}
    selector = MetricSelector(WINDOW, name, kind, **chosen)
    result = storage.metrics.range(RangeQuery(selector, statistic, buckets=buckets, **options))
    width = 60 * SECOND // buckets
    found: dict[str, list[float | None]] = {}
    for line in result.lines:
        values = {(point.start_ns - T0) // width: point.value for point in line.points}
        found[line.group] = [values.get(i) for i in range(buckets)]
    return found


def value(number: float, **attributes: Any) -> dict[str, Any]:
    return {"as_double": float(number), "attributes": attributes}


# ---------------------------------------------------------------- gauges and sums


def test_a_gauge_has_a_last_value_a_mean_and_extremes(storage: Storage) -> None:
    points = [(1, value(4, pool="a")), (2, value(8, pool="a")), (3, value(1, pool="b")), (40, value(5))]
    storage.writer.write([metrics(gauge("memory", *points, unit="By"))])
    kind = MetricType.GAUGE
    assert ranged(storage, "memory", kind, "last") == {"": [(8 + 1) / 2, 5]}
    assert ranged(storage, "memory", kind, "avg") == {"": [(4 + 8 + 1) / 3, 5]}
    assert ranged(storage, "memory", kind, "min") == {"": [1, 5]}
    assert ranged(storage, "memory", kind, "max") == {"": [8, 5]}
    by_pool = ranged(storage, "memory", kind, "last", group_by="pool")
    assert by_pool == {"a": [8, None], "": [None, 5], "b": [1, None]}
    assert ranged(storage, "memory", kind, "max", where=(("pool", "b"),)) == {"": [1, None]}


def test_values_that_are_none_or_not_finite_do_not_count(storage: Storage) -> None:
    gone = {"flags": 1, "attributes": {}}
    points = [(1, value(2)), (2, value(math.nan)), (3, value(math.inf)), (4, gone), (5, {"attributes": {}})]
    storage.writer.write([metrics(gauge("g", *points))])
    assert ranged(storage, "g", MetricType.GAUGE, "avg") == {"": [2, None]}


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_a_rate_is_the_same_for_deltas_and_totals(storage: Storage, temporality: int) -> None:
    deltas = [(10, 3), (20, 0), (30, 4), (40, 5)]
    totals = [(at, sum(n for when, n in deltas if when <= at)) for at, _ in deltas]
    sent = deltas if temporality == DELTA else totals
    points = [(at, {"as_int": n, "attributes": {}}) for at, n in sent]
    storage.writer.write([metrics(counter("calls", *points, temporality=temporality))])
    assert ranged(storage, "calls", MetricType.SUM, "increase") == {"": [3, 9]}
    assert ranged(storage, "calls", MetricType.SUM, "rate") == {"": [3 / 30, 9 / 30]}


def test_a_total_that_falls_or_begins_anew_counts_from_zero(storage: Storage) -> None:
    fell = counter("fell", (1, value(10)), (2, value(4)), (3, value(6)), temporality=CUMULATIVE)
    again = counter("again", (4, value(7)), temporality=CUMULATIVE)
    anew = counter("again", (5, value(9)), temporality=CUMULATIVE, start=4.5)
    storage.writer.write([metrics(fell, again, anew)])
    assert ranged(storage, "fell", MetricType.SUM, "increase") == {"": [10 + 4 + 2, None]}
    assert ranged(storage, "again", MetricType.SUM, "increase") == {"": [7 + 9, None]}


def test_a_level_that_may_fall_is_no_reset(storage: Storage) -> None:
    points = [(1, value(10)), (2, value(4))]
    storage.writer.write([metrics(counter("open", *points, temporality=CUMULATIVE, monotonic=False))])
    assert ranged(storage, "open", MetricType.SUM, "increase") == {"": [4, None]}
    assert ranged(storage, "open", MetricType.SUM, "last") == {"": [4, None]}


def test_growth_before_the_window_counts_only_as_a_beginning(storage: Storage) -> None:
    old = {"start": -86_400.0, "temporality": CUMULATIVE}
    seen = counter("seen", (-30, value(100)), (10, value(103)), **old)
    unseen = counter("unseen", (10, value(103)), (20, value(104)), **old)
    long_ago = counter("long_ago", (-1000, value(100)), (10, value(103)), **old)
    storage.writer.write([metrics(seen, unseen, long_ago)])
    assert ranged(storage, "seen", MetricType.SUM, "increase") == {"": [3, None]}
    assert ranged(storage, "unseen", MetricType.SUM, "increase") == {"": [1, None]}
    assert ranged(storage, "long_ago", MetricType.SUM, "increase") == {}


def test_lines_with_most_points_come_first_and_the_rest_is_counted(storage: Storage) -> None:
    points = [(n, value(n, of=str(n % 3 * (n % 2)))) for n in range(12)]
    storage.writer.write([metrics(gauge("g", *points))])
    query = RangeQuery(MetricSelector(WINDOW, "g", MetricType.GAUGE), "max", group_by="of", groups=2)
    result = storage.metrics.range(query)
    assert [line.group for line in result.lines] == ["0", "1"] and result.left_out == 1


def test_services_are_kept_apart_and_may_be_lines(storage: Storage) -> None:
    storage.writer.write(
        [metrics(gauge("g", (1, value(1)))), metrics(gauge("g", (1, value(2))), service="pay")]
    )
    kind = MetricType.GAUGE
    assert ranged(storage, "g", kind, "last", group_by="service.name") == {
        "pay": [2, None],
        "shop": [1, None],
    }
    assert ranged(storage, "g", kind, "last", service="pay") == {"": [2, None]}


# ---------------------------------------------------------------- histograms


def buckets(counts: list[int], bounds: list[float], **fields: Any) -> dict[str, Any]:
    return {
        "explicit_bounds": bounds,
        "bucket_counts": counts,
        "count": sum(counts),
        "sum": float(sum(counts)),
        **fields,
    }


def test_a_quantile_lies_in_its_bucket_and_says_which(storage: Storage) -> None:
    point = buckets([10, 80, 10], [1.0, 2.0], min=0.5, max=9.0)
    storage.writer.write([metrics(histogram("d", (1, point), temporality=DELTA))])
    selector = MetricSelector(WINDOW, "d", MetricType.HISTOGRAM)
    for q, expected in ((0.5, (1.5, 1.0, 2.0)), (0.05, (0.5, 0.0, 1.0)), (0.95, (2.0, 2.0, math.inf))):
        ((line,),) = [storage.metrics.range(RangeQuery(selector, "quantile", q, buckets=1)).lines]
        (got,) = line.points
        assert (got.value, got.low, got.high) == expected
    kind = MetricType.HISTOGRAM
    assert ranged(storage, "d", kind, "increase") == {"": [100, None]}
    assert ranged(storage, "d", kind, "avg") == {"": [1, None]}
    assert ranged(storage, "d", kind, "min") == {"": [0.5, None]}
    assert ranged(storage, "d", kind, "max") == {"": [9, None]}


def test_histograms_merge_over_the_bounds_they_share(storage: Storage) -> None:
    fine, coarse = buckets([1, 1, 1, 1], [1.0, 2.0, 4.0]), buckets([0, 4], [2.0])
    storage.writer.write(
        [
            metrics(
                histogram("d", (1, fine), temporality=DELTA), histogram("d", (2, coarse), temporality=DELTA)
            )
        ]
    )
    # Shared: 2.0. Of eight values two lie below, six above.
    assert ranged(storage, "d", MetricType.HISTOGRAM, "quantile", quantile=0.125) == {"": [1.0, None]}
    assert ranged(storage, "d", MetricType.HISTOGRAM, "quantile", quantile=0.5) == {"": [2.0, None]}


def test_totals_of_histograms_are_told_apart_by_their_growth(storage: Storage) -> None:
    first, second = buckets([5, 0, 0], [1.0, 2.0]), buckets([5, 4, 0], [1.0, 2.0])
    storage.writer.write([metrics(histogram("d", (1, first), (40, second), temporality=CUMULATIVE))])
    assert ranged(storage, "d", MetricType.HISTOGRAM, "increase") == {"": [5, 4]}
    assert ranged(storage, "d", MetricType.HISTOGRAM, "quantile", quantile=1.0) == {"": [1.0, 2.0]}


def exponential_point(scale: int, offset: int, counts: list[int], **fields: Any) -> dict[str, Any]:
    positive = {"offset": offset, "bucket_counts": counts}
    total = sum(counts) + fields.get("zero_count", 0)
    return {"scale": scale, "positive": positive, "count": total, "sum": 1.0, **fields}


def test_exponential_histograms_merge_at_the_lowest_scale(storage: Storage) -> None:
    # Scale 1: base sqrt 2, so indices 4 and 5 are (4, 4·sqrt 2] and (4·sqrt 2, 8]. At scale 0, 2 is (4, 8].
    fine, coarse = exponential_point(1, 4, [1, 1]), exponential_point(0, 2, [2])
    storage.writer.write(
        [
            metrics(
                exponential("d", (1, fine), temporality=DELTA),
                exponential("d", (2, coarse), temporality=DELTA),
            )
        ]
    )
    selector = MetricSelector(WINDOW, "d", MetricType.EXPONENTIAL_HISTOGRAM)
    ((line,),) = [storage.metrics.range(RangeQuery(selector, "quantile", 0.5, buckets=1)).lines]
    (got,) = line.points
    assert (got.low, got.high) == (4.0, 8.0)
    assert got.value == pytest.approx(4 * math.sqrt(2))


def test_zeros_and_negative_values_have_their_place(storage: Storage) -> None:
    point = exponential_point(0, 0, [2], zero_count=2, negative={"offset": 1, "bucket_counts": [2]})
    storage.writer.write([metrics(exponential("d", (1, point | {"count": 6}), temporality=DELTA))])
    kind = MetricType.EXPONENTIAL_HISTOGRAM
    for q, expected in ((1 / 3, -2.0), (0.5, 0.0), (1.0, 2.0)):
        assert ranged(storage, "d", kind, "quantile", quantile=q)[""][0] == pytest.approx(expected)


def test_a_scale_that_changed_within_a_series_is_still_growth(storage: Storage) -> None:
    first, second = exponential_point(1, 4, [1, 1]), exponential_point(0, 2, [5])
    storage.writer.write([metrics(exponential("d", (1, first), (40, second), temporality=CUMULATIVE))])
    kind = MetricType.EXPONENTIAL_HISTOGRAM
    assert ranged(storage, "d", kind, "increase") == {"": [2, 3]}
    assert ranged(storage, "d", kind, "quantile", quantile=1.0)[""][1] == pytest.approx(8.0)


def spread(storage: Storage, kind: MetricType, rows: int = 24) -> list[tuple[int, float, float, int]]:
    """(part of two, low, high, count)"""
    query = SpreadQuery(MetricSelector(WINDOW, "d", kind), 2, rows)
    half = (WINDOW.end_ns - WINDOW.start_ns) // 2
    cells = storage.metrics.spread(query)
    return [((cell.start_ns - WINDOW.start_ns) // half, cell.low, cell.high, cell.count) for cell in cells]


def test_measurements_spread_over_bounds_that_hold_in_all_parts(storage: Storage) -> None:
    fine, coarse = buckets([1, 2, 3, 4], [1.0, 2.0, 4.0]), buckets([5, 6], [2.0])
    points = [histogram("d", (1, fine), temporality=DELTA), histogram("d", (40, coarse), temporality=DELTA)]
    storage.writer.write([metrics(*points)])
    assert spread(storage, MetricType.HISTOGRAM) == [
        (0, 0.0, 2.0, 3), (0, 2.0, math.inf, 7), (1, 0.0, 2.0, 5), (1, 2.0, math.inf, 6),
    ]  # fmt: skip


def test_exponential_buckets_are_joined_until_they_are_few(storage: Storage) -> None:
    first, second = exponential_point(1, 0, [1, 1]), exponential_point(0, 3, [7], zero_count=2)
    points = [
        exponential("d", (1, first), temporality=DELTA),
        exponential("d", (40, second), temporality=DELTA),
    ]
    storage.writer.write([metrics(*points)])
    kind = MetricType.EXPONENTIAL_HISTOGRAM
    assert spread(storage, kind) == [(0, 1.0, 2.0, 2), (1, 0.0, 0.0, 2), (1, 8.0, 16.0, 7)]
    assert spread(storage, kind, rows=2) == [(0, 1.0, 4.0, 2), (1, 0.0, 0.0, 2), (1, 4.0, 16.0, 7)]


def test_only_histograms_spread() -> None:
    with pytest.raises(InvalidQuery):
        SpreadQuery(MetricSelector(WINDOW, "d", MetricType.SUM))


def test_quantiles_of_summaries_are_those_that_were_sent(storage: Storage) -> None:
    def point(**of: float) -> dict[str, Any]:
        values = [{"quantile": float(q.replace("_", ".")), "value": v} for q, v in of.items()]
        return {"count": 2, "sum": 3.0, "quantile_values": values}

    first = point(**{"0_5": 1.0, "0_99": 9.0})
    storage.writer.write([metrics(summary("d", (1, first), (2, point(**{"0_5": 2.0})), (40, point())))])
    kind = MetricType.SUMMARY
    assert ranged(storage, "d", kind, "quantile", quantile=0.5) == {"": [2.0, None]}
    assert ranged(storage, "d", kind, "quantile", quantile=0.99) == {"": [9.0, None]}
    assert ranged(storage, "d", kind, "quantile", quantile=0.9) == {}


# ---------------------------------------------------------------- the rest


def test_the_catalogue_tells_what_is_measured_and_by_whom(storage: Storage) -> None:
    storage.writer.write(
        [
            metrics(gauge("g", (1, value(1, a="x")), (2, value(1, a="y")), unit="By", description="Heap")),
            metrics(gauge("g", (3, value(1)), unit="By"), service="pay"),
            metrics(counter("c", (99, value(1)), temporality=DELTA)),
        ]
    )
    (found,) = storage.metrics.catalogue(MetricsQuery(WINDOW))
    assert (found.name, found.type, found.unit, found.description) == ("g", MetricType.GAUGE, "By", "Heap")
    assert (found.temporality, found.monotonic) == (Temporality.UNSPECIFIED, False)
    assert (found.services, found.series, found.points) == (("pay", "shop"), 3, 3)
    assert found.last_ns == T0 + 3 * SECOND
    assert storage.metrics.catalogue(MetricsQuery(WINDOW, text="HEAP"))[0].services == ("shop",)
    assert storage.metrics.catalogue(MetricsQuery(WINDOW, service="none")) == ()


def test_series_keys_and_exemplars_of_a_metric(storage: Storage) -> None:
    exemplar = {"time_unix_nano": T0, "as_int": 7, "trace_id": b"\x01" * 16, "span_id": b"\x02" * 8}
    point = value(1, route="/a") | {"exemplars": [exemplar]}
    storage.writer.write([metrics(gauge("g", (1, point), (2, value(2, route="/a")), (3, value(1, code=5))))])
    selector = MetricSelector(WINDOW, "g", MetricType.GAUGE)
    assert [(s.attributes, s.points) for s in storage.metrics.series(selector)] == [
        ({"route": "/a"}, 2),
        ({"code": 5}, 1),
    ]
    assert storage.metrics.attribute_keys(selector) == ("code", "route")
    (found,) = storage.metrics.exemplars(selector)
    assert (found.attributes, found.exemplar.value) == ({"route": "/a"}, 7)
    assert (found.exemplar.trace_id, found.exemplar.span_id) == ("01" * 16, "02" * 8)


def test_pages_of_points_neither_repeat_nor_skip(storage: Storage) -> None:
    points = [(n // 3, value(n, n=n)) for n in range(20)]
    storage.writer.write([metrics(gauge("g", *points))])
    query = PointsQuery(WINDOW, name="g", limit=3)
    page = storage.metrics.points(query)
    found = list(page.points)
    while page.next_cursor:
        page = storage.metrics.points(dataclasses.replace(query, cursor=page.next_cursor))
        found += page.points
    assert sorted(point.row["value"] for point in found) == list(range(20))
    assert storage.metrics.points(PointsQuery(WINDOW, service="none")).points == ()


def test_a_payload_of_metrics_that_comes_twice_counts_once(storage: Storage) -> None:
    sent = metrics(gauge("g", (1, value(1)), (2, value(1))))
    assert storage.writer.write([sent]) == WriteResult(2, 0)
    assert storage.writer.write([sent, sent]) == WriteResult(0, 4)


def test_what_a_type_does_not_have_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidQuery, match="a gauge has no rate"):
        RangeQuery(MetricSelector(WINDOW, "g", MetricType.GAUGE), "rate")
    with pytest.raises(InvalidQuery, match="between 0 and 1"):
        RangeQuery(MetricSelector(WINDOW, "g", MetricType.HISTOGRAM), "quantile", 1.5)


def test_descriptions_and_series_are_stored_once_a_file_whoever_writes(tmp_path: Path) -> None:
    now = [T0]
    for n in range(3):  # the second time after a restart, the third time on another day
        now[0] += (n == 2) * 86_400 * SECOND
        with contextlib.closing(open_storage(tmp_path, clock=lambda: now[0])) as storage:
            storage.writer.write([metrics(gauge("g", (n, value(n, a="x"))))])
            newest = storage.writer._database.writer
            rows = newest.execute("SELECT count(*) FROM metric_series").fetchall()
            assert rows == [(1,)]
            selector = MetricSelector(WINDOW, "g", MetricType.GAUGE)
            assert [s.points for s in storage.metrics.series(selector)] == [n + 1]


# ---------------------------------------------------------------- nobody chose these

NUMBERS = st.one_of(st.integers(0, 9).map(float), st.sampled_from([-1.5, 1e300, math.nan]))
COUNTS = st.lists(st.integers(0, 5), min_size=3, max_size=3)
QUANTILES = st.sampled_from([0.0, 0.5, 0.9])
GROUPS = st.sampled_from(["a", "b"])


@st.composite
def traffic(draw: st.DrawFn) -> list[Any]:
    made = []
    for kind in ("gauge", "sum", "histogram", "exponential"):
        times = sorted(draw(st.sets(st.integers(-1000, 70), max_size=6)))
        temporality = draw(st.sampled_from([DELTA, CUMULATIVE]))
        start = {"start": draw(st.sampled_from([-5000.0, -10.0, 0.0])), "temporality": temporality}
        of = [{"g": draw(GROUPS)} for _ in times]
        match kind:
            case "gauge":
                points = [(at, value(draw(NUMBERS), **a)) for at, a in zip(times, of)]
                made.append(gauge(kind, *points))
            case "sum":
                points = [(at, value(draw(NUMBERS), **a)) for at, a in zip(times, of)]
                made.append(counter(kind, *points, monotonic=draw(st.booleans()), **start))
            case "histogram":
                bounds = draw(st.sampled_from([[1.0, 2.0], [2.0, 3.0]]))
                points = [(at, buckets(draw(COUNTS), bounds) | {"attributes": a}) for at, a in zip(times, of)]
                made.append(histogram(kind, *points, **start))
            case "exponential":
                points = []
                for at, a in zip(times, of):
                    scale, offset = draw(st.integers(-1, 2)), draw(st.integers(-5, 5))
                    zeros = {"zero_count": draw(st.integers(0, 2)), "attributes": a}
                    points.append((at, exponential_point(scale, offset, draw(COUNTS), **zeros)))
                made.append(exponential(kind, *points, **start))
    return made


def assert_alike(one: RangeResult, other: RangeResult, query: RangeQuery) -> None:
    assert [line.group for line in one.lines] == [line.group for line in other.lines], query
    assert one.left_out == other.left_out
    for mine, others in zip(one.lines, other.lines):
        assert [point.start_ns for point in mine.points] == [point.start_ns for point in others.points], query
        for left, right in zip(mine.points, others.points):
            assert left.value == pytest.approx(right.value, rel=1e-9), query
            assert (left.low, left.high) == (right.low, right.high), query


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(traffic(), min_size=1, max_size=2), GROUPS, st.integers(1, 4), st.sampled_from([0.0, 0.5, 0.9])
)
def test_duckdb_measures_as_the_reference_engine_does(
    requests: list[list[Any]], group: str, parts: int, q: float
) -> None:
    memory = MemoryStorage()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(open_storage(Path(folder))) as duck,
    ):
        for n, request in enumerate(requests):
            sent = metrics(*request, service=f"s{n}")
            assert duck.writer.write([sent]) == memory.writer.write([sent])
        assert duck.metrics.catalogue(MetricsQuery(WINDOW)) == memory.metrics.catalogue(MetricsQuery(WINDOW))
        for kind, name in zip(MetricType, ("gauge", "sum", "histogram", "exponential")):
            for statistic in STATISTICS[kind]:
                selector = MetricSelector(WINDOW, name, kind, where=(("g", group),) if parts % 2 else ())
                query = RangeQuery(selector, statistic, q, group_by="g", buckets=parts)
                assert_alike(duck.metrics.range(query), memory.metrics.range(query), query)
                if statistic == "quantile":
                    spread = SpreadQuery(selector, parts, 3)
                    assert duck.metrics.spread(spread) == memory.metrics.spread(spread)
                assert duck.metrics.series(selector) == memory.metrics.series(selector)
