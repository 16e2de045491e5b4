"""The part of the exam about sets of spans (collector/storage/spanset.py); see storage_contract.py."""

from __future__ import annotations

from typing import Any

import pytest

from collector import jsonvalue
from collector.storage import memory
from collector.storage.base import AttributesQuery, Storage, TracesQuery, Window
from collector.storage.duckdb import reader as duckdb_reader
from collector.storage.spanset import (
    All,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Figure,
    Filtered,
    Operator,
    Related,
    Scope,
    Spans,
    Spanset,
    Value,
)
from tests.collector.batches import MS, SECOND, T0, batch, row

WINDOW = Window(T0, T0 + 60 * SECOND)


def is_(name: str, operator: Operator, value: Value, scope: Scope = "span") -> Comparison:
    return Comparison(Field(scope, name), operator, value)


def named(name: str) -> Spans:
    return Spans(is_("name", "=", name, "intrinsic"))


def found(storage: Storage, asked: Spanset | Condition) -> list[int]:
    """The numbers of the traces that match."""
    spanset = Spans(asked) if isinstance(asked, (Comparison, All, AnyOf)) else asked
    page = storage.reader.traces(TracesQuery(WINDOW, spanset=spanset))
    return sorted(int(trace.trace_id, 16) for trace in page.traces)


def write(storage: Storage, *rows: dict[str, Any]) -> None:
    storage.writer.write([batch(*rows)])


def with_attributes(n: int, **attributes: Any) -> dict[str, Any]:
    """Trace n of one span with these attributes, `__` in a key for a dot."""
    plain = {key.replace("__", "."): value for key, value in attributes.items()}
    return row(n, 1, attributes=jsonvalue.dumps(plain) if plain else "")


def test_what_a_span_is_can_be_asked_for(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, ms=5, name="GET /", kind="server", status="error", status_message="no way"),
        row(2, 1, ms=1500, name="get /", kind="client", status="ok"),
    )
    for condition, traces in (
        (is_("name", "=", "GET /", "intrinsic"), [1]),
        (is_("name", "!=", "GET /", "intrinsic"), [2]),
        (is_("name", "=~", "[gG].t /", "intrinsic"), [2]),
        (is_("name", "=~", "GET", "intrinsic"), []),
        (is_("name", "!~", "GET.*", "intrinsic"), [2]),
        (is_("duration", ">", 5 * MS, "intrinsic"), [2]),
        (is_("duration", ">=", 5 * MS, "intrinsic"), [1, 2]),
        (is_("duration", "<", 1500 * MS, "intrinsic"), [1]),
        (is_("status", "=", 2, "intrinsic"), [1]),
        (is_("status", "!=", 2, "intrinsic"), [2]),
        (is_("kind", "=", 3, "intrinsic"), [2]),
        (is_("statusMessage", "=", "no way", "intrinsic"), [1]),
        (All(), [1, 2]),
        (AnyOf(()), []),
    ):
        assert found(storage, condition) == traces, condition


def test_attributes_are_compared_with_their_own_type_only(storage: Storage) -> None:
    big = 2**62
    values: list[Any] = [
        "5",
        5,
        5.0,
        True,
        False,
        None,
        float("nan"),
        b"5",
        [5],
        {"a": 5},
        big,
        "true",
        -1,
        "ä\n",
    ]
    write(storage, *(with_attributes(n, x=value) for n, value in enumerate(values, 1)), with_attributes(99))
    for condition, traces in (
        (is_("x", "=", "5"), [1]),
        (is_("x", "!=", "5"), [12, 14]),
        (is_("x", "=", 5), [2, 3]),
        (is_("x", "!=", 5), [11, 13]),
        (is_("x", ">", 5), [11]),
        (is_("x", "<=", 5), [2, 3, 13]),
        (is_("x", "=", big), [11]),
        (is_("x", "=", True), [4]),
        (is_("x", "!=", True), [5]),
        (is_("x", "=", "ä\n"), [14]),
        (is_("x", "=", None), [6, 99]),
        (is_("x", "!=", None), [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14]),
    ):
        assert found(storage, condition) == traces, condition


@pytest.mark.parametrize(
    "key", ["a.b", "a/b", "a~b", "~1", '"', "a b", "ä", "0", "$.x", "'", "%s", "$1", "*"]
)
def test_a_key_may_be_any_text(storage: Storage, key: str) -> None:
    write(storage, row(1, 1, attributes=jsonvalue.dumps({key: "v", "other": "w"})), row(2, 1))
    assert found(storage, is_(key, "=", "v")) == [1]
    assert found(storage, is_(key, "=", "w")) == []


