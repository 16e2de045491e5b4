"""From sums of calls to the edges of the service graph, as EdgesQuery says."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.storage.base import Edge, Node
from collector.storage.duckdb.rollups import RELATIVE_ERROR

# (source_kind, source, target_kind, target)
Ends = tuple[str, str, str, str]


@dataclass(slots=True)
class Histogram:
    """Durations by bucket of an exponential histogram of scale 4; -1 holds those of nothing."""

    calls: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    total_ns: int = 0

    def add(self, buckets: Sequence[int], calls: Sequence[int], total_ns: int) -> None:
        for bucket, number in zip(buckets, calls, strict=True):
            self.calls[bucket] += number
        self.total_ns += total_ns

    def quantile(self, q: float) -> float:
        """Between the middles of the buckets of the two calls around the rank, as between two calls."""
        rank = (sum(self.calls.values()) - 1) * q
        low, high = (self._value_at(round_(rank)) for round_ in (math.floor, math.ceil))
        return low + (rank - math.floor(rank)) * (high - low)

    def _value_at(self, rank: int) -> float:
        for bucket in sorted(self.calls):
            rank -= self.calls[bucket]
            if rank < 0:
                break
        return 0.0 if bucket < 0 else 2 ** ((bucket + 0.5) / 16)


@dataclass(slots=True)
class Figures:
    """Of one edge."""

    calls: int = 0
    errors: int = 0
    refused: int = 0
    sides: dict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))


def edges_of(rows: Iterable[tuple[Any, ...]], service: str = "") -> tuple[Edge, ...]:
    """Edges from rows of `sums` without a slot and with lists of buckets and of calls; those that touch a
    function, if one is given."""
    found: dict[Ends, Figures] = defaultdict(Figures)
    for source_kind, source, target_kind, target, side, buckets, calls, errors, refused, total_ns in rows:
        figures = found[source_kind, source, target_kind, target]
        if side == "call":
            figures.calls += sum(calls)
            figures.errors += errors
            figures.refused += refused
        else:
            figures.sides[side].add(buckets, calls, total_ns)
    edges = [_edge(ends, figures) for ends, figures in found.items() if figures.calls]
    if service:
        me = Node("function", service)
        edges = [edge for edge in edges if me in (edge.source, edge.target)]
    return tuple(sorted(edges, key=lambda edge: (-edge.calls, edge.source.id, edge.target.id)))


def _edge(ends: Ends, figures: Figures) -> Edge:
    client, server, delay = (figures.sides.get(side) for side in ("client", "server", "delay"))
    seen = client or server
    return Edge(
        source=Node(ends[0], ends[1]),  # type: ignore[arg-type]
        target=Node(ends[2], ends[3]),  # type: ignore[arg-type]
        calls=figures.calls,
        errors=figures.errors,
        p50_ns=seen.quantile(0.5) if seen else None,
        p95_ns=seen.quantile(0.95) if seen else None,
        p99_ns=seen.quantile(0.99) if seen else None,
        server_p95_ns=server.quantile(0.95) if server else None,
        queue_delay_p50_ns=delay.quantile(0.5) if delay else None,
        queue_delay_p95_ns=delay.quantile(0.95) if delay else None,
        total_ns=seen.total_ns if seen else 0,
        quantile_error=RELATIVE_ERROR,
        refused=figures.refused,
    )
