"""The service graph by brute force: rows go into SQLite, one SELECT a rule, and figures are counted here."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import quantiles
from typing import Any

from collector import jsonvalue
from collector.model import Kind, Status
from collector.storage.base import PAIR_SLACK_NS, SETTLE_NS, Edge, Node, Window

CALLS = Path(__file__).with_name("servicegraph.sql").read_text()
# Rule 5's waits: for each producer that the consumer names, by a link or as its parent, once.
WAITS = """
SELECT DISTINCT p.trace, p.id, s.start - p.start - p.duration AS wait
FROM span s, span p
WHERE s.trace = :trace AND s.id = :id AND p.kind = 'producer'
    AND abs(p.start - s.start) <= :slack
    AND (
        (p.trace = s.trace AND p.id = s.parent)
        OR EXISTS (
            SELECT 1 FROM link l
            WHERE (l.trace, l.id) = (s.trace, s.id) AND (l.to_trace, l.to_id) = (p.trace, p.id)
        )
    )
    AND wait >= 0
"""
_TABLES = """
CREATE TABLE span (
    trace, id, parent, start, duration, kind, failed, service, came_by, bucket, destination, peer_kind, peer,
    PRIMARY KEY (trace, id)
);
CREATE TABLE link (trace, id, to_trace, to_id);
"""


def brute_force(rows: Iterable[dict[str, Any]], window: Window) -> dict[tuple[str, str], Edge]:
    """The edges by the ids of their nodes. Of rows with equal ids the first counts."""
    table = _filled(rows)
    bounds = {
        "start": window.start_ns,
        "end": window.end_ns,
        "near_start": window.start_ns - PAIR_SLACK_NS,
        "near_end": window.end_ns + PAIR_SLACK_NS,
        "settled": window.end_ns - SETTLE_NS,
        "slack": PAIR_SLACK_NS,
    }
    calls: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for source, target, failed, client, server, trace, span in table.execute(CALLS, bounds).fetchall():
        waits = table.execute(WAITS, bounds | {"trace": trace, "id": span}) if trace else ()
        calls[source, target].append((failed, client, server, [wait for _, _, wait in waits]))
    return {ends: _edge(ends, found) for ends, found in calls.items()}


def _filled(rows: Iterable[dict[str, Any]]) -> sqlite3.Connection:
    table = sqlite3.connect(":memory:")
    table.executescript(_TABLES)
    for row in rows:
        added = table.execute(
            f"INSERT OR IGNORE INTO span VALUES ({', '.join('?' * 13)})",
            (
                row["trace_id"], row["span_id"], row["parent_span_id"], row["start_ns"], row["duration_ns"],
                Kind(row["kind"]).name.lower(), row["status"] == Status.ERROR, row["service"], row["trigger"],
                row["bucket"], row["messaging_destination"], row["peer_kind"], row["peer"],
            ),
        )  # fmt: skip
        if added.rowcount and row["links"]:
            named = [(link["trace_id"], int(link["span_id"], 16)) for link in jsonvalue.loads(row["links"])]
            table.executemany(
                "INSERT INTO link VALUES (?, ?, ?, ?)",
                [(row["trace_id"], row["span_id"], *to) for to in named],
            )
    return table


def _edge(ends: tuple[str, str], calls: list[tuple[Any, ...]]) -> Edge:
    failed, client, server, waits = zip(*calls)
    seen = [ns for ns in client if ns is not None] or [ns for ns in server if ns is not None]
    answered = [ns for ns in server if ns is not None]
    waited = [wait for each in waits for wait in each]
    return Edge(
        _node(ends[0]), _node(ends[1]), len(calls), sum(failed),
        *(_percentile(seen, percent) for percent in (50, 95, 99)), _percentile(answered, 95),
        _percentile(waited, 50), _percentile(waited, 95), sum(seen),
    )  # fmt: skip


def _node(ident: str) -> Node:
    kind, _, name = ident.partition(":")
    return Node(kind, name)  # type: ignore[arg-type]


def _percentile(values: list[int], percent: int) -> float | None:
    if len(values) < 2:
        return float(values[0]) if values else None
    return quantiles(values, n=100, method="inclusive")[percent - 1]