def test_standard_attributes_are_found_under_both_of_their_names(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, db_system="postgresql", http_status=503, coldstart=True, http_method="GET"),
        row(2, 1, coldstart=False, http_status=200),
    )
    for condition, traces in (
        (is_("db.system.name", "=", "postgresql"), [1]),
        (is_("db.system", "=~", "post.*"), [1]),
        (is_("http.response.status_code", ">=", 500), [1]),
        (is_("http.status_code", "<", 500), [2]),
        (is_("http.response.status_code", "=", "503"), []),
        (is_("faas.coldstart", "=", True), [1]),
        (is_("faas.coldstart", "!=", True), [2]),
        (is_("http.method", "=", None), [2]),
        (is_("http.method", "!=", None), [1]),
        (is_("http.method", "!=", "POST"), [1]),
    ):
        assert found(storage, condition) == traces, condition


def test_attributes_of_the_resource_and_of_either(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, service="a", resource_id=1, version="v1"),
        row(2, 1, service="b", resource_id=2, attributes=jsonvalue.dumps({"service.name": "a", "x": 1})),
    )
    for condition, traces in (
        (is_("service.name", "=", "a", "resource"), [1]),
        (is_("service.name", "=", "a", "span"), [2]),
        (is_("service.name", "=", "a", "any"), [1, 2]),
        (is_("service.version", "=", "v1", "resource"), [1]),
        (is_("service.version", "=", None, "resource"), [2]),
        (is_("nothing", "=", None, "any"), [1, 2]),
        (is_("x", "=", None, "any"), [1]),
        (is_("x", "=", None, "resource"), [1, 2]),
        (is_("x", "!=", None, "any"), [2]),
    ):
        assert found(storage, condition) == traces, condition


def test_conditions_of_one_pair_of_braces_are_about_one_span(storage: Storage) -> None:
    write(
        storage, row(1, 1, name="a", status="error"), row(1, 2, name="b"), row(2, 1, name="b", status="error")
    )
    both = All((is_("name", "=", "b", "intrinsic"), is_("status", "=", 2, "intrinsic")))
    assert found(storage, both) == [2]
    assert found(storage, Related("and", Spans(both.conditions[0]), Spans(both.conditions[1]))) == [1, 2]
    assert found(storage, AnyOf(both.conditions)) == [1, 2]
    assert found(storage, Related("or", named("a"), Spans(both))) == [1, 2]


def test_spans_stand_below_others(storage: Storage) -> None:
    write(
        storage,
        row(1, 1, name="a"), row(1, 2, parent=1, name="b"), row(1, 3, parent=2, name="c"),
        row(2, 1, name="b"), row(2, 2, parent=1, name="a"), row(2, 3, parent=9, name="c"),
    )  # fmt: skip
    assert found(storage, Related("child", named("a"), named("b"))) == [1]
    assert found(storage, Related("child", named("a"), named("c"))) == []
    assert found(storage, Related("descendant", named("a"), named("c"))) == [1]
    assert found(storage, Related("descendant", named("b"), named("a"))) == [2]
    both = Related("descendant", Related("child", named("a"), named("b")), named("c"))
    assert found(storage, both) == [1]


def test_parents_that_go_round_end_the_search(storage: Storage) -> None:
    write(
        storage, row(1, 1, parent=2, name="a"), row(1, 2, parent=1, name="b"), row(2, 7, parent=7, name="a")
    )
    assert found(storage, Related("descendant", named("a"), named("a"))) == [1, 2]
    assert found(storage, Related("child", named("a"), named("a"))) == [2]


def test_a_trace_is_found_by_figures_of_its_spans(storage: Storage) -> None:
    write(
        storage,
        *(row(1, n, ms=10 * n, name="a", attributes=f'{{"x":{n}}}') for n in (1, 2, 3)),
        row(1, 4, ms=1000, name="b"),
        row(2, 1, ms=40, name="a", attributes='{"x":"9"}', http_status=500),
        row(3, 1, name="b"),
    )
    x, duration = Field("span", "x"), Field("intrinsic", "duration")
    cases: list[tuple[Figure, Field | None, Operator, float, list[int]]] = [
        ("count", None, ">", 2, [1]),
        ("count", None, "<=", 2, [2]),
        ("avg", duration, "=", 20 * MS, [1]),
        ("max", duration, ">=", 30 * MS, [1, 2]),
        ("min", duration, "!=", 10 * MS, [2]),
        ("sum", x, ">", 5, [1]),
        ("sum", x, "<", 100, [1]),
        ("max", Field("span", "http.status_code"), ">=", 500, [2]),
        ("max", Field("span", "db.system"), ">=", 0, []),
    ]
    for figure, field, operator, value, traces in cases:
        asked = Filtered(named("a"), figure, field, operator, value)
        assert found(storage, asked) == traces, asked
    many = Filtered(named("a"), "count", None, ">", 1)
    assert found(storage, Filtered(many, "sum", duration, "<", 1000 * MS)) == [1]
    assert found(storage, Related("or", many, named("b"))) == [1, 3]


