from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.critical_path import Section, critical_path
from collector.analysis.tree import root_of
from collector.model import Kind, Span
from tests.collector.analysis.spans import span


def path(*spans: Span) -> list[tuple[str, int, int]]:
    return [(s.span_id, s.start_ns, s.end_ns) for s in critical_path(spans)]


def test_no_spans_have_no_path() -> None:
    assert critical_path(()) == ()


def test_a_lone_root_is_its_own_path() -> None:
    assert critical_path([span("a", 5, 15)]) == (Section("a", 5, 15),)


def test_time_before_between_and_after_children_is_the_parents() -> None:
    assert path(span("a", 0, 100), span("b", 10, 30, "a"), span("c", 40, 90, "a")) == [
        ("a", 0, 10), ("b", 10, 30), ("a", 30, 40), ("c", 40, 90), ("a", 90, 100),
    ]  # fmt: skip


def test_of_parallel_children_only_the_last_to_finish_counts() -> None:
    assert path(span("a", 0, 100), span("fast", 10, 50, "a"), span("slow", 10, 90, "a")) == [
        ("a", 0, 10), ("slow", 10, 90), ("a", 90, 100),
    ]  # fmt: skip


def test_after_a_child_the_latest_that_ended_before_it_began_is_taken() -> None:
    assert path(
        span("a", 0, 100), span("first", 0, 35, "a"), span("overlaps", 0, 60, "a"), span("last", 40, 100, "a")
    ) == [("first", 0, 35), ("a", 35, 40), ("last", 40, 100)]


def test_a_child_that_outlives_its_parent_is_cut_at_the_parents_end() -> None:
    assert path(span("a", 0, 50), span("b", 20, 80, "a")) == [("a", 0, 20), ("b", 20, 50)]


def test_a_grandchild_is_cut_to_what_remains_of_its_parent() -> None:
    assert path(span("a", 0, 50), span("b", 20, 80, "a"), span("c", 30, 80, "b")) == [
        ("a", 0, 20), ("b", 20, 30), ("c", 30, 50),
    ]  # fmt: skip


def test_a_cold_start_before_its_invocation_is_outside_the_path() -> None:
    assert path(span("call", 100, 200), span("cold", 20, 100, "call")) == [("call", 100, 200)]


def test_work_handed_over_through_a_queue_is_left_out() -> None:
    send, receive = span("p", 10, 20, "a", kind=Kind.PRODUCER), span("c", 15, 20, "p", kind=Kind.CONSUMER)
    assert path(span("a", 0, 30), send, receive) == [("a", 0, 10), ("p", 10, 20), ("a", 20, 30)]


def test_of_children_that_end_together_the_one_that_started_first_is_taken() -> None:
    assert path(span("a", 0, 10), span("z", 2, 10, "a"), span("b", 4, 10, "a")) == [("a", 0, 2), ("z", 2, 10)]


def test_children_without_length_do_not_cut_their_parent() -> None:
    assert path(span("a", 0, 10), span("b", 5, 5, "a")) == [("a", 0, 10)]


def test_a_cycle_of_parents_ends() -> None:
    assert path(span("a", 0, 10, "b"), span("b", 0, 10, "a")) == [("b", 0, 10)]


def test_a_chain_of_twenty_thousand_spans_is_walked() -> None:
    chain = [span(f"{i:05}", i, 50_000 - i, f"{i - 1:05}" if i else "") for i in range(20_000)]
    assert sum(s.end_ns - s.start_ns for s in critical_path(chain)) == 50_000


@st.composite
def traces(draw: st.DrawFn) -> list[Span]:
    """Trees, forests and cycles, with children anywhere in time relative to their parents."""
    count = draw(st.integers(1, 25))
    spans = []
    for index in range(count):
        start, length = draw(st.integers(0, 60)), draw(st.integers(0, 60))
        parent = draw(st.sampled_from(["", *(f"s{i:02}" for i in range(count + 1))]))
        kind = draw(st.sampled_from([Kind.INTERNAL, Kind.CLIENT, Kind.PRODUCER, Kind.CONSUMER]))
        spans.append(span(f"s{index:02}", start, start + length, parent, kind=kind))
    return spans


@given(traces())
def test_sections_cover_the_root_without_gap_or_overlap(spans: list[Span]) -> None:
    root, sections = root_of(spans), critical_path(spans)
    assert root is not None
    edges = [root.start_ns, *(s.end_ns for s in sections)]
    assert [s.start_ns for s in sections] == edges[:-1]
    assert edges[-1] == root.end_ns
    assert sum(s.end_ns - s.start_ns for s in sections) == root.duration_ns


@given(st.data(), traces())
def test_the_order_spans_arrive_in_does_not_matter(data: st.DataObject, spans: list[Span]) -> None:
    assert critical_path(data.draw(st.permutations(spans))) == critical_path(spans)


@given(traces())
def test_a_section_lies_inside_the_span_it_names(spans: list[Span]) -> None:
    by_id = {s.span_id: s for s in spans}
    for section in critical_path(spans):
        named = by_id[section.span_id]
        assert named.start_ns <= section.start_ns < section.end_ns <= named.end_ns
