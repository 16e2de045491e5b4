"""The service graph by brute force: rows go into SQLite, one SELECT a rule, and figures are counted here."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any

from collector import jsonvalue
from collector.model import Kind, Status
from collector.storage.base import PAIR_SLACK_NS, SETTLE_NS, Edge, Node, Window
from collector.storage.usage import REFUSALS

# Whether it failed, was refused, how long for the caller and the called side, and how long messages waited.
Call = tuple[int, int, int | None, int | None, list[int]]
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
    trace, id, parent, start, duration, kind, failed, refused, service, came_by, bucket, destination,
    peer_kind, peer,
    PRIMARY KEY (trace, id)
);
CREATE TABLE link (trace, id, to_trace, to_id);
"""


def brute_force(rows: Iterable[dict[str, Any]], window: Window) -> dict[tuple[str, str], Edge]:
    """The edges by the ids of their nodes. Of rows with equal ids the first counts."""
    calls: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for ends, _, call in _calls(rows, window):
        calls[ends].append(call)
    return {ends: _edge(ends, found) for ends, found in calls.items()}


def brute_force_over_time(
    rows: Iterable[dict[str, Any]], window: Window, buckets: int
) -> dict[tuple[str, str], dict[int, Edge]]:
    """The same, of each part of the window that has any, by when the part begins."""
    width = (window.end_ns - window.start_ns) // buckets
    assert width * buckets == window.end_ns - window.start_ns
    calls: dict[tuple[str, str], dict[int, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for ends, at_ns, call in _calls(rows, window):
        calls[ends][at_ns - (at_ns - window.start_ns) % width].append(call)
    return {
        ends: {at_ns: _edge(ends, calls) for at_ns, calls in parts.items()} for ends, parts in calls.items()
    }


def _calls(rows: Iterable[dict[str, Any]], window: Window) -> Iterator[tuple[tuple[str, str], int, Call]]:
    """The ends of the edge, when, and what of it counts."""
    table = _filled(rows)
    bounds = {
        "start": window.start_ns,
        "end": window.end_ns,
        "near_start": window.start_ns - PAIR_SLACK_NS,
        "near_end": window.end_ns + PAIR_SLACK_NS,
        "settled": window.end_ns - SETTLE_NS,
        "slack": PAIR_SLACK_NS,
    }
    for source, target, failed, turned_away, at_ns, client, server, trace, span in table.execute(
        CALLS, bounds
    ).fetchall():
        waits = table.execute(WAITS, bounds | {"trace": trace, "id": span}) if trace else ()
        yield (source, target), at_ns, (failed, turned_away, client, server, [wait for _, _, wait in waits])


def _filled(rows: Iterable[dict[str, Any]]) -> sqlite3.Connection:
    table = sqlite3.connect(":memory:")
    table.executescript(_TABLES)
    for row in rows:
        added = table.execute(
            f"INSERT OR IGNORE INTO span VALUES ({', '.join('?' * 14)})",
            (
                row["trace_id"], row["span_id"], row["parent_span_id"], row["start_ns"], row["duration_ns"],
                Kind(row["kind"]).name.lower(), row["status"] == Status.ERROR, refused(row), row["service"],
                row["trigger"], row["bucket"], row["messaging_destination"], row["peer_kind"], row["peer"],
            ),
        )  # fmt: skip
        if added.rowcount and row["links"]:
            named = [(link["trace_id"], int(link["span_id"], 16)) for link in jsonvalue.loads(row["links"])]
            table.executemany(
                "INSERT INTO link VALUES (?, ?, ?, ?)",
                [(row["trace_id"], row["span_id"], *to) for to in named],
            )
    return table


def refused(row: dict[str, Any]) -> bool:
    return row["http_status"] == 429 or re.search(REFUSALS, row["error_type"], re.IGNORECASE) is not None


def _edge(ends: tuple[str, str], calls: list[Call]) -> Edge:
    failed, turned_away, client, server, waits = zip(*calls)
    seen = [ns for ns in client if ns is not None] or [ns for ns in server if ns is not None]
    answered = [ns for ns in server if ns is not None]
    waited = [wait for each in waits for wait in each]
    return Edge(
        _node(ends[0]), _node(ends[1]), len(calls), sum(failed),
        *(_percentile(seen, percent) for percent in (50, 95, 99)), _percentile(answered, 95),
        _percentile(waited, 50), _percentile(waited, 95), sum(seen), 0.0, sum(turned_away),
    )  # fmt: skip


def _node(ident: str) -> Node:
    kind, _, name = ident.partition(":")
    return Node(kind, name)  # type: ignore[arg-type]


def _percentile(values: list[int], percent: int) -> float | None:
    if len(values) < 2:
        return float(values[0]) if values else None
    return quantiles(values, n=100, method="inclusive")[percent - 1]