@pytest.mark.parametrize(
    ("figure", "field", "operator"),
    [("count", Field("span", "x"), ">"), ("avg", None, ">"), ("avg", Field("intrinsic", "name"), ">"),
     ("avg", Field("resource", "x"), ">"), ("count", None, "=~")],
)  # fmt: skip
def test_figures_are_of_numbers(figure: Figure, field: Field | None, operator: Operator) -> None:
    with pytest.raises(ValueError):
        Filtered(named("a"), figure, field, operator, 1)


def test_other_filters_hold_besides(storage: Storage) -> None:
    write(storage, row(1, 1, name="a", service="x"), row(2, 1, name="a"), row(3, 1, at=-1, name="a"))
    query = TracesQuery(WINDOW, service="shop", spanset=named("a"), text="A")
    assert [int(trace.trace_id, 16) for trace in storage.reader.traces(query).traces] == [2]


def test_the_text_of_a_value_is_never_sql(storage: Storage) -> None:
    write(storage, row(1, 1, name="'; DROP TABLE spans; --"))
    assert found(storage, named("'; DROP TABLE spans; --")) == [1]
    assert found(storage, is_("x') OR true --", "=", "y")) == []


@pytest.mark.parametrize(
    ("name", "operator", "value"),
    [("nonsense", "=", "x"), ("duration", "=", "x"), ("name", "=", 5), ("name", "<", "x"),
     ("name", "=~", "("), ("name", "=~", "(?=x)"), ("name", "=~", r"\1"), ("name", "=~", r"\ba"),
     ("name", "=~", "a$b"), ("name", "=~", "a" * 300), ("status", "=~", "x")],
)  # fmt: skip
def test_what_makes_no_sense_cannot_be_asked(name: str, operator: Operator, value: Value) -> None:
    with pytest.raises(ValueError):
        is_(name, operator, value, "intrinsic")


# -------------------------------------------------------------------- what can be asked for


def test_keys_and_values_are_told_by_how_many_spans_have_them(storage: Storage) -> None:
    write(
        storage, with_attributes(1, a=1, b="x"), with_attributes(2, a=1.0, b="y"), with_attributes(3, a=True),
        with_attributes(4, a=[1], c=None, b="x" * 201), with_attributes(5),
        row(6, 1, at=-1, attributes='{"z":1}'),
    )  # fmt: skip
    reader = storage.reader
    assert reader.attributes(AttributesQuery(WINDOW, "span")) == (("a", 4), ("b", 3), ("c", 1))
    assert reader.attributes(AttributesQuery(WINDOW, "span", limit=1)) == (("a", 4),)
    counted = reader.attributes(AttributesQuery(WINDOW, "span", "a"))
    assert [(value, type(value), n) for value, n in counted] == [
        (1, int, 1),
        (1.0, float, 1),
        (True, bool, 1),
    ]
    assert reader.attributes(AttributesQuery(WINDOW, "span", "b")) == (("x", 1), ("y", 1))
    assert reader.attributes(AttributesQuery(WINDOW, "span", "none")) == ()


def test_attributes_of_resources_count_once_a_span(storage: Storage) -> None:
    write(storage, row(1, 1), row(1, 2, name="b"), row(2, 1, service="other", resource_id=2))
    reader = storage.reader
    assert reader.attributes(AttributesQuery(WINDOW, "resource")) == (("service.name", 3),)
    assert reader.attributes(AttributesQuery(WINDOW, "resource", "service.name")) == (
        ("shop", 2),
        ("other", 1),
    )
    assert reader.attributes(AttributesQuery(WINDOW, "names")) == (("GET /", 2), ("b", 1))


def test_only_the_newest_spans_are_asked_what_they_say(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, duckdb_reader):
        monkeypatch.setattr(module, "ATTRIBUTE_SAMPLE", 2)
    write(storage, row(1, 1, at=1, name="old"), row(2, 1, at=2, name="b"), row(3, 1, at=3, name="c"))
    assert storage.reader.attributes(AttributesQuery(WINDOW, "names")) == (("b", 1), ("c", 1))
