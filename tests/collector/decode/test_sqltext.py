"""Statements that differ only in their values are one statement."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decode.sqltext import MAX_LENGTH, normalise


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("SELECT * FROM t WHERE id = 42", "SELECT * FROM t WHERE id = ?"),
        ("SELECT * FROM t WHERE name = 'O''Brien'", "SELECT * FROM t WHERE name = ?"),
        (r"SELECT 'it\'s secret', 1", "SELECT ?, ?"),
        ("select a1, b2c from t2", "select a1, b2c from t2"),
        ("SELECT 1.5e-3, .5, 0xFF, -7", "SELECT ?, ?, ?, ?"),
        ("a = -5 AND b > +3", "a = ? AND b > ?"),
        ("a - 5", "a - ?"),
        ("id IN (1, 2,3 ,  4)", "id IN (?)"),
        ("id IN (?)", "id IN (?)"),
        ("id in ('a')", "id in (?)"),
        ("id IN (SELECT id FROM u)", "id IN (SELECT id FROM u)"),
        ("f(1, 2)", "f(?, ?)"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b'),(3,'c')", "INSERT INTO t VALUES (?, ?)"),
        ("INSERT INTO t VALUES (now(), 1), (now(), 2)", "INSERT INTO t VALUES (now(), ?)"),
        ("SELECT 1 -- secret 7\n, 2 /* 'x' */", "SELECT ?, ?"),
        ("  SELECT\n\t 1  ", "SELECT ?"),
        ('SELECT "Column 1" FROM "T"', 'SELECT "Column 1" FROM "T"'),
        ("SELECT `a 1` FROM t", "SELECT `a 1` FROM t"),
        ("SELECT $1, $2, %s, %(name)s, ?", "SELECT ?, ?, ?, ?, ?"),
        ("SELECT :name, @p1, x::text", "SELECT :name, @p1, x::text"),
        ("SELECT $body$ it's $1 $body$, 3", "SELECT ?, ?"),
        ("SELECT E'a\\nb', X'ff', N'u'", "SELECT ?, ?, ?"),
        ("SELECT count(*) FROM s.t", "SELECT count(*) FROM s.t"),
        ("SELECT größe FROM straße", "SELECT größe FROM straße"),
        ("SELECT 'never closed", "SELECT ?"),
        ("", ""),
    ],
)
def test_values_become_question_marks(text: str, shape: str) -> None:
    assert normalise(text) == shape


def test_double_quotes_hold_strings_where_the_system_says_so() -> None:
    assert normalise('SELECT "secret"', "mysql") == "SELECT ?"
    assert normalise('SELECT "column"', "postgresql") == 'SELECT "column"'


def test_lists_of_any_length_have_one_shape() -> None:
    assert len({normalise(f"x IN ({', '.join('1' * n)})") for n in (1, 2, 50, 20_000)}) == 1
    assert len({normalise(f"INSERT INTO t VALUES {', '.join(['(1, 2)'] * n)}") for n in (1, 2, 9_000)}) == 1


def test_the_result_is_bounded() -> None:
    assert len(normalise("SELECT " + ", ".join(f"c{i}" for i in range(9_000)))) == MAX_LENGTH


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["'", "''", "/*", "/**", "$$", "$a$", "(", "\\", '"', "0x", "1e", "--", "%("]
)
def test_no_input_makes_it_crawl(piece: str) -> None:
    normalise(piece * 16_384)


@given(st.text(alphabet="abc'\"\\()$?1 ,-/*\n", max_size=60), st.integers(10**6, 10**9))
def test_a_number_never_survives(around: str, number: int) -> None:
    """Outside identifiers, quotes of names and dialect parameters, no digits of a literal are shown."""
    shape = normalise(f"SELECT {number} , '{number}' FROM t WHERE x = {number}")
    assert not re.search(r"\d", shape)
    assert isinstance(normalise(around + str(number)), str)


@given(st.text(max_size=200))
def test_any_text_is_taken_and_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once or len(once) >= MAX_LENGTH
