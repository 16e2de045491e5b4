"""Spans over time: by hand on both engines, and alike on spans nobody chose."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import jsonvalue
from collector.storage.base import InvalidQuery, Storage
from collector.storage.duckdb import open_storage
from collector.storage.figures import FigureLine, FigurePoint, Figures
from collector.storage.memory import MemoryStorage
from collector.storage.spanseries import SpanSeriesQuery, SpanStatistic
from collector.storage.spanset import All, Field, Filtered, Related, Spans
from tests.collector.batches import MS, SECOND, T0, batch, row
from tests.collector.storage.test_contract import storage  # noqa: F401
from tests.collector.storage.test_spanset import CONDITIONS, KEYS, MEASURED, SPANSETS, spans
from tests.spanset_contract import WINDOW, named, write

X = Field("span", "x")
DURATION = Field("intrinsic", "duration")


def values(storage: Storage, query: SpanSeriesQuery) -> dict[str, list[float]]:  # noqa: F811
    return {line.group: [p.value for p in line.points] for line in storage.reader.span_series(query).lines}


def test_spans_are_counted_where_they_start(storage: Storage) -> None:  # noqa: F811
    write(
        storage,
        row(1, 1, 0, name="a"),
        row(2, 1, 29, name="a"),
        row(3, 1, 30, name="a"),
        row(4, 1, 59, name="b"),
        row(5, 1, 60, name="a"),
        row(6, 1, -1, name="a"),
    )
    query = SpanSeriesQuery(WINDOW, named("a"), "count", buckets=2)
    points = FigurePoint(T0, 2.0), FigurePoint(T0 + 30 * SECOND, 1.0)
    assert storage.reader.span_series(query) == Figures((FigureLine("", points),))
    assert values(storage, SpanSeriesQuery(WINDOW, named("a"), "rate", buckets=2)) == {"": [2 / 30, 1 / 30]}
    assert storage.reader.span_series(SpanSeriesQuery(WINDOW, named("z"))) == Figures(())


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("sum", 10.0), ("avg", 2.5), ("min", 1.0), ("max", 4.0), ("quantile", 3.7), ("count", 6.0)],
)
def test_numbers_that_spans_say_are_measured(
    storage: Storage,  # noqa: F811
    statistic: SpanStatistic,
    expected: float,
) -> None:
    said = [1, 2.0, 3, 4, "5", None]
    write(storage, *(row(n, 1, attributes=jsonvalue.dumps({"x": v})) for n, v in enumerate(said, 1)))
    field = None if statistic == "count" else X
    query = SpanSeriesQuery(WINDOW, Spans(All()), statistic, field, 0.9, buckets=1)
    assert values(storage, query) == {"": [pytest.approx(expected)]}


def test_lines_are_what_spans_say_those_with_most_spans_first(storage: Storage) -> None:  # noqa: F811
    write(
        storage,
        row(1, 1, ms=1, kind="client", service="a", resource_id=1, attributes='{"x":1}'),
        row(2, 1, ms=3, kind="client", service="a", resource_id=1, attributes='{"x":true}'),
        row(3, 1, ms=9, kind="server", status="error", service="b", resource_id=2, attributes='{"x":"1"}'),
    )

    def by(field: Field, **more: Any) -> dict[str, list[float]]:
        return values(
            storage,
            SpanSeriesQuery(WINDOW, statistic="max", field=DURATION, by=field, buckets=1, **more),
        )

    assert by(Field("resource", "service.name")) == {"a": [3 * MS], "b": [9 * MS]}
    assert by(X) == {"1": [9 * MS], "true": [3 * MS]}
    assert by(Field("intrinsic", "kind")) == {"client": [3 * MS], "server": [9 * MS]}
    assert by(Field("intrinsic", "status")) == {"unset": [3 * MS], "error": [9 * MS]}
    assert by(Field("any", "nothing")) == {"": [9 * MS]}
    query = SpanSeriesQuery(WINDOW, by=Field("resource", "service.name"), groups=1)
    assert storage.reader.span_series(query).left_out == 1


def test_what_stands_above_may_have_begun_earlier(storage: Storage) -> None:  # noqa: F811
    write(storage, row(1, 1, -5, name="a"), row(1, 2, 5, parent=1, name="b"))
    below = Related("descendant", named("a"), named("b"))
    assert values(storage, SpanSeriesQuery(WINDOW, below, "count", buckets=1)) == {"": [1.0]}


def test_spans_of_traces_that_have_many_of_them(storage: Storage) -> None:  # noqa: F811
    write(storage, *(row(1, n, name="a") for n in (1, 2, 3)), row(2, 1, name="a"))
    often = Filtered(named("a"), "count", None, ">", 2)
    assert values(storage, SpanSeriesQuery(WINDOW, often, "count", buckets=1)) == {"": [3.0]}


@pytest.mark.parametrize(
    "asked",
    [{"statistic": "avg"}, {"statistic": "rate", "field": X}, {"by": DURATION},
     {"statistic": "max", "field": Field("resource", "x")},
     {"statistic": "quantile", "field": X, "quantile": 2}],
)  # fmt: skip
def test_what_makes_no_sense_cannot_be_drawn(asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        SpanSeriesQuery(WINDOW, **asked)


GROUPED = st.none() | st.sampled_from([Field("intrinsic", "name"), Field("intrinsic", "kind")]) | st.builds(
    Field, st.sampled_from(["span", "resource", "any"]), KEYS
)  # fmt: skip
STATISTICS = st.tuples(st.sampled_from(["count", "rate"]), st.none()) | st.tuples(
    st.sampled_from(["sum", "avg", "min", "max", "quantile"]), MEASURED
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(spans(), max_size=12),
    st.lists(st.tuples(SPANSETS | st.builds(Spans, CONDITIONS), STATISTICS, GROUPED), min_size=1, max_size=6),
)
def test_engines_agree_on_spans_over_time(rows: list[dict[str, Any]], asked: list[Any]) -> None:
    memory = MemoryStorage()
    with tempfile.TemporaryDirectory() as folder:
        duckdb = open_storage(Path(folder))
        try:
            for engine in (memory, duckdb):
                engine.writer.write([batch(*rows)])  # type: ignore[attr-defined]
            for spanset, (statistic, field), by in asked:
                query = SpanSeriesQuery(WINDOW, spanset, statistic, field, 0.7, by, 7, 3)
                theirs, ours = duckdb.reader.span_series(query), memory.reader.span_series(query)
                assert theirs.left_out == ours.left_out
                assert [_rounded(line) for line in theirs.lines] == [_rounded(line) for line in ours.lines]
        finally:
            duckdb.close()


def _rounded(line: FigureLine) -> tuple[str, list[tuple[int, float]]]:
    return line.group, [(point.start_ns, pytest.approx(point.value)) for point in line.points]
