from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.sqlformat import LONGEST, format_sql


def test_each_clause_has_its_line_and_conditions_are_indented() -> None:
    assert format_sql(
        "SELECT a, b FROM t LEFT JOIN u ON t.i = u.i WHERE a = ? AND b > ? ORDER BY a LIMIT ?"
    ) == ("SELECT a, b\nFROM t\nLEFT JOIN u ON t.i = u.i\nWHERE a = ?\n  AND b > ?\nORDER BY a\nLIMIT ?")


def test_between_keeps_its_and() -> None:
    assert (
        format_sql("SELECT 1 WHERE a BETWEEN ? AND ? AND b") == "SELECT 1\nWHERE a BETWEEN ? AND ?\n  AND b"
    )


def test_brackets_strings_and_comments_are_left_alone() -> None:
    inner = "(SELECT 1 FROM u WHERE x) 'where  and' /* from */"
    assert format_sql(f"SELECT {inner}") == f"SELECT {inner}"


def test_delete_from_stays_together() -> None:
    assert format_sql("delete from t where a=?") == "delete from t\nwhere a=?"


def test_a_statement_already_in_lines_is_kept() -> None:
    assert format_sql("select\n  1") == "select\n  1"


def test_an_endless_statement_is_kept() -> None:
    long = "SELECT 1 FROM t " * LONGEST
    assert format_sql(long) is long


@given(st.text(alphabet="SELECT FROMWHANDOJIN()'\"`-*/;?", max_size=200))
def test_only_white_space_changes(statement: str) -> None:
    assert "".join(format_sql(statement).split()) == "".join(statement.split())
