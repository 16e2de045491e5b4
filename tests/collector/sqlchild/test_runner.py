"""From a query to a table, over a store on disk."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.sqlchild import ChildRunner, SqlBusy, SqlFailed, SqlRefused, Table
from collector.sqlchild.functions import FUNCTIONS
from collector.sqlchild.views import VIEWS
from collector.storage.base import FunctionsQuery, RetryLater, TracesQuery, Window
from collector.storage.duckdb import DuckDBStorage
from tests.collector.sqlchild.conftest import HOUR, SMALL, Ask


def test_functions_say_what_the_page_says(ask: Ask, storage: DuckDBStorage) -> None:
    asked = ask("SELECT service, calls, errors, cold_starts FROM functions ORDER BY service")
    listed = storage.reader.functions(FunctionsQuery(HOUR))
    assert [column.type for column in asked.columns] == ["VARCHAR", "BIGINT", "BIGINT", "BIGINT"]
    assert list(asked.rows) == sorted((f.service, f.calls, f.errors, f.cold_starts) for f in listed)


def test_traces_say_what_the_page_says(ask: Ask, storage: DuckDBStorage) -> None:
    sql = (
        "SELECT trace_id, spans, errors, root_service, round(duration_ms * 1e6) FROM traces ORDER BY trace_id"
    )
    listed = storage.reader.traces(TracesQuery(HOUR, limit=500)).traces
    expected = sorted((t.trace_id, t.spans, t.errors, t.root_service, float(t.duration_ns)) for t in listed)
    assert list(ask(sql).rows) == expected


def test_every_view_has_every_column_it_documents(ask: Ask) -> None:
    for view in VIEWS.values():
        asked = ask(f"SELECT * FROM {view.name} LIMIT 3")
        assert [(c.name, c.type) for c in asked.columns] == [(c.name, c.type) for c in view.columns]


@pytest.mark.parametrize("name", VIEWS)
def test_a_column_alone_reads_as_among_all(ask: Ask, name: str) -> None:
    """What is read for a query is chosen by the names in it."""
    whole = ask(f"SELECT * FROM {name}")
    for index, column in enumerate(VIEWS[name].columns):
        alone = ask(f'SELECT "{column.name}" FROM {name}')
        assert sorted(map(repr, (row[0] for row in alone.rows))) == sorted(
            repr(row[index]) for row in whole.rows
        )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM spans s JOIN traces t USING (trace_id)",
        "SELECT count(*) FROM spans NATURAL JOIN traces",
        "SELECT s.\"NAME\", upper(Service) FROM spans AS s",
        "SELECT s FROM spans s",
        "SELECT COLUMNS('dur.*') FROM spans",
        "SELECT * EXCLUDE (attributes) FROM spans",
        "FROM spans SELECT service, count(*) GROUP BY ALL ORDER BY ALL",
        "WITH slow AS (SELECT * FROM spans WHERE duration_ms > 1) SELECT service FROM slow",
        "SELECT service, row_number() OVER (PARTITION BY service ORDER BY start_time) FROM spans",
        "FROM (PIVOT spans ON kind IN ('server', 'client') USING count(*) GROUP BY service)",
        "SELECT attributes ->> 'http.route', resource -> 'service.name' FROM spans",
        "SELECT message, severity_text FROM logs WHERE message ILIKE '%begins%'",
        "DESCRIBE spans",
        "SUMMARIZE SELECT duration_ms FROM spans",
        "SELECT now(), now() - INTERVAL 1 HOUR, $to - $from, [now()], {'a': DATE '2026-01-01'}",
        "VALUES (1, 'one'), (2, 'two')",
        "SELECT 1 -- and no more;",
    ],
)  # fmt: skip
def test_sql_of_every_kind_is_answered(ask: Ask, sql: str) -> None:
    assert ask(sql).rows


def test_values_are_those_of_json(ask: Ask) -> None:
    sql = (
        "SELECT 1::HUGEINT, 1.5::DECIMAL(9, 2), 'nan'::DOUBLE, TIMESTAMP '2026-11-21 07:00:00', [1], {'a': 1}"
    )
    (row,) = ask(sql).rows
    assert row == (1, 1.5, None, "2026-11-21T07:00:00.000000", [1], {"a": 1})


def test_only_the_range_is_seen_to_the_nanosecond(ask: Ask) -> None:
    starts = [row[0] for row in ask("SELECT start_ns FROM spans ORDER BY start_ns").rows]
    part = Window(starts[3], starts[10])
    seen = ask("SELECT start_ns FROM spans ORDER BY start_ns", window=part).rows
    assert [row[0] for row in seen] == [start for start in starts if part.start_ns <= start < part.end_ns]
    assert ask("SELECT count(*) FROM spans WHERE start_time < $from", window=part).rows == ((0,),)


def test_parameters_are_values_never_text_of_the_query(ask: Ask) -> None:
    assert ask("SELECT $name, $n + 1", name="'; DROP", n=1, unused=3).rows == (("'; DROP", 2),)
    with pytest.raises(SqlRefused, match=r"no parameter \$missing"):
        ask("SELECT $missing")


def test_a_misspelt_column_is_told_with_what_it_may_have_been(ask: Ask) -> None:
    with pytest.raises(SqlFailed, match='column "duratoin_ms" not found') as failed:
        ask("SELECT duratoin_ms FROM spans")
    assert failed.value.advice.startswith("Did you mean duration_ms")


def test_what_cannot_be_read_whole_is_read_from_its_latest(storage: DuckDBStorage, tmp_path: Path) -> None:
    whole = storage.snapshots(0).write(
        "spans", ["start_ns"], HOUR.start_ns, HOUR.end_ns, 2**30, tmp_path / "whole"
    )
    part = storage.snapshots(0).write(
        "spans", ["start_ns"], HOUR.start_ns, HOUR.end_ns, 800, tmp_path / "part"
    )
    counts = {
        path.path: duckdb.sql(f"SELECT count(*), max(start_ns) FROM read_parquet('{path.path}')").fetchall()[
            0
        ]
        for path in (whole, part)
    }
    assert whole.read_from_ns == HOUR.start_ns
    assert HOUR.start_ns < part.read_from_ns < HOUR.end_ns
    assert 0 < counts[part.path][0] <= 100 < counts[whole.path][0]
    assert counts[part.path][1] == counts[whole.path][1]


def test_no_snapshot_is_written_to_a_full_disk(storage: DuckDBStorage, tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="disk"):
        storage.snapshots(2**62).write("spans", ["start_ns"], HOUR.start_ns, HOUR.end_ns, 1, tmp_path / "x")


def test_queries_that_come_soon_share_a_snapshot(storage: DuckDBStorage, tmp_path: Path) -> None:
    """One that names fewer columns is answered from it, too."""
    written: list[str] = []

    class Counting:
        def write(self, table: str, *rest: Any) -> Any:
            written.append(table)
            return storage.snapshots(0).write(table, *rest)

    async def run() -> list[Table]:
        with closing(ChildRunner(Counting(), tmp_path / "sql", SMALL)) as runner:
            queries = ["FROM spans LIMIT 1", "SELECT service FROM spans LIMIT 1", "FROM spans LIMIT 1"]
            return [await runner.run(sql, {}, HOUR) for sql in queries]

    first, second, third = asyncio.run(run())
    assert sorted(written) == ["resources", "spans"]
    assert first.snapshot_ns == second.snapshot_ns == third.snapshot_ns


def test_a_query_that_is_cancelled_leaves_no_process(storage: DuckDBStorage, tmp_path: Path) -> None:
    async def run() -> None:
        with closing(ChildRunner(storage.snapshots(0), tmp_path / "sql", SMALL)) as runner:
            endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
            task = asyncio.create_task(runner.run(endless, {}, HOUR))
            await asyncio.sleep(1)
            assert list((tmp_path / "sql").glob("query-*"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not list((tmp_path / "sql").glob("query-*"))

    asyncio.run(run())


def test_beyond_those_that_may_wait_a_query_is_told_to_come_again(
    storage: DuckDBStorage, tmp_path: Path
) -> None:
    async def run() -> list[Any]:
        with closing(ChildRunner(storage.snapshots(0), tmp_path / "sql", SMALL)) as runner:
            asked = [runner.run("SELECT 1", {}, HOUR) for _ in range(22)]
            return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(run())
    assert [type(answer) for answer in answers] == [Table] * 18 + [SqlBusy] * 4


def test_time_covers_all_that_a_query_takes(ask: Ask) -> None:
    with pytest.raises(SqlFailed, match=r"longer than 0\.01 s"):
        ask("SELECT 1", replace(SMALL, seconds=0.01))


def test_every_function_allowed_is_one_of_duckdb() -> None:
    known = {name for (name,) in duckdb.sql("SELECT function_name FROM duckdb_functions()").fetchall()}
    assert FUNCTIONS - known == {"->"}  # an operator that is only known to the parser
