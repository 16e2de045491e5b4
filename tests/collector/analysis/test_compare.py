"""Two traces laid over each other."""

from __future__ import annotations

from hypothesis import given

from collector.analysis.compare import PathDiff, compare
from collector.analysis.tree import place
from collector.model import Span, Status
from tests.collector.analysis.spans import span
from tests.collector.analysis.test_statistics import traces


def diff(here: tuple[Span, ...], there: tuple[Span, ...]) -> tuple[PathDiff, ...]:
    return compare(place(here), place(there))


def told(found: tuple[PathDiff, ...]) -> list[tuple[str, int, str, int]]:
    return [(d.name, d.depth, d.change, d.self_delta_ns) for d in found]


THERE = (
    span("1", 0, 100, name="GET"),
    span("2", 10, 30, "1", name="load"),
    span("3", 40, 50, "1", name="log"),
)
HERE = (
    span("1", 0, 160, name="GET"),
    span("2", 10, 40, "1", name="load"),
    span("3", 40, 90, "1", name="load", status=Status.ERROR),
    span("4", 100, 105, "1", name="pay"),
)


def test_paths_are_added_removed_slower_and_faster_by_their_own_time() -> None:
    assert told(diff(HERE, THERE)) == [
        ("GET", 0, "same", 5),
        ("load", 1, "slower", 60),
        ("log", 1, "removed", -10),
        ("pay", 1, "added", 5),
    ]
    assert told(diff(THERE, HERE))[1] == ("load", 1, "faster", -60)


def test_equal_siblings_count_together() -> None:
    load = diff(HERE, THERE)[1]
    assert load.here and load.there
    assert (load.here.count, load.here.errors, load.here.total_ns, load.here.first) == (2, 1, 80, 1)
    assert (load.there.count, load.there.first, load.parent) == (1, 1, 0)


def test_the_same_name_elsewhere_is_another_path() -> None:
    nested = (span("1", 0, 9, name="a"), span("2", 1, 8, "1", name="b"), span("3", 2, 4, "2", name="a"))
    assert [(d.name, d.depth, d.parent) for d in diff(nested, nested)] == [
        ("a", 0, -1),
        ("b", 1, 0),
        ("a", 2, 1),
    ]


def test_a_difference_that_chance_makes_is_none() -> None:
    one, two = (span("1", 0, 1000, name="a"),), (span("1", 0, 1009, name="a"),)
    assert told(diff(two, one)) == [("a", 0, "same", 9)]


def test_a_very_deep_trace_is_no_recursion() -> None:
    deep = tuple(span(str(i), i, 40_000 - i, str(i - 1) if i else "", name="f") for i in range(15_000))
    assert len(diff(deep, deep)) == 15_000


@given(traces(), traces())
def test_nothing_is_lost_on_either_side(here: tuple[Span, ...], there: tuple[Span, ...]) -> None:
    found = diff(here, there)
    for spans, sides in ((here, [d.here for d in found]), (there, [d.there for d in found])):
        assert sum(side.count for side in sides if side) == len(spans)
        assert sum(side.self_ns for side in sides if side) == sum(row.self_ns for row in place(spans))
    own, other = (sum(row.self_ns for row in place(spans)) for spans in (here, there))
    assert sum(d.self_delta_ns for d in found) == own - other
    assert all(d.parent < index and (d.depth == 0) == (d.parent < 0) for index, d in enumerate(found))


@given(traces())
def test_a_trace_does_not_differ_from_itself(spans: tuple[Span, ...]) -> None:
    assert {d.change for d in diff(spans, spans)} == {"same"}
