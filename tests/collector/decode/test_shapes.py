"""What is worked out once for a shape of keys is what each span would give on its own."""

from __future__ import annotations

import random
from typing import Any

import pytest

from collector.decode import shapes
from collector.decode.attributes import UNREADABLE, attribute_set, entry, object_json
from collector.decode.memo import Memo
from collector.decode.promote import PROMOTED_KEYS, span_columns

CLIENT = 3


def alone(pairs: list[tuple[str, Any]], exception_type: str = "") -> shapes.Attributes:
    """Of these attributes without any shape."""
    found = attribute_set([entry(*pair) for pair in pairs])
    columns = span_columns(CLIENT, found.wanted, exception_type)
    return object_json(found.fragments), columns, columns.invocation_id, found.dropped


def by_shape(pairs: list[tuple[str, Any]], exception_type: str = "") -> shapes.Attributes:
    json, columns, invocation_id, dropped = shapes.read(
        [entry(*pair) for pair in pairs], CLIENT, exception_type
    )
    return json, columns._replace(invocation_id=invocation_id), invocation_id, dropped


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("a", 1)],
        [("db.system", "mysql")],
        [("db.system.name", "mysql"), ("db.namespace", "shop"), ("a", "b")],
        [("a", 1), ("a", 2)],
        [("db.system", "mysql"), ("db.system", "")],
        [("", 1), ("a", 2)],
        [("$bytes", "a")],
        [("faas.invocation_id", "i")],
        [("faas.execution", "old"), ("faas.invocation_id", "new")],
        [("faas.execution", "old"), ("faas.invocation_id", "")],
        [("faas.invocation_id", [1]), ("faas.coldstart", True)],
    ],
    ids=str,
)
@pytest.mark.parametrize("exception_type", ["", "ValueError"])
def test_shapes_change_nothing(pairs: list[tuple[str, Any]], exception_type: str) -> None:
    for _ in range(2):  # the second time its shape is known
        assert by_shape(pairs, exception_type) == alone(pairs, exception_type)


def test_shapes_change_nothing_of_many_spans() -> None:
    chance = random.Random(1)
    keys = [*sorted(PROMOTED_KEYS), "a", "b", "$map", ""]
    values = ["", "x", "200", 1, 1.5, True, None, b"x", [1], {"a": 1}]
    for _ in range(3_000):
        pairs = [(chance.choice(keys), chance.choice(values)) for _ in range(chance.randrange(6))]
        assert by_shape(pairs) == alone(pairs)


def test_an_attribute_that_cannot_be_read_is_counted() -> None:
    json, _, _, dropped = shapes.read([entry("a", 1), UNREADABLE], CLIENT, "")
    assert (json, dropped) == ('{"a":1}', 1)


def test_a_memo_works_each_key_out_once_and_starts_afresh_when_full() -> None:
    asked: list[str] = []
    memo: Memo[str, str] = Memo(lambda key: asked.append(key) or key.upper(), size=2, longest=3)  # type: ignore[func-returns-value]
    assert [memo[key] for key in ("a", "a", "b", "c", "long", "long")] == ["A", "A", "B", "C", "LONG", "LONG"]
    assert asked == ["a", "b", "c", "long", "long"]
    assert list(memo) == ["c"]
