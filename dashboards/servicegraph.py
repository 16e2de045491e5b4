"""The service graph as drawn: which edges, how thick, what each label says. Places come from the layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log10

from collector.storage.base import Edge, FunctionStats, Node
from dashboards.format import duration, percent, rate
from dashboards.i18n import N_, _
from dashboards.topology_layout import EdgeLine, Layout, Point, lay_out, neighbourhood

# More lines than this are a hairball that takes seconds to lay out. The table below the map has all.
DRAWN_EDGES = 400
# From here on an edge or node is drawn as failing, as the Functions page marks it.
FAILING = 0.01
NAME_CHARACTERS = 16
# Kinds of nodes as a function's page names them; the map says the others itself.
KINDS = (N_("external"), N_("user"))
_THIN, _THICK = 1.2, 4.0


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node with its place. `calls` counts what enters it; what leaves it where nothing enters."""

    node: Node
    at: Point
    calls: int
    errors: int
    p95_ns: float | None
    label: str
    figures: str

    @property
    def failing(self) -> bool:
        return self.calls > 0 and self.errors / self.calls >= FAILING


@dataclass(frozen=True, slots=True)
class EdgeView:
    """An edge with its line. `lines` is the label, top to bottom; those that tell of failures say so."""

    edge: Edge
    line: EdgeLine
    width: float
    lines: tuple[tuple[str, bool], ...]

    @property
    def failing(self) -> bool:
        return error_ratio(self.edge) >= FAILING

    @property
    def by_message(self) -> bool:
        """Whether nobody waits at the other end."""
        return "queue" in (self.edge.source.kind, self.edge.target.kind)


@dataclass(frozen=True, slots=True)
class GraphView:
    width: float
    height: float
    nodes: tuple[NodeView, ...]
    edges: tuple[EdgeView, ...]


def error_ratio(edge: Edge) -> float:
    return edge.errors / edge.calls if edge.calls else 0.0


def has_both_sides(edge: Edge) -> bool:
    """Whether durations are known of the called side beside those that its caller saw."""
    return edge.source.kind == "function" and edge.server_p95_ns is not None


def around(edges: Sequence[Edge], focus: Collection[str], depth: int) -> list[Edge]:
    """Edges between nodes at most `depth` steps from one of these, a node or the ends of an edge. All
    of them without a focus."""
    if not focus:
        return list(edges)
    # Everybody is called by users and timers: a way through those leads nowhere near.
    hubs = {n.id for edge in edges for n in (edge.source, edge.target) if n.kind in ("user", "trigger")}
    if len(focus) == 1:
        hubs -= set(focus)
    pairs = [pair_of(edge) for edge in edges]
    near = set().union(*(neighbourhood(node, pairs, depth, hubs) for node in focus))
    return [edge for edge in edges if edge.source.id in near and edge.target.id in near]


def pair_of(edge: Edge) -> tuple[str, str]:
    return edge.source.id, edge.target.id


def draw(edges: Sequence[Edge], functions: Mapping[str, FunctionStats], seconds: float) -> GraphView:
    """The busiest of `edges` (given by calls, most first) laid out; rates are over `seconds`.
    LayoutUnavailable where Graphviz is."""
    drawn = edges[:DRAWN_EDGES]
    nodes = {node.id: node for edge in drawn for node in (edge.source, edge.target)}
    layout = lay_out(nodes, [pair_of(edge) for edge in drawn])
    most = max((edge.calls for edge in drawn), default=1)
    return GraphView(
        layout.width,
        layout.height,
        tuple(_node(node, layout, drawn, functions, seconds) for node in nodes.values()),
        tuple(_edge(edge, layout, most, seconds) for edge in drawn),
    )


def _node(
    node: Node, layout: Layout, edges: Sequence[Edge], functions: Mapping[str, FunctionStats], seconds: float
) -> NodeView:
    stats = functions.get(node.name) if node.kind == "function" else None
    calls, errors, p95 = (stats.calls, stats.errors, stats.p95_ns) if stats else _through(node, edges)
    figures = rate(calls / seconds) + (f" · {duration(p95)}" if p95 is not None else "")
    return NodeView(node, layout.nodes[node.id], calls, errors, p95, shorten(node.name), figures)


def _through(node: Node, edges: Sequence[Edge]) -> tuple[int, int, float | None]:
    """Calls, errors and p95 of what enters a node, else of what leaves it. Quantiles of several edges
    cannot be merged, so p95 is only given where there is one."""
    touching = [e for e in edges if e.target == node] or [e for e in edges if e.source == node]
    p95 = touching[0].p95_ns if len(touching) == 1 else None
    return sum(e.calls for e in touching), sum(e.errors for e in touching), p95


def _edge(edge: Edge, layout: Layout, most: int, seconds: float) -> EdgeView:
    share = log10(1 + edge.calls) / log10(1 + most) if most else 0.0
    width = round(_THIN + (_THICK - _THIN) * share**2, 2)
    return EdgeView(edge, layout.edges[pair_of(edge)], width, _label(edge, seconds))


def _label(edge: Edge, seconds: float) -> tuple[tuple[str, bool], ...]:
    first = [rate(edge.calls / seconds)] + ([duration(edge.p95_ns)] if edge.p95_ns is not None else [])
    second = []
    if edge.errors:
        second.append((f"⚠ {percent(error_ratio(edge))}", error_ratio(edge) >= FAILING))
    if edge.queue_delay_p95_ns is not None:
        second.append((_("waits %(time)s", time=duration(edge.queue_delay_p95_ns)), False))
    joined = (" · ".join(text for text, _ in second), any(bad for _, bad in second))
    return ((" · ".join(first), False), joined) if second else ((" · ".join(first), False),)


def shorten(name: str) -> str:
    """A name that fits its node: the end tells similar names apart better than the middle."""
    if len(name) <= NAME_CHARACTERS:
        return name
    return f"{name[: NAME_CHARACTERS - 7]}…{name[-6:]}"
