"""TraceQL is read as documented, refused with the place of what is wrong, and can be written again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.traceql import is_traceql, parse, quoted, write
from collector.storage.base import InvalidQuery
from collector.storage.spanset import (
    INTRINSICS,
    All,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Filtered,
    Related,
    Spans,
    Spanset,
)

NAME_A = Comparison(Field("intrinsic", "name"), "=", "a")


def where(text: str) -> Condition:
    asked = parse(text)
    assert isinstance(asked, Spans)
    return asked.where


def test_the_example_of_the_documentation() -> None:
    text = '{ resource.service.name = "x" && duration > 1s && span.db.system.name = "postgresql" }'
    assert parse(text) == Spans(
        All(
            (
                Comparison(Field("resource", "service.name"), "=", "x"),
                Comparison(Field("intrinsic", "duration"), ">", 10**9),
                Comparison(Field("span", "db.system.name"), "=", "postgresql"),
            )
        )
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [('"a\\"b\\\\\\n"', 'a"b\\\n'), ("`a\\b`", "a\\b"), ("5", 5), ("-5", -5), ("1.5", 1.5), ("1e3", 1000.0),
     ("9223372036854775807", 2**63 - 1), ("9223372036854775808", 2.0**63), ("100ms", 10**8),
     ("1.5s", 15 * 10**8),
     ("2h", 7200 * 10**9), ("3µs", 3000), ("true", True), ("false", False), ("nil", None)],
)  # fmt: skip
def test_values_have_their_types(text: str, value: object) -> None:
    found = where(f"{{.x={text}}}")
    assert isinstance(found, Comparison)
    assert (found.value, type(found.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "field"),
    [("span.http.route", Field("span", "http.route")), ("resource.a/b-c", Field("resource", "a/b-c")),
     (".x", Field("any", "x")),
     ('span."a b\\"="', Field("span", 'a b"=')), ("name", Field("intrinsic", "name"))],
)  # fmt: skip
def test_fields_have_their_scope(text: str, field: Field) -> None:
    found = where(f'{{ {text} = "v" }}')
    assert isinstance(found, Comparison)
    assert found.field == field


def test_status_and_kind_are_words() -> None:
    assert where("{status=error}") == Comparison(Field("intrinsic", "status"), "=", 2)
    assert where("{ kind != server }") == Comparison(Field("intrinsic", "kind"), "!=", 2)


def test_and_binds_closer_than_or_and_brackets_closer_than_both() -> None:
    a, b, c = (Comparison(Field("any", name), "=", 1) for name in "abc")
    assert where("{ .a=1 || .b=1 && .c=1 }") == AnyOf((a, All((b, c))))
    assert where("{ (.a=1 || .b=1) && .c=1 }") == All((AnyOf((a, b)), c))


def test_structure_binds_closer_than_and_between_sets() -> None:
    a, b, c = (Spans(Comparison(Field("intrinsic", "name"), "=", name)) for name in "abc")
    written = [f'{{name="{name}"}}' for name in "abc"]
    assert parse(f"{written[0]} && {written[1]} >> {written[2]}") == Related(
        "and", a, Related("descendant", b, c)
    )
    assert parse(f"({written[0]} && {written[1]}) > {written[2]}") == Related(
        "child", Related("and", a, b), c
    )
    assert parse(">".join(written)) == Related("child", Related("child", a, b), c)


def test_figures_come_after_a_bar_and_bind_loosest() -> None:
    a, b = parse("{ .a = 1 }"), parse("{ .b = 1 }")
    often = Filtered(Related("descendant", a, b), "count", None, ">", 20.0)
    assert parse("{ .a = 1 } >> { .b = 1 } | count() > 20") == often
    assert parse("({ .a = 1 } | avg(duration) >= 1.5s) && { .b = 1 }") == Related(
        "and", Filtered(a, "avg", Field("intrinsic", "duration"), ">=", 1.5e9), b
    )
    assert parse("{ .a = 1 } | sum(span.x) < .5 | count() = 2") == Filtered(
        Filtered(a, "sum", Field("span", "x"), "<", 0.5), "count", None, "=", 2.0
    )


def test_empty_braces_are_every_span() -> None:
    assert parse("{}") == parse(" { } ") == Spans(All())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at character 1 the query ends, where { and conditions is expected"),
        ("{", "at character 2 the query ends"),
        ("{ name }", "at character 8 '}' stands, where one of = != >= <= > < =~ !~ is expected"),
        ("{ name = }", "at character 10 '}' stands, where a \"text\""),
        ("{ naem = 1 }", "at character 3 'naem' stands, where span.…"),
        ('{ name = "a }', "at character 10 '\"' stands"),
        ("{ status = broken }", "where one of unset, ok, error is expected"),
        ("{ duration = `x` }", "at character 3: duration cannot be compared with 'x'"),
        ("{ name =~ `(` }", "cannot be read"),
        ("{ .a = 1 } { .b = 1 }", "at character 12"),
        ("{ .a = 1 && }", "at character 13"),
        ("({ .a = 1 }", "a closing )"),
        ("{ .a = 5x }", "at character 8"),
        ("{ .a < `x` }", "compares numbers"),
        ("(" * 30 + "{}" + ")" * 30, "more than 20 deep"),
        ("||".join(["{}"] * 9), "at most 8"),
        (
            "{} | cuont() > 1",
            "at character 6 'cuont' stands, where one of count(), avg()",
        ),
        ("{} | count(duration) > 1", "a closing )"),
        ("{} | avg(name) > 1", "at character 6: figures are made of duration"),
        ("{} | avg(resource.x) > 1", "figures are made of duration"),
        ("{} | count() > `x`", "a number or a duration"),
        ("{} | count() > 1e999", "a number or a duration"),
        ("{}" + " | count() > 1" * 33, "at most 32"),
        ("{" + "&&".join([".a=1"] * 33) + "}", "at most 32"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse(text)
    assert said in str(refused.value)


def test_words_to_look_for_are_no_query() -> None:
    assert is_traceql("{}") and is_traceql(" ( {") and not is_traceql("a {}") and not is_traceql("")


# -------------------------------------------------------------------- any query, any text

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
attributes = st.builds(Field, st.sampled_from(["span", "resource", "any"]), keys)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
comparisons = st.one_of(
    st.builds(
        Comparison, attributes, st.sampled_from(["=", "!="]), texts | numbers | st.booleans() | st.none()
    ),
    st.builds(Comparison, attributes, st.sampled_from(["<", "<=", ">", ">="]), numbers),
    st.builds(Comparison, attributes, st.sampled_from(["=~", "!~"]), st.sampled_from(["a.*", '"', "\\d+"])),
    st.builds(
        Comparison, st.just(Field("intrinsic", "status")), st.sampled_from(["=", "!="]), st.integers(0, 2)
    ),
    st.builds(
        Comparison, st.just(Field("intrinsic", "kind")), st.sampled_from(["=", "!="]), st.integers(0, 5)
    ),
    st.builds(
        Comparison,
        st.just(Field("intrinsic", "duration")),
        st.sampled_from(["<", ">"]),
        st.integers(0, 2**62),
    ),
    st.builds(Comparison, st.just(Field("intrinsic", "name")), st.sampled_from(["=", "!="]), texts),
)
conditions = st.recursive(
    comparisons,
    lambda parts: st.builds(
        lambda kind, found: kind(tuple(found)),
        st.sampled_from([All, AnyOf]),
        st.lists(parts, min_size=2, max_size=3),
    ),
    max_leaves=5,
)
finite = st.floats(allow_nan=False, allow_infinity=False)
measured = st.just(Field("intrinsic", "duration")) | st.builds(Field, st.sampled_from(["span", "any"]), keys)
spansets = st.recursive(
    st.builds(Spans, conditions | st.just(All())),
    lambda sets: (
        st.builds(Related, st.sampled_from(["child", "descendant", "and", "or"]), sets, sets)
        | st.builds(Filtered, sets, st.just("count"), st.none(), st.sampled_from(["=", "<"]), finite)
        | st.builds(Filtered, sets, st.sampled_from(["avg", "sum"]), measured, st.just(">"), finite)
    ),
    max_leaves=5,
)


@given(spansets)
def test_a_written_query_reads_as_the_same_query(asked: Spanset) -> None:
    assert parse(write(asked)) == asked


@given(st.text(max_size=60) | st.text('{}()<>=!~&|., "`span.resourcename1scount()\\', max_size=60))
def test_any_text_is_a_query_or_refused_as_none(text: str) -> None:
    try:
        asked = parse(text)
    except InvalidQuery:
        return
    assert parse(write(asked)) == asked


@given(texts)
def test_any_text_can_be_quoted(text: str) -> None:
    assert parse(f"{{ name = {quoted(text)} }}") == Spans(Comparison(Field("intrinsic", "name"), "=", text))


def test_every_intrinsic_can_be_written() -> None:
    samples = {str: '"x"', int: "1"}
    for name, (_, kind) in INTRINSICS.items():
        value = {"status": "ok", "kind": "client"}.get(name, samples[kind])
        assert where(f"{{ {name} = {value} }}")
