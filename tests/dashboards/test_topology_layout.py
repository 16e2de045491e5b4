from __future__ import annotations

import re
import sys
import threading

import pytest

from dashboards import topology_layout
from dashboards.topology_layout import (
    LABELLED_EDGES,
    NODE_HEIGHT,
    NODE_WIDTH,
    LayoutUnavailable,
    lay_out,
    neighbourhood,
)

SHOP = [("user", "shop"), ("shop", "stock"), ("shop", "orders"), ("orders", "mail"), ("stock", "db")]


def names(edges: list[tuple[str, str]]) -> set[str]:
    return {node for pair in edges for node in pair}


def coordinates(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]


def test_an_empty_graph_takes_no_room() -> None:
    assert (lay_out([], []).width, lay_out([], []).nodes) == (0.0, {})


def test_calls_run_from_left_to_right() -> None:
    nodes = lay_out(names(SHOP), SHOP).nodes
    assert nodes["user"][0] < nodes["shop"][0] < nodes["stock"][0] < nodes["db"][0]


def test_nothing_lies_outside_the_picture() -> None:
    ring = [(f"n{i}", f"n{(i * 7 + 3) % 30}") for i in range(30)] + [("n1", "n1"), ("n4", "n0")]
    layout = lay_out(names(ring), ring)
    for x, y in layout.nodes.values():
        assert NODE_WIDTH / 2 <= x <= layout.width - NODE_WIDTH / 2
        assert NODE_HEIGHT / 2 <= y <= layout.height - NODE_HEIGHT / 2
    for line in layout.edges.values():
        for x, y in coordinates(line.path) + coordinates(line.arrow):
            assert 0 <= x <= layout.width and 0 <= y <= layout.height


def test_nodes_never_overlap() -> None:
    places = list(lay_out(names(SHOP), SHOP).nodes.values())
    for i, (x, y) in enumerate(places):
        assert all(abs(x - a) >= NODE_WIDTH or abs(y - b) >= NODE_HEIGHT for a, b in places[:i])


def test_every_edge_is_drawn_with_an_arrow_and_a_label() -> None:
    layout = lay_out(names(SHOP), SHOP)
    assert set(layout.edges) == set(SHOP)
    assert all(len(coordinates(line.arrow)) == 3 and line.label for line in layout.edges.values())


def test_crowded_graphs_have_no_labels() -> None:
    star = [("hub", f"n{i}") for i in range(LABELLED_EDGES + 1)]
    assert not any(line.label for line in lay_out(names(star), star).edges.values())


def test_a_lone_node_and_both_directions_of_a_call_are_drawn() -> None:
    layout = lay_out(["a", "b", "lone"], [("a", "b"), ("b", "a")])
    assert set(layout.nodes) == {"a", "b", "lone"}
    assert layout.edges["a", "b"].path != layout.edges["b", "a"].path


def test_names_are_never_read_as_graphviz_markup() -> None:
    odd = [('<b>"x"</b>', "\\N\n"), ("\\N\n", "a->b;"), ("a->b;", "")]
    assert set(lay_out(names(odd), odd).nodes) == names(odd)


def test_the_order_of_edges_does_not_move_the_picture() -> None:
    assert lay_out(names(SHOP), SHOP[::-1]) == lay_out(names(SHOP), SHOP)


def test_threads_may_lay_out_at_the_same_time() -> None:
    results: list[bool] = []

    def work(number: int) -> None:
        edges = [(f"{number}-{i}", f"{number}-{i // 2}") for i in range(1, 20)]
        results.append(set(lay_out(names(edges), edges).edges) == set(edges))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8


def test_without_graphviz_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    topology_layout._cached.cache_clear()
    with pytest.raises(LayoutUnavailable, match="pip install"):
        lay_out(["a"], [])


def test_the_neighbourhood_follows_edges_both_ways() -> None:
    assert neighbourhood("orders", SHOP, 1) == {"orders", "shop", "mail"}
    assert neighbourhood("orders", SHOP, 2) == {"orders", "shop", "mail", "user", "stock"}
    assert neighbourhood("gone", SHOP, 3) == {"gone"}


def test_no_way_leads_through_an_end() -> None:
    assert neighbourhood("user", SHOP, 5, ends={"shop"}) == {"user", "shop"}
    assert neighbourhood("db", SHOP, 5, ends={"stock"}) == {"db", "stock"}
