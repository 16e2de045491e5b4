"""Where the corners and lines of a service graph go: Graphviz' `dot`, left to right, as plain numbers.

Only the graph's shape decides the layout, never its traffic: the picture holds still while figures
change, and one layout serves until an edge appears or goes.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import hypot
from typing import Any

from dashboards.i18n import _

NODE_WIDTH, NODE_HEIGHT = 164.0, 44.0
LABEL_WIDTH, LABEL_HEIGHT = 112.0, 28.0
MARGIN = 20.0
ARROW_LENGTH, ARROW_WIDTH = 10.0, 9.0
# Labels take a rank of their own. Beyond this many edges they would push the graph off the screen.
LABELLED_EDGES = 60
_POINTS_PER_INCH = 72.0

Point = tuple[float, float]
Pair = tuple[str, str]


class LayoutUnavailable(Exception):
    """Graphviz is not installed or failed; its message says what to do. Pages fall back to a table."""


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """A drawn edge: SVG path data, the arrow's corners as SVG points, and the label's centre, if labelled."""

    path: str
    arrow: str
    label: Point | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of nodes and lines of edges, in px, within width x height. Nothing lies outside."""

    width: float
    height: float
    nodes: dict[str, Point]
    edges: dict[Pair, EdgeLine]


def lay_out(nodes: Iterable[str], edges: Iterable[Pair]) -> Layout:
    """The layout of a graph; equal graphs get equal ones, from a cache. LayoutUnavailable if impossible."""
    return _cached(tuple(sorted(set(nodes))), tuple(sorted(set(edges))))


def neighbourhood(focus: str, edges: Iterable[Pair], depth: int, ends: Collection[str] = ()) -> set[str]:
    """Nodes at most `depth` edges from `focus`, whichever way edges point; no way leads through `ends`."""
    beside: dict[str, set[str]] = {}
    for source, target in edges:
        beside.setdefault(source, set()).add(target)
        beside.setdefault(target, set()).add(source)
    reached, front = {focus}, {focus}
    for _step in range(depth):
        front = {near for node in front if node not in ends for near in beside.get(node, ())} - reached
        reached |= front
    return reached


# Graphviz keeps state in global variables: two threads inside it crash the process.
_lock = threading.Lock()


@lru_cache(maxsize=64)
def _cached(nodes: tuple[str, ...], edges: tuple[Pair, ...]) -> Layout:
    if not nodes:
        return Layout(0.0, 0.0, {}, {})
    with _lock:
        return _fit(*_place(nodes, edges))


@dataclass(frozen=True, slots=True)
class _Spline:
    """An edge as Graphviz gives it: Bezier control points, the arrow's tip, the label's centre."""

    points: tuple[Point, ...]
    tip: Point
    label: Point | None


def _place(nodes: Sequence[str], edges: Sequence[Pair]) -> tuple[dict[str, Point], dict[Pair, _Spline]]:
    """Positions from Graphviz, y upwards. Names never reach it: they could be read as its markup."""
    try:
        import pygraphviz
    except ImportError as error:
        raise LayoutUnavailable(
            _("The map needs pygraphviz, which is not installed: pip install 'tracekit[server]'")
        ) from error
    numbers = {node: str(index) for index, node in enumerate(nodes)}
    graph = _graph(pygraphviz, numbers, edges)
    try:
        graph.layout(prog="dot")
        places = {node: _point(graph.get_node(number).attr["pos"]) for node, number in numbers.items()}
        lines = {pair: _spline(graph.get_edge(numbers[pair[0]], numbers[pair[1]]).attr) for pair in edges}
    except (ValueError, KeyError, OSError) as error:
        raise LayoutUnavailable(_("Graphviz could not lay out this graph: %(error)s", error=error)) from error
    finally:
        graph.close()
    return places, lines


