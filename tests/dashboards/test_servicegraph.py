from __future__ import annotations

from collector.storage.base import Edge, FunctionStats, Node
from dashboards.servicegraph import DRAWN_EDGES, around, draw, shorten

USER, SHOP, MAIL = Node("user", "user"), Node("function", "shop"), Node("function", "mail")
ORDERS, STOCK = Node("queue", "orders"), Node("database", "stock")
MS = 1e6


def edge(source: Node, target: Node, calls: int = 60, errors: int = 0, delay: float | None = None) -> Edge:
    return Edge(source, target, calls, errors, MS, 2 * MS, 3 * MS, None, delay, delay)


SHOP_EDGES = [
    edge(USER, SHOP),
    edge(SHOP, STOCK, 120, 3),
    edge(SHOP, ORDERS),
    edge(ORDERS, MAIL, delay=5 * MS),
]


def labels(edges: list[Edge]) -> dict[str, list[str]]:
    graph = draw(edges, {}, 60)
    return {view.edge.target.name: [line for line, _ in view.lines] for view in graph.edges}


def test_every_edge_says_how_often_how_slow_how_bad_and_how_long_it_waits() -> None:
    said = labels(SHOP_EDGES)
    assert said["stock"] == ["2/s · 2.00 ms", "⚠ 2.5%"]
    assert said["mail"] == ["1/s · 2.00 ms", "waits 5.00 ms"]


def test_busier_edges_are_thicker_and_failing_ones_marked() -> None:
    views = {view.edge.target.name: view for view in draw(SHOP_EDGES, {}, 60).edges}
    assert views["stock"].width > views["shop"].width
    assert [views[name].failing for name in ("stock", "shop")] == [True, False]


def test_a_function_shows_its_own_figures_and_others_what_enters_them() -> None:
    stats = FunctionStats("shop", 600, 0, MS, 7 * MS, MS, 0, 0, (), 1, "", "", (), 0, (), ())
    nodes = {view.node.name: view for view in draw(SHOP_EDGES, {"shop": stats}, 60).nodes}
    assert nodes["shop"].figures == "10/s · 7.00 ms"
    assert (nodes["stock"].figures, nodes["stock"].failing) == ("2/s · 2.00 ms", True)
    assert nodes["user"].figures == "1/s · 2.00 ms"


def test_quantiles_of_several_edges_are_not_made_up() -> None:
    nodes = {view.node.name: view for view in draw([*SHOP_EDGES, edge(MAIL, STOCK)], {}, 60).nodes}
    assert (nodes["stock"].p95_ns, nodes["stock"].figures) == (None, "3/s")


def test_only_the_busiest_edges_are_drawn() -> None:
    many = [edge(SHOP, Node("external", f"host-{i}"), 1000 - i) for i in range(DRAWN_EDGES + 5)]
    assert len(draw(many, {}, 60).edges) == DRAWN_EDGES


def test_the_surroundings_of_a_node_do_not_spread_through_users() -> None:
    crowd = [*SHOP_EDGES, edge(USER, Node("function", "other"))]
    assert len(around(crowd, [SHOP.id], 3)) == 4
    assert len(around(crowd, [USER.id], 1)) == 2
    assert around(crowd, [], 1) == crowd


def test_long_names_keep_their_ends() -> None:
    assert shorten("short") == "short"
    assert shorten("team-0-image-worker-007") == "team-0-im…er-007"
