"""The critical path equals the one found with paper and pencil, on published examples and on any trace."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given

from collector.analysis.critical_path import critical_path
from collector.analysis.tree import root_of
from collector.model import Span
from tests.collector.analysis.paper_path import holders
from tests.collector.analysis.spans import span
from tests.collector.analysis.test_critical_path import traces

# The drawings and figures of Jaeger UI's own tests (jaegertracing/jaeger-ui,
# components/TracePage/CriticalPath):
# name, spans as (id, start, end, parent), the path as (id, start, end).
PUBLISHED = {
    "test1: two children one after the other": (
        [("C", 1, 101, ""), ("D", 20, 40, "C"), ("E", 50, 60, "C")],
        [("C", 1, 20), ("D", 20, 40), ("C", 40, 50), ("E", 50, 60), ("C", 60, 101)],
    ),
    "test2: of two children that overlap the one that ends last": (
        [("X", 1, 101, ""), ("A", 10, 50, "X"), ("C", 20, 60, "X")],
        [("X", 1, 20), ("C", 20, 60), ("X", 60, 101)],
    ),
    "test3: a child that begins after its parent": (
        [("A", 100, 140, ""), ("B", 150, 200, "A")],
        [("A", 100, 140)],
    ),
    "test4: and what is below it": (
        [("A", 1, 31, ""), ("B", 40, 80, "A"), ("c", 50, 60, "B")],
        [("A", 1, 31)],
    ),
    "test6: a child that ends after its parent, with a child that begins before it": (
        [("A", 1, 30, ""), ("B", 15, 35, "A"), ("C", 10, 25, "B")],
        [("A", 1, 15), ("C", 15, 25), ("B", 25, 30)],
    ),
    "test7: a child that ends after its parent, with one that ends still later": (
        [("A", 1, 30, ""), ("B", 15, 35, "A"), ("C", 20, 40, "B")],
        [("A", 1, 15), ("B", 15, 20), ("C", 20, 30)],
    ),
    "test8: a child longer than its parent on both sides": (
        [("A", 10, 30, ""), ("B", 5, 35, "A")],
        [("B", 10, 30)],
    ),
    "test9: a child that ends before its parent begins": (
        [("A", 10, 30, ""), ("B", 1, 5, "A")],
        [("A", 10, 30)],
    ),
}


def ticks(spans: Sequence[Span]) -> dict[int, str]:
    return {
        tick: section.span_id
        for section in critical_path(spans)
        for tick in range(section.start_ns, section.end_ns)
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_examples_come_out_as_published(name: str) -> None:
    written, path = PUBLISHED[name]
    spans = [span(*figures) for figures in written]
    assert [(s.span_id, s.start_ns, s.end_ns) for s in critical_path(spans)] == path
    assert holders(spans) == {tick: holder for holder, start, end in path for tick in range(start, end)}


@given(traces())
def test_the_path_is_the_one_found_with_paper_and_pencil(spans: list[Span]) -> None:
    assert ticks(spans) == holders(spans)


@given(traces())
def test_every_tick_of_the_root_is_held_by_one_span(spans: list[Span]) -> None:
    root = root_of(spans)
    assert root is not None
    assert sorted(holders(spans)) == list(range(root.start_ns, root.end_ns))
