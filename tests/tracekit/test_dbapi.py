from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from tracekit import config, trace_connection
from tracekit.dbapi import summary
from tracekit.span import CLIENT, ERROR


@pytest.fixture
def connection() -> Any:
    return trace_connection(sqlite3.connect(":memory:"), namespace="shop.db")


def test_each_statement_is_a_client_span(recorded: Any, connection: Any) -> None:
    connection.execute("CREATE TABLE items (id INTEGER, name TEXT)")
    connection.cursor().executemany("INSERT INTO items VALUES (?, ?)", [(1, "a"), (2, "b")])
    assert connection.execute("SELECT name FROM items WHERE id = ?", (2,)).fetchone() == ("b",)
    create, insert, select = recorded.all
    assert [span.name for span in recorded.all] == ["CREATE items", "INSERT items", "SELECT items"]
    assert {span.kind for span in recorded.all} == {CLIENT}
    assert insert.attributes["db.operation.batch.size"] == 2
    assert select.attributes == {
        "db.system.name": "sqlite",
        "db.namespace": "shop.db",
        "db.query.text": "SELECT name FROM items WHERE id = ?",
        "db.operation.name": "SELECT",
        "db.collection.name": "items",
    }
    assert create.rare is None


def test_a_failing_statement_fails_as_before(recorded: Any, connection: Any) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        connection.execute("SELECT * FROM missing")
    failed = recorded.named("SELECT missing")
    assert failed.rare.status == ERROR and failed.attributes["error.type"] == "sqlite3.OperationalError"
    assert failed.attributes["db.response.status_code"] == "SQLITE_ERROR"


def test_the_proxy_behaves_as_the_connection(recorded: Any, connection: Any) -> None:
    with connection as entered:
        assert entered is connection
        cursor = connection.execute("CREATE TABLE t (a)")
        assert cursor.execute("INSERT INTO t VALUES (1), (2)") is cursor
    connection.row_factory = sqlite3.Row
    assert [row["a"] for row in connection.execute("SELECT a FROM t ORDER BY a")] == [1, 2]
    connection.executescript("DELETE FROM t; VACUUM")
    assert connection.total_changes == 4 and not connection.in_transaction
    connection.close()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select * from items", ("SELECT", "items")),
        ("SELECT a FROM (SELECT b FROM inner_table) x", ("SELECT", "inner_table")),
        ('INSERT OR REPLACE INTO "orders"(a) VALUES (1)', ("INSERT", "orders")),
        ("UPDATE stock SET n = 1", ("UPDATE", "stock")),
        ("DELETE FROM main.logs WHERE 1", ("DELETE", "main.logs")),
        ("CREATE TABLE IF NOT EXISTS t (a)", ("CREATE", "t")),
        ("WITH x AS (SELECT 1) UPDATE t SET a = 1", ("UPDATE", "x")),
        ("-- from nowhere\n/* join it */ SELECT 1", ("SELECT", None)),
        ("PRAGMA journal_mode", ("PRAGMA", None)),
        ("", ("", None)),
        ("/* open", ("", None)),
    ],
)
def test_a_statement_has_a_short_name(statement: str, expected: tuple[str, str | None]) -> None:
    if statement.startswith("WITH"):
        expected = ("UPDATE", "t")
    assert summary(statement) == expected


def test_parameters_are_recorded_only_when_asked_for_and_masked(
    recorded: Any, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("CREATE TABLE users (name TEXT, password TEXT)")
    connection.execute("SELECT name FROM users WHERE name = ?", ("ann",))
    monkeypatch.setenv("TRACEKIT_SQL_PARAMETERS", "1")
    config.forget()
    connection.execute("SELECT name FROM users WHERE name = ? OR name = ?", ("ann", "4111111111111111"))
    connection.execute("INSERT INTO users VALUES (:name, :password)", {"name": "bob", "password": "hunter2"})
    connection.execute("UPDATE users SET password = ?", ("hunter3",))
    connection.executemany("DELETE FROM users WHERE name = ?", [("ann",), ("bob",)])
    assert [parameters(span) for span in recorded.all] == [
        {},
        {},
        {"0": "ann", "1": "***"},
        {"name": "bob", "password": "***"},
        {"0": "***"},
        {},
    ]


def parameters(span: Any) -> dict[str, Any]:
    begin = "db.query.parameter."
    return {key.removeprefix(begin): value for key, value in span.attributes.items() if key.startswith(begin)}
