"""Where a trace's time went, by kind of work."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.critical_path import critical_path
from collector.analysis.statistics import Group, GroupBy, group
from collector.analysis.tree import place
from collector.model import Kind, Span, Status
from tests.collector.analysis.spans import span

TRACE = (
    span("a", 0, 100, kind=Kind.SERVER, service="web", name="GET /"),
    replace(span("b", 10, 30, "a", kind=Kind.CLIENT, service="web", name="SELECT"), db_statement="SELECT ?"),
    replace(
        span("c", 30, 70, "a", kind=Kind.CLIENT, service="web", name="SELECT", status=Status.ERROR),
        db_statement="SELECT ?",
        db_system="sqlite",
    ),
    span("d", 72, 90, "a", kind=Kind.PRODUCER, service="web", name="send"),
)


def groups(spans: tuple[Span, ...], by: GroupBy) -> tuple[Group, ...]:
    return group(place(spans), critical_path(spans), by)


def test_equal_operations_are_one_group_with_the_slowest_named() -> None:
    first, second, third = groups(TRACE, "operations")
    assert (first.name, first.count, first.self_ns, first.errors, first.max_ns) == ("SELECT", 2, 60, 1, 40)
    assert (first.median_ns, first.total_ns, first.critical_ns, first.slowest) == (30.0, 60, 60, 2)
    assert (second.name, second.self_ns, second.total_ns, second.critical_ns) == ("GET /", 22, 100, 22)
    assert (third.name, third.self_ns) == ("send", 18)


def test_functions_are_told_apart_by_service_alone() -> None:
    (web,) = groups(TRACE, "functions")
    assert (web.service, web.name, web.count, web.self_ns) == ("web", "", 4, 100)


def test_statements_of_different_systems_are_different() -> None:
    assert [(g.system, g.count) for g in groups(TRACE, "statements")] == [("sqlite", 1), ("", 1)]


def test_calls_are_what_leaves_the_function() -> None:
    assert [(g.name, g.count) for g in groups(TRACE, "calls")] == [("SELECT", 1), ("SELECT", 1), ("send", 1)]


@st.composite
def traces(draw: st.DrawFn) -> tuple[Span, ...]:
    spans = []
    for i in range(draw(st.integers(1, 12))):
        start, length = draw(st.integers(0, 50)), draw(st.integers(0, 50))
        parent = str(draw(st.integers(0, i - 1))) if i and draw(st.booleans()) else ""
        service, name = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["x", "y"]))
        spans.append(span(str(i), start, start + length, parent, service=service, name=name))
    return tuple(spans)


@given(traces())
def test_groups_add_up_to_all_spans_their_self_time_and_the_critical_path(spans: tuple[Span, ...]) -> None:
    rows, path = place(spans), critical_path(spans)
    for by in ("functions", "operations"):
        found = group(rows, path, by)
        assert sum(g.count for g in found) == len(spans)
        assert sum(g.self_ns for g in found) == sum(row.self_ns for row in rows)
        assert sum(g.critical_ns for g in found) == sum(s.end_ns - s.start_ns for s in path)
        assert all(rows[g.slowest].span.duration_ns == g.max_ns for g in found)