def _graph(pygraphviz: Any, numbers: dict[str, str], edges: Sequence[Pair]) -> Any:
    graph = pygraphviz.AGraph(directed=True, strict=True)
    labelled = len(edges) <= LABELLED_EDGES
    graph.graph_attr.update(
        rankdir="LR", ranksep="0.25" if labelled else "0.6", nodesep="0.22", splines="spline"
    )
    graph.node_attr.update(
        shape="box", fixedsize="true", label="", width=_inches(NODE_WIDTH), height=_inches(NODE_HEIGHT)
    )
    graph.edge_attr.update(arrowsize=f"{ARROW_LENGTH / 10:.1f}")
    if labelled:
        graph.edge_attr.update(label=_blank(LABEL_WIDTH, LABEL_HEIGHT))
    graph.add_nodes_from(numbers.values())
    graph.add_edges_from((numbers[source], numbers[target]) for source, target in edges)
    return graph


def _inches(points: float) -> str:
    return f"{points / _POINTS_PER_INCH:.4f}"


def _blank(width: float, height: float) -> str:
    """A label of an exact size, so that room for ours does not depend on the fonts Graphviz finds."""
    return (
        f'<<TABLE BORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE" WIDTH="{width:.0f}" '
        f'HEIGHT="{height:.0f}"><TR><TD></TD></TR></TABLE>>'
    )


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)


def _spline(attributes: Any) -> _Spline:
    """Reads `e,tip start control control end ...`; dot writes one spline an edge, tip first."""
    tip: Point | None = None
    points = []
    for part in attributes["pos"].replace("\\\n", "").split():
        if part.startswith("e,"):
            tip = _point(part[2:])
        elif not part.startswith("s,"):
            points.append(_point(part))
    label = attributes["lp"]
    return _Spline(tuple(points), tip or points[-1], _point(label) if label else None)


def _fit(places: dict[str, Point], lines: dict[Pair, _Spline]) -> Layout:
    """Turn y downwards and shift everything into view. Graphviz' own box leaves out what curves beyond it."""
    half_width, half_height = NODE_WIDTH / 2, NODE_HEIGHT / 2
    corners = [(x + dx, y + dy) for x, y in places.values() for dx in (-half_width, half_width)
               for dy in (-half_height, half_height)]  # fmt: skip
    for line in lines.values():
        corners += [*line.points, line.tip]
        if line.label:
            x, y = line.label
            corners += [
                (x - LABEL_WIDTH / 2, y - LABEL_HEIGHT / 2),
                (x + LABEL_WIDTH / 2, y + LABEL_HEIGHT / 2),
            ]
    left, top = min(x for x, _ in corners) - MARGIN, max(y for _, y in corners) + MARGIN
    width = max(x for x, _ in corners) + MARGIN - left
    height = top - min(y for _, y in corners) + MARGIN

    def moved(point: Point) -> Point:
        return round(point[0] - left, 1), round(top - point[1], 1)

    return Layout(
        width=round(width, 1),
        height=round(height, 1),
        nodes={node: moved(place) for node, place in places.items()},
        edges={
            pair: _line([moved(p) for p in line.points], moved(line.tip), line.label and moved(line.label))
            for pair, line in lines.items()
        },
    )


def _line(points: list[Point], tip: Point, label: Point | None) -> EdgeLine:
    curve = " ".join(f"{x:g},{y:g}" for x, y in points[1:])
    return EdgeLine(f"M{points[0][0]:g},{points[0][1]:g}C{curve}", _arrow(points, tip), label)


def _arrow(points: list[Point], tip: Point) -> str:
    """A triangle at the tip, pointing the way the curve arrives."""
    from_x, from_y = next(
        (p for p in reversed(points) if hypot(tip[0] - p[0], tip[1] - p[1]) > 0.5), points[0]
    )
    length = hypot(tip[0] - from_x, tip[1] - from_y) or 1.0
    dx, dy = (tip[0] - from_x) / length, (tip[1] - from_y) / length
    base_x, base_y = tip[0] - dx * ARROW_LENGTH, tip[1] - dy * ARROW_LENGTH
    half = ARROW_WIDTH / 2
    corners = [tip, (base_x - dy * half, base_y + dx * half), (base_x + dy * half, base_y - dx * half)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
