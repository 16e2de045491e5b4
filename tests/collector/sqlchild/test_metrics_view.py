"""The view of metrics says what each type of metric says, and leaves the rest null."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from collector.sqlchild import ChildRunner
from collector.storage.duckdb import open_storage
from tests.collector.sqlchild.conftest import HOUR, SMALL
from tests.dashboards.metrictraffic import EXEMPLAR_TRACE, batch

Rows = Callable[[str], tuple[tuple[Any, ...], ...]]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """Three series of each metric of metrictraffic, a point in each of the last three minutes."""
    folder = tmp_path_factory.mktemp("metrics")
    with closing(open_storage(folder)) as storage:
        storage.writer.write([batch(3, 3)])

        def asked(sql: str) -> tuple[tuple[Any, ...], ...]:
            async def run() -> tuple[tuple[Any, ...], ...]:
                with closing(ChildRunner(storage.snapshots(0), folder / "sql", SMALL)) as runner:
                    return tuple(tuple(row) for row in (await runner.run(sql, {}, HOUR)).rows)

            return asyncio.run(run())

        yield asked


def test_every_metric_is_there_with_its_kind_and_who_sent_it(rows: Rows) -> None:
    found = rows(
        "SELECT name, type, temporality, unit, service, count(*), count(DISTINCT series_id) "
        "FROM metrics GROUP BY ALL ORDER BY name"
    )
    assert found == (
        ("gc.pause", "summary", "", "s", "checkout", 9, 3),
        ("http.client.wait", "histogram", "delta", "ms", "checkout", 9, 3),
        ("orders", "sum", "cumulative", "{order}", "checkout", 9, 3),
        ("payload", "exponential_histogram", "delta", "By", "checkout", 9, 3),
        ("pool.connections", "gauge", "", "{connection}", "checkout", 9, 3),
    )


def test_a_counters_growth_is_read_by_a_window(rows: Rows) -> None:
    grown = rows(
        "SELECT DISTINCT attributes ->> 'route' AS route, "
        "value - lag(value) OVER (PARTITION BY series_id ORDER BY time) AS grown "
        "FROM metrics WHERE name = 'orders' QUALIFY grown IS NOT NULL ORDER BY route"
    )
    assert grown == (("/r0", 60.0), ("/r1", 60.0), ("/r2", 60.0))


def test_buckets_of_histograms_are_lists(rows: Rows) -> None:
    ((bounds, counts, count, total),) = rows(
        "SELECT DISTINCT bounds::DOUBLE[], counts::BIGINT[], count, sum FROM metrics "
        "WHERE name = 'http.client.wait'"
    )
    assert (list(bounds), list(counts), count, total) == ([10.0, 50.0, 200.0], [1, 2, 1, 0], 4, 100.0)
    ((scale, offset, positive),) = rows(
        "SELECT DISTINCT scale, positive_offset, positive::BIGINT[] FROM metrics WHERE name = 'payload'"
    )
    assert (scale, offset, list(positive)) == (0, 2, [1, 2])


def test_quantiles_and_exemplars_are_unnested(rows: Rows) -> None:
    quantiles = rows(
        "SELECT DISTINCT pair[1], pair[2] FROM (SELECT unnest(quantiles::DOUBLE[][]) AS pair FROM metrics "
        "WHERE name = 'gc.pause') ORDER BY 1"
    )
    assert quantiles == ((0.5, 0.001), (0.99, 0.009))
    traces = rows(
        "SELECT DISTINCT e.value ->> 'trace_id' FROM metrics, json_each(exemplars) e "
        "WHERE name = 'http.client.wait'"
    )
    assert traces == ((EXEMPLAR_TRACE.hex(),),)


def test_what_a_type_does_not_say_is_null(rows: Rows) -> None:
    assert rows("SELECT DISTINCT count, bounds, scale, quantiles FROM metrics WHERE type = 'gauge'") == (
        (None, None, None, None),
    )
