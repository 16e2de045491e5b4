"""Topology: who calls whom, as a map and as a table; what is in focus, with its figures over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.analysis.traceql import quoted
from collector.analysis.traceql_series import parse_series
from collector.storage.base import (
    Edge,
    EdgePoint,
    EdgeSeriesQuery,
    EdgesQuery,
    FunctionsQuery,
    FunctionStats,
    Node,
    SeriesQuery,
    SpanReader,
    Window,
)
from dashboards import servicegraph
from dashboards.charts.timeseries import TimeChart, bar_chart, line_chart, lines_of
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
    """The page. `?focus=<kind>:<name>&depth=1` shows a node's surroundings, `source` and `target` instead of
    `focus` those of an edge."""
    params, reader, window = request.query_params, ui_of(request).reader, range_of(request).window
    ends, depth = focused(params), choice(params, "depth", DEPTHS, "1")
    focus_id = ends[0] if len(ends) == 1 else ""
    zoom = choice(params, "zoom", ZOOMS, "")
    every = reader.edges(EdgesQuery(window))
    functions = {f.service: f for f in reader.functions(FunctionsQuery(window, buckets=1))}
    chosen = next((edge for edge in every if servicegraph.pair_of(edge) == ends), None)
    edges = servicegraph.around(every, ends, int(depth))
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
        chosen=chosen,
        ends=ends,
        depth=depth,
        depths=DEPTHS,
        zoom=zoom,
        zooms=ZOOMS,
        colours=classes_for(request, sorted(functions)),
        error_ratio=servicegraph.error_ratio,
        has_both_sides=servicegraph.has_both_sides,
        failing=servicegraph.FAILING,
        box=(NODE_WIDTH, NODE_HEIGHT),
        history=_history(reader, window, ends, chosen) if every else [],
        quantile_error=max((edge.quantile_error for edge in every), default=0.0),
        stats=None if every else reader.stats(),
    )


def focused(params: Mapping[str, str]) -> tuple[str, ...]:
    """The node in focus, the two ends of the edge that is, or nothing."""
    node, source, target = (text(params, key) for key in ("focus", "source", "target"))
    return (node,) if node else (source, target) if source and target else ()


def _edge_history(reader: SpanReader, window: Window, edge: Edge) -> list[TimeChart]:
    """Rate, errors, durations, how long messages waited and what was refused. A stretch that is dragged over
    is the edge of that time, whose slowest traces are a link away."""
    points = reader.edge_series(EdgeSeriesQuery(window, edge.source, edge.target, BUCKETS))
    charts = [_edge_calls(points, window), _edge_durations(points, window, servicegraph.has_both_sides(edge))]
    if edge.queue_delay_p50_ns is not None:
        waits = lines_of(
            points,
            window,
            BUCKETS,
            [
                ("p50", "s3", lambda p: p.edge.queue_delay_p50_ns),
                ("p95", "s6", lambda p: p.edge.queue_delay_p95_ns),
            ],
        )
        charts.append(line_chart(_("Wait in the queue"), window, waits, "duration"))
    if edge.refused:
        refused = [(_("Refused"), "c-warn", lambda p: p.edge.refused)]
        charts.append(bar_chart(_("Refused"), window, lines_of(points, window, BUCKETS, refused, missing=0)))
    return charts


def _edge_calls(points: Sequence[EdgePoint], window: Window) -> TimeChart:
    calls = lines_of(
        points,
        window,
        BUCKETS,
        [
            (_("Failed"), "c-err", lambda p: p.edge.errors),
            (_("Ok"), "c-calls", lambda p: p.edge.calls - p.edge.errors),
        ],
        missing=0,
    )
    return bar_chart(_("Calls"), window, calls)


def _edge_durations(points: Sequence[EdgePoint], window: Window, both_sides: bool) -> TimeChart:
    measures: list[tuple[str, str, Callable[[EdgePoint], float | None]]] = [
        ("p50", "s3", lambda p: p.edge.p50_ns),
        ("p95", "s6", lambda p: p.edge.p95_ns),
        ("p99", "s7", lambda p: p.edge.p99_ns),
    ]
    if both_sides:
        measures.append((_("Called p95"), "s1", lambda p: p.edge.server_p95_ns))
    return line_chart(_("Duration"), window, lines_of(points, window, BUCKETS, measures), "duration")


def _history(reader: SpanReader, window: Window, ends: Sequence[str], chosen: Edge | None) -> list[TimeChart]:
    """Calls and durations over time, of the edge, function or queue in focus or of all; nothing for another
    kind of node. A stretch that is dragged over is the map of that time."""
    if chosen:
        return _edge_history(reader, window, chosen)
    kind, _colon, name = (ends[0] if ends else "").partition(":")
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
