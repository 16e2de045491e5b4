"""Queries that would hurt a server: each is refused or ended, and the process that asked stays as it was."""

from __future__ import annotations

import ast
import json
import os
import resource
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from collector.sqlchild import SqlFailed, SqlRefused, SqlStopped
from collector.sqlchild.check import use_of
from collector.sqlchild.views import VIEWS
from tests.collector.sqlchild.conftest import SMALL, Ask

# What a process that only speaks with the child may grow by, measured 1 to 3 MB.
GROWTH = 64 << 20

CROSS_JOIN = "SELECT sum(a.duration_ms * b.duration_ms * c.duration_ms) FROM spans a, spans b, spans c, spans"

NESTED = "SELECT " + "(" * 5_000 + "1" + ")" * 5_000

REFUSED = (
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/*.parquet')",
    "SELECT * FROM read_duckdb('/tmp/x.duckdb')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/etc/*.csv'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('spans')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM duckdb_logs",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM system.main.duckdb_views",
    "SELECT (SELECT sql FROM duckdb_views LIMIT 1) FROM (WITH duckdb_views AS (SELECT 1) SELECT 1)",
    "SELECT getenv('HOME')",
    "SELECT main.getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT getvariable('x')",
    "SELECT nextval('x')",
    "SELECT write_log('x')",
    "SELECT sleep_ms(1000)",
    "SELECT count(*) FROM spans WHERE getenv(service) = ''",
    "COPY spans TO '/tmp/spans.csv'",
    "COPY (SELECT 1) TO '/tmp/one.csv'",
    "EXPORT DATABASE '/tmp/all'",
    "IMPORT DATABASE '/tmp/all'",
    "ATTACH '/tmp/other.duckdb'",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "SET memory_limit = '100GB'",
    "RESET memory_limit",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE TABLE t (a INTEGER)",
    "CREATE MACRO m() AS 1",
    "CREATE SECRET (TYPE s3)",
    "INSERT INTO spans VALUES (1)",
    "WITH gone AS (DELETE FROM spans RETURNING *) SELECT * FROM gone",
    "DROP VIEW spans",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "SHOW TABLES",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW spans",
    "SELECT * FROM spans AT (VERSION => 1)",
    "SELECT nothing.a FROM nothing",
    "SELECT",
    ";",
)

ENDED = (
    "SELECT repeat('x', 8000000000)",
    "SELECT length(repeat(repeat('x', 1000000), 10000))",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT list_sort(range(100000000))",
    "SELECT sum(a) FROM (SELECT unnest(range(100000000)) AS a) GROUP BY a",
    "SELECT list(a.range) FROM range(100000) AS a, range(100000) AS b",
    CROSS_JOIN,
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range % 7 = b.range % 5",
    "SELECT string_agg(repeat('x', 1000), ',') FROM range(10000000)",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    "WITH RECURSIVE t(n) AS (SELECT 'x' UNION ALL SELECT n || n FROM t) SELECT max(length(n)) FROM t",
    "SELECT range FROM range(500000000) ORDER BY hash(range) LIMIT 1 OFFSET 400000000",
)


def memory() -> int:
    """The most this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: repr(sql[:50]))
def test_nothing_is_run_but_one_select_over_the_views(sql: str) -> None:
    """The tree is the one that the child makes, asked for here: it takes a hundredth of the time."""
    ((tree,),) = duckdb.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    with pytest.raises(SqlRefused) as refused:
        use_of(json.loads(tree), VIEWS)
    assert str(refused.value)


@pytest.mark.parametrize("sql", ["", "\0", "FROM glob('/*')", NESTED, "SELECT 1 " + "+ 1" * 7_000])
def test_what_is_refused_never_reaches_the_data(ask: Ask, tmp_path: Path, sql: str) -> None:
    with pytest.raises(SqlFailed):
        ask(sql)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("sql", ENDED, ids=lambda sql: repr(sql[:50]))
def test_a_query_that_wants_too_much_is_ended(ask: Ask, sql: str) -> None:
    before = memory()
    with pytest.raises(SqlFailed) as failed:
        ask(sql, replace(SMALL, seconds=2.0))
    assert isinstance(failed.value, SqlStopped) or "Error" in str(failed.value)
    assert memory() - before < GROWTH
    assert ask("SELECT count(*) FROM spans").rows[0][0] > 0


def test_results_are_cut_at_rows_and_at_bytes(ask: Ask) -> None:
    many = ask("SELECT range FROM range(100000000)", replace(SMALL, result_rows=100))
    assert (len(many.rows), many.truncated) == (100, True)
    wide = ask("SELECT repeat('x', 100000) FROM range(1000)", replace(SMALL, result_bytes=2**20))
    assert 0 < len(wide.rows) <= 10
    assert wide.truncated


def test_the_child_knows_nothing_of_the_server(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACEKIT_SECRET", "s3cr3t")
    seen = tmp_path / "seen"
    known = "dict(os.environ), os.listdir('/proc/self/fd')"
    script = tmp_path / "child.py"
    script.write_text(f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(({known})))")
    monkeypatch.setattr("collector.sqlchild.process.CHILD", script)
    with pytest.raises(SqlStopped):
        ask("SELECT 1")
    environment, descriptors = ast.literal_eval(seen.read_text())
    assert "s3cr3t" not in repr(environment) and "HOME" not in environment
    assert len(descriptors) <= 4  # its three streams, and the listing itself


def test_nothing_is_left_of_a_query(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(SqlStopped):
        ask(CROSS_JOIN, replace(SMALL, seconds=1.0))
    assert not (tmp_path / "sql").exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
