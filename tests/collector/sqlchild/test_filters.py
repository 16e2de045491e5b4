"""Which rows are copied for a query, and that it answers the same on them."""

from __future__ import annotations

import json

import duckdb
import pytest

from collector.sqlchild import runner
from collector.sqlchild.filters import filters_of
from tests.collector.sqlchild.conftest import Ask


def filters(sql: str, **parameters: str) -> dict[str, str]:
    (tree,) = duckdb.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0]
    return filters_of(json.loads(tree), parameters)


@pytest.mark.parametrize(
    ("where", "condition"),
    [
        ("kind = 'consumer'", "spans.kind = 5"),
        ("'consumer' = Kind", "spans.kind = 5"),
        ("status = 'error' AND service = 'shop'", "spans.service = 'shop' AND spans.status = 2"),
        ("messaging_destination <> ''", "spans.messaging_destination <> ''"),
        ("failed AND name <> 'it''s'", "(spans.status = 2) AND spans.name <> 'it''s'"),
        ("coldstart IS NOT NULL AND duration_ms > 3", "spans.coldstart IS NOT NULL"),
        ("service = $service", "spans.service = 'shop'"),
        ("($service = '' OR service = $service)", "spans.service = 'shop'"),
    ],
)
def test_what_each_row_must_meet_by_itself_is_asked_of_the_store(where: str, condition: str) -> None:
    asked = filters(f"SELECT count(*) FROM spans WHERE {where}", service="shop")
    assert asked == {"spans": f"({condition})"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM spans",
        "SELECT count(*) FROM spans WHERE $service = '' OR service = $service",
        "SELECT count(*) FROM spans WHERE kind = 'consumer' OR failed",
        "SELECT count(*) FROM spans WHERE NOT failed",
        "SELECT count(*) FROM spans WHERE kind <> 'consumer' OR kind = 'no such kind'",
        "SELECT count(*) FROM spans WHERE service = '$end_ns'",
        "SELECT lower(service) AS service FROM spans WHERE service = 'shop'",
        "SELECT count(*) FROM spans AS s(kind) WHERE kind = 'consumer'",
        "SELECT count(*) FROM spans USING SAMPLE 3 ROWS UNION SELECT count(*) FROM spans WHERE failed",
        "SELECT count(*) FROM (FROM spans TABLESAMPLE 50 PERCENT (bernoulli)) WHERE failed",
        "SELECT count(*) FROM spans TABLESAMPLE 50 PERCENT (bernoulli) WHERE failed",
        "SELECT count(*) FROM spans a FULL JOIN spans b USING (trace_id) WHERE a.failed AND b.failed",
        "SELECT count(*) FROM spans a ASOF JOIN spans b ON a.start_ns >= b.start_ns WHERE b.failed",
        "SELECT count(*) FROM spans a ANTI JOIN spans b USING (trace_id) WHERE a.failed",
        "SELECT count(*) FROM spans a JOIN links b USING (span_id) WHERE service = 'shop'",
        "SELECT count(*) FROM spans WHERE failed AND trace_id IN (SELECT trace_id FROM spans)",
        "WITH spans AS (SELECT 'shop' AS service FROM spans) SELECT * FROM spans WHERE service = 'shop'",
        "SELECT calls FROM functions WHERE service = 'shop'",
        "SELECT count(*) FROM spans, functions WHERE spans.failed",
        "SELECT value FROM metrics WHERE name = 'memory' AND type = 'gauge'",
    ],
)
def test_where_a_row_may_matter_otherwise_all_are_copied(sql: str) -> None:
    assert filters(sql, service="") == {}


def test_of_a_view_that_is_named_twice_what_either_needs_is_copied() -> None:
    sql = """SELECT count(*) FROM spans a LEFT JOIN spans b ON a.trace_id = b.trace_id
             WHERE a.kind = 'consumer' AND b.kind = 'producer' AND $service = a.service"""
    asked = filters(sql, service="shop")
    assert asked == {"spans": "(spans.kind = 4) OR (spans.kind = 5 AND spans.service = 'shop')"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT service, count(*) FROM spans WHERE is_call AND service <> '' GROUP BY ALL ORDER BY ALL",
        "SELECT count(*) FROM spans WHERE kind = 'client' AND coldstart IS NULL",
        "SELECT a.span_id, b.span_id FROM spans a LEFT JOIN spans b ON a.span_id = b.parent_span_id "
        "WHERE a.kind = 'server' AND b.kind = 'client' ORDER BY ALL",
        "SELECT a.service, count(*) FROM spans a, spans b WHERE a.trace_id = b.trace_id AND a.is_call "
        "AND b.service <> 'checkout' GROUP BY ALL ORDER BY ALL",
        "SELECT message FROM logs WHERE service <> 'checkout' AND event_name = '' ORDER BY ALL",
    ],
)
def test_the_answer_is_that_on_all_rows(ask: Ask, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert filters(sql)
    filtered = ask(sql)
    monkeypatch.setattr(runner, "filters_of", lambda tree, parameters: {})
    assert filtered.rows == ask(sql).rows != ()
