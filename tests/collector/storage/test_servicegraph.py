"""Rate, errors and durations of every edge equal a brute-force count, in both engines, on random traffic.

Some calls lack their other half; batches take up messages of several traces, some before they were sent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.storage.base import Edge, EdgeSeriesQuery, EdgesQuery, SpanReader, Window
from collector.storage.duckdb import open_storage
from collector.storage.memory import MemoryStorage
from tests.collector.batches import SECOND, T0, batch, row
from tests.collector.storage.test_contract import spans
from tests.servicegraph import brute_force, brute_force_over_time

WINDOW = Window(T0, T0 + 60 * SECOND)
BUCKETS = 8
ROUNDS = int(os.environ.get("TRACEKIT_TEST_ROUNDS", "40"))
SERVICES = st.sampled_from(["a", "b", "c"])
STATUS = st.sampled_from(["unset", "unset", "error"])
AT = st.sampled_from([-900.0, -1.0, 0.0, 3.25, 30.0, 44.75, 45.0, 59.5, 60.0, 959.0])
# What the calling side says of a call that was turned away, or was not.
SAID = st.sampled_from(
    [{}, {}, {"http_status": 429}, {"http_status": 500}, {"error_type": "Lambda.TooManyRequestsException"}]
)
TOOK = st.sampled_from([0.0, 20.0, 400.0, 90_000.0])

Rows = list[dict[str, Any]]


@st.composite
def call(draw: st.DrawFn, trace: int) -> Rows:
    """A CLIENT and the SERVER it called; either may never have come."""
    at, took, fields = draw(AT), draw(TOOK), {"peer_kind": "external", "peer": "api"}
    client = row(
        trace, 1, at, took, kind="client", service=draw(SERVICES), status=draw(STATUS), **fields, **draw(SAID)
    )
    server = row(
        trace, 2, at + 0.25, draw(TOOK), parent=1, service=draw(SERVICES), status=draw(STATUS), **draw(SAID)
    )
    return draw(st.sampled_from([[client, server], [client, server], [client], [server]]))


@st.composite
def batched(draw: st.DrawFn, trace: int) -> Rows:
    """Messages of traces of their own, and the consumers that took them up: by links, one also as a child."""
    queue = draw(st.sampled_from(["", "orders", "mails"]))
    fields = {"messaging_destination": queue}
    sent = [
        row(trace + n, 1, draw(AT), draw(TOOK), kind=draw(st.sampled_from(["producer", "client"])),
            service=draw(SERVICES), status=draw(STATUS), peer_kind="queue", peer=queue or "q", **fields,
            **draw(SAID))
        for n in range(draw(st.integers(1, 4)))
    ]  # fmt: skip
    places = [(trace + n, 1) for n in range(len(sent) + 1)]  # the last one never came
    consumers = [
        row(trace + child, 10 + n, draw(AT), draw(TOOK), kind="consumer", service=draw(SERVICES),
            status=draw(STATUS), parent=draw(st.sampled_from([0, 1, 1])), trigger="pubsub",
            links=draw(st.lists(st.sampled_from(places), max_size=3)), **fields)
        for n, child in enumerate(draw(st.lists(st.integers(0, 3), max_size=3)))
    ]  # fmt: skip
    return sent + consumers


@st.composite
def started(draw: st.DrawFn, trace: int) -> Rows:
    """A call that a trigger began, and the database it asked."""
    trigger = draw(st.sampled_from(["", "http", "timer", "datasource", "pubsub"]))
    came = {"trigger": trigger, "bucket": draw(st.sampled_from(["", "photos"]))}
    came["messaging_destination"] = draw(st.sampled_from(["", "t"]))
    fields = {"service": draw(SERVICES), "status": draw(STATUS)}
    asked = {"kind": "client", "parent": 1, "peer_kind": "database", "peer": "db"}
    return [
        row(trace, 1, draw(AT), draw(TOOK), **came, **fields),
        row(trace, 2, draw(AT), draw(TOOK), **asked, **fields),
    ]


@st.composite
def traffic(draw: st.DrawFn) -> Rows:
    kinds = draw(st.lists(st.sampled_from([call, batched, started]), min_size=1, max_size=6))
    found = [span for n, journey in enumerate(kinds, 1) for span in draw(journey(10 * n))]
    return draw(st.permutations(found + draw(st.lists(spans(), max_size=6))))


def by_nodes(edges: Sequence[Edge]) -> dict[tuple[str, str], Edge]:
    return {(edge.source.id, edge.target.id): edge for edge in edges}


def check(reader: SpanReader, rows: Rows) -> None:
    found, counted = by_nodes(reader.edges(EdgesQuery(WINDOW))), brute_force(rows, WINDOW)
    assert found.keys() == counted.keys()
    for ends, edge in counted.items():
        assert figures(found[ends]) == pytest.approx(figures(edge), rel=1e-12), ends
    for ends, parts in brute_force_over_time(rows, WINDOW, BUCKETS).items():
        edge = found[ends]
        points = reader.edge_series(EdgeSeriesQuery(WINDOW, edge.source, edge.target, BUCKETS))
        assert [point.start_ns for point in points] == sorted(parts)
        for point in points:
            assert figures(point.edge) == pytest.approx(figures(parts[point.start_ns]), rel=1e-12), ends
            assert (point.edge.source, point.edge.target) == (edge.source, edge.target)


def figures(edge: Edge) -> dict[str, float]:
    """Those that are known."""
    values = {name: getattr(edge, name) for name in Edge.__slots__ if name not in ("source", "target")}
    return {name: value for name, value in values.items() if value is not None}


@settings(max_examples=4 * ROUNDS, deadline=None, suppress_health_check=list(HealthCheck))
@given(traffic())
def test_the_reference_engine_counts_as_brute_force_does(rows: Rows) -> None:
    storage = MemoryStorage()
    storage.write([batch(*rows)])
    check(storage, rows)


@settings(max_examples=ROUNDS, deadline=None, suppress_health_check=list(HealthCheck))
@given(traffic())
def test_duckdb_counts_as_brute_force_does(rows: Rows) -> None:
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(Path(folder))
        try:
            storage.writer.write([batch(*rows)])
            check(storage.reader, rows)
        finally:
            storage.close()
