"""The made-up hours: the same for a seed, valid OTLP, each incident within the last hour."""

from __future__ import annotations

from collector.decode.otlp_protobuf import decode
from tracekit.demo.incidents import BEFORE_NS, HOUR_NS, QUEUE, SLOW_STATEMENT, incidents

NOW_NS = 1_700_000_000 * 10**9


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert incidents(NOW_NS, 3) == incidents(NOW_NS, 3) != incidents(NOW_NS, 4)


def test_every_span_is_taken_and_lies_in_the_two_hours() -> None:
    decoded = decode(incidents(NOW_NS), NOW_NS)
    assert not decoded.rejected and len(decoded.batch) > 1_000
    starts, durations = (decoded.batch.columns[name] for name in ("start_ns", "duration_ns"))
    assert NOW_NS - BEFORE_NS - HOUR_NS < min(starts) < NOW_NS - BEFORE_NS + HOUR_NS // 10
    assert max(start + took for start, took in zip(starts, durations)) <= NOW_NS


def test_the_calm_hour_is_calm() -> None:
    columns = decode(incidents(NOW_NS), NOW_NS).batch.columns
    calm = [row for row, start in enumerate(columns["start_ns"]) if start < NOW_NS - HOUR_NS]
    assert not any(columns["error_type"][row] for row in calm)
    statements = {columns["db_statement"][row] for row in calm} - {""}
    assert statements and SLOW_STATEMENT not in statements
    assert QUEUE in {columns["messaging_destination"][row] for row in calm}
