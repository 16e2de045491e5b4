from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.tree import place, root_of
from collector.model import Kind, Span
from tests.collector.analysis.spans import span


def outline(*spans: Span) -> list[tuple[str, int, int]]:
    return [(p.span.span_id, p.depth, p.descendants) for p in place(spans)]


def test_parents_come_before_children_and_siblings_by_start() -> None:
    assert outline(span("c", 8, 9, "a"), span("b", 2, 5, "a"), span("d", 3, 4, "b"), span("a", 0, 9)) == [
        ("a", 0, 3), ("b", 1, 1), ("d", 2, 0), ("c", 1, 0),
    ]  # fmt: skip


def test_a_span_whose_parent_is_missing_is_an_orphan_at_depth_zero() -> None:
    placed = {
        p.span.span_id: p for p in place([span("a", 0, 9), span("b", 1, 2, "gone"), span("c", 1, 2, "b")])
    }
    assert [(placed[i].depth, placed[i].orphan) for i in "abc"] == [(0, False), (0, True), (1, False)]


def test_a_span_that_is_its_own_parent_is_read_once_as_a_root() -> None:
    assert outline(span("a", 0, 9, "a"), span("b", 1, 2, "a")) == [("a", 0, 1), ("b", 1, 0)]


def test_a_cycle_is_read_once_from_its_earliest_span() -> None:
    assert outline(span("a", 5, 9, "b"), span("b", 1, 9, "a")) == [("b", 0, 1), ("a", 1, 0)]


def test_self_time_is_what_no_child_covers() -> None:
    spans = [span("a", 0, 100), span("b", 10, 40, "a"), span("c", 30, 60, "a"), span("d", 90, 150, "a")]
    assert {p.span.span_id: p.self_ns for p in place(spans)} == {"a": 40, "b": 30, "c": 30, "d": 60}


def test_a_child_before_its_parent_takes_nothing_from_its_self_time() -> None:
    assert place([span("call", 100, 200), span("cold", 0, 100, "call")])[0].self_ns == 100


def test_the_root_is_the_earliest_span_without_a_parent_here() -> None:
    root = root_of([span("b", 1, 2), span("a", 1, 2), span("x", 3, 4, "gone"), span("cold", 0, 1, "a")])
    assert root is not None and root.span_id == "a"


def test_a_call_is_the_root_before_an_earlier_span_that_is_none() -> None:
    cold, call = span("cold", 0, 5, "gone"), span("call", 5, 9, "gone", kind=Kind.SERVER)
    assert root_of([cold, call]) == call


def test_a_tree_twenty_thousand_deep_is_placed() -> None:
    deep = [span(f"{i:05}", i, 50_000, f"{i - 1:05}" if i else "") for i in range(20_000)]
    assert [p.depth for p in place(deep)] == list(range(20_000))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 12)), max_size=12))
def test_every_span_is_placed_once_below_its_parent(shape: list[tuple[int, int, int]]) -> None:
    spans = [span(f"s{i}", a, a + b, f"s{p}" if p else "") for i, (a, b, p) in enumerate(shape)]
    placed = place(spans)
    assert sorted(p.span.span_id for p in placed) == sorted(s.span_id for s in spans)
    for index, entry in enumerate(placed):
        inside = placed[index + 1 : index + 1 + entry.descendants]
        assert all(p.depth > entry.depth for p in inside)
        if entry.depth:
            above = [p for p in placed[:index] if p.depth == entry.depth - 1][-1]
            assert above.span.span_id == entry.span.parent_span_id
