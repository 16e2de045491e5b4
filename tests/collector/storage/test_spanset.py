"""Both engines give the same traces for sets of spans nobody chose."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.register_assert_rewrite("tests.spanset_contract")

from collector import jsonvalue  # noqa: E402
from collector.storage.base import AttributesQuery, TracesQuery  # noqa: E402
from collector.storage.duckdb import open_storage  # noqa: E402
from collector.storage.memory import MemoryStorage  # noqa: E402
from collector.storage.spanset import (  # noqa: E402
    INTRINSICS,
    All,
    AnyOf,
    Comparison,
    Field,
    Filtered,
    Related,
    Spans,
)
from tests.collector.batches import batch, row  # noqa: E402
from tests.collector.storage.test_contract import storage  # noqa: E402, F401
from tests.spanset_contract import *  # noqa: E402, F403
from tests.spanset_contract import WINDOW  # noqa: E402

TEXTS = st.sampled_from(["", "a", "A", "ab", "5", "true", "ä", "a\nb"])
KEYS = st.sampled_from(["x", "db.system", "http.status_code", "service.name", "faas.coldstart", "y"])
VALUES = TEXTS | st.integers(-2, 6) | st.floats(-2, 2) | st.booleans() | st.none()
PATTERNS = st.sampled_from(["a", "a.*", "[aA]b?", "(?:a|5)+", "", ".", r"\d", "ä?"])


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    intrinsic = draw(st.booleans())
    if intrinsic:
        field = Field("intrinsic", draw(st.sampled_from(sorted(INTRINSICS))))
        wanted = INTRINSICS[field.name][1]
        value = draw(TEXTS if wanted is str else st.integers(-1, 5))
    else:
        field = Field(draw(st.sampled_from(["span", "resource", "any"])), draw(KEYS))
        value = draw(VALUES)
    operators = ["=", "!="]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        operators += ["<", "<=", ">", ">="]
    if isinstance(value, str) and draw(st.booleans()):
        return Comparison(field, draw(st.sampled_from(["=~", "!~"])), draw(PATTERNS))
    return Comparison(field, draw(st.sampled_from(operators)), value)  # type: ignore[arg-type]


CONDITIONS = st.recursive(
    comparisons(),
    lambda parts: st.builds(
        lambda kind, found: kind(tuple(found)), st.sampled_from([All, AnyOf]), st.lists(parts, max_size=3)
    ),
    max_leaves=4,
)
MEASURED = st.sampled_from(
    [Field("intrinsic", "duration"), Field("span", "x"), Field("any", "http.status_code")]
)
COMPARED = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
NUMBERS = st.sampled_from([-1.0, 0.0, 1.0, 2.0, 1000.0, 2500.0])
# Not sums and means of doubles: one engine rounds once, the other now and then.
FIGURES = st.tuples(st.just("count"), st.none()) | st.tuples(st.sampled_from(["min", "max"]), MEASURED)
SPANSETS = st.recursive(
    st.builds(Spans, CONDITIONS),
    lambda sets: (
        st.builds(Related, st.sampled_from(["child", "descendant", "and", "or"]), sets, sets)
        | st.builds(lambda of, f, op, n: Filtered(of, *f, op, n), sets, FIGURES, COMPARED, NUMBERS)
    ),
    max_leaves=4,
)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    attributes = draw(st.dictionaries(KEYS, VALUES, max_size=3))
    return row(
        draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.sampled_from([-1.0, 0.0, 1.0, 61.0])),
        draw(st.sampled_from([0.0, 0.000001, 0.000003])), parent=draw(st.integers(0, 5)),
        kind=draw(st.sampled_from(["internal", "server", "client"])),
        status=draw(st.sampled_from(["unset", "ok", "error"])), status_message=draw(TEXTS), name=draw(TEXTS),
        db_system=draw(st.sampled_from(["", "a"])), http_status=draw(st.sampled_from([None, 0, 5])),
        coldstart=draw(st.sampled_from([None, True, False])),
        attributes=jsonvalue.dumps(attributes) if attributes else "",
    )  # fmt: skip


@settings(max_examples=35, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(spans(), max_size=12), st.lists(SPANSETS, min_size=1, max_size=6))
def test_engines_agree_on_sets_of_spans(rows: list[dict[str, Any]], asked: list[Any]) -> None:
    memory = MemoryStorage()
    with tempfile.TemporaryDirectory() as folder:
        duckdb = open_storage(Path(folder))
        try:
            for engine in (memory, duckdb):
                engine.writer.write([batch(*rows)])  # type: ignore[attr-defined]
            for spanset in asked:
                query = TracesQuery(WINDOW, spanset=spanset)
                assert duckdb.reader.traces(query) == memory.reader.traces(query)
        finally:
            duckdb.close()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(spans(), max_size=12))
def test_engines_agree_on_what_attributes_there_are(rows: list[dict[str, Any]]) -> None:
    memory = MemoryStorage()
    with tempfile.TemporaryDirectory() as folder:
        duckdb = open_storage(Path(folder))
        try:
            for engine in (memory, duckdb):
                engine.writer.write([batch(*rows)])  # type: ignore[attr-defined]
            for of, key in (("span", ""), ("resource", ""), ("names", ""), ("span", "x"), ("span", "y")):
                query = AttributesQuery(WINDOW, of, key)  # type: ignore[arg-type]
                theirs, ours = duckdb.reader.attributes(query), memory.reader.attributes(query)
                assert [(v, type(v), n) for v, n in theirs] == [(v, type(v), n) for v, n in ours]
        finally:
            duckdb.close()
