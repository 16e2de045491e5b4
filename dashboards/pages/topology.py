"""Topology: who calls whom, as a map and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.analysis.traceql import quoted
from collector.analysis.traceql_series import parse_series
from collector.storage.base import (
    Edge,
    EdgesQuery,
    FunctionsQuery,
    FunctionStats,
    Node,
    SeriesQuery,
    SpanReader,
    Window,
)
from dashboards import servicegraph
from dashboards.charts.timeseries import TimeChart, line_chart
from dashboards.i18n import _
from dashboards.pages.function import BUCKETS, red_charts
from dashboards.palette import classes_for
from dashboards.params import choice, text
from dashboards.render import range_of, render
from dashboards.spanlines import span_lines
from dashboards.topology_layout import NODE_HEIGHT, NODE_WIDTH, LayoutUnavailable
from dashboards.ui import ui_of

router = APIRouter()

DEPTHS = ("1", "2", "3")
# Percent of the map's own size; "" fits the card as far as text stays readable.
ZOOMS = ("", "50", "75", "100", "150")
TABLE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Focus:
    """The chosen node and its edges, busiest first."""

    node: Node
    into: tuple[Edge, ...]
    out: tuple[Edge, ...]
    stats: FunctionStats | None
    refused: int = 0  # calls that callers saw turned away

    @property
    def calls(self) -> int:
        return self.stats.calls if self.stats else sum(edge.calls for edge in self.into or self.out)

    @property
    def errors(self) -> int:
        return self.stats.errors if self.stats else sum(edge.errors for edge in self.into or self.out)


@router.get("/topology")
def topology(request: Request) -> Response:
    """The page. `?focus=<kind>:<name>&depth=1` shows a node's surroundings."""
    params, reader, window = request.query_params, ui_of(request).reader, range_of(request).window
    focus_id, depth = text(params, "focus"), choice(params, "depth", DEPTHS, "1")
    zoom = choice(params, "zoom", ZOOMS, "")
    every = reader.edges(EdgesQuery(window))
    functions = {f.service: f for f in reader.functions(FunctionsQuery(window, buckets=1))}
    edges = servicegraph.around(every, focus_id, int(depth))
    graph, problem = _draw(edges, functions, window.seconds)
    return render(
        request,
        "topology.html",
        graph=graph,
        problem=problem,
        edges=edges[:TABLE_ROWS],
        hidden_edges=len(edges) - min(len(edges), TABLE_ROWS),
        drawn=servicegraph.DRAWN_EDGES,
        total_edges=len(every),
        focus=_focus(reader, window, focus_id, every, functions),
        focus_id=focus_id,
        depth=depth,
        depths=DEPTHS,
        zoom=zoom,
        zooms=ZOOMS,
        colours=classes_for(request, sorted(functions)),
        error_ratio=servicegraph.error_ratio,
        failing=servicegraph.FAILING,
        box=(NODE_WIDTH, NODE_HEIGHT),
        history=_history(reader, window, focus_id) if every else [],
        stats=None if every else reader.stats(),
    )


def _history(reader: SpanReader, window: Window, focus_id: str) -> list[TimeChart]:
    """Calls and durations over time, of the function or queue in focus or of all; nothing for another kind of
    node. A stretch that is dragged over is the map of that time."""
    kind, _colon, name = focus_id.partition(":")
    if kind == "queue":
        return _queue_history(reader, window, name)
    if kind not in ("", "function"):
        return []
    return red_charts(reader.series(SeriesQuery(window, name, buckets=BUCKETS)), window)[:2]


def _queue_history(reader: SpanReader, window: Window, name: str) -> list[TimeChart]:
    """Messages a second and how long sending and receiving took, by side."""
    of_queue = (
        f"{{ (kind = producer || kind = consumer) && span.messaging.destination.name = {quoted(name)} }}"
    )
    charts = []
    for title, figure in (
        (_("Messages"), "rate()"),
        (_("p95 duration"), "quantile_over_time(duration, .95)"),
    ):
        found = span_lines(reader, window, parse_series(f"{of_queue} | {figure} by (kind)"), BUCKETS)
        charts.append(line_chart(title, window, found.lines, found.unit))
    return charts


def _draw(
    edges: Sequence[Edge], functions: dict[str, FunctionStats], seconds: float
) -> tuple[servicegraph.GraphView | None, str]:
    """The map, or why there is none; the table stands either way."""
    try:
        return servicegraph.draw(edges, functions, seconds), ""
    except LayoutUnavailable as error:
        return None, str(error)


def _focus(
    reader: SpanReader,
    window: Window,
    focus_id: str,
    edges: Sequence[Edge],
    functions: dict[str, FunctionStats],
) -> Focus | None:
    """The focused node; None without a focus, or for a node that has no edges in the window."""
    node = next((n for e in edges for n in (e.source, e.target) if n.id == focus_id), None)
    if node is None:
        return None
    stats = functions.get(node.name) if node.kind == "function" else None
    into, out = (e for e in edges if e.target == node), (e for e in edges if e.source == node)
    refused = dict(reader.used.throttled(window)).get(node.name, 0) if node.kind == "function" else 0
    return Focus(node, tuple(into), tuple(out), stats, refused)
