from __future__ import annotations

import time
from dataclasses import replace

import pytest

from collector.model import Span
from dashboards.tracecache import REUSED_S, SETTLED_NS, TraceCache
from dashboards.waterfall import lay_out
from tests.collector.analysis.spans import span


def trace(letter: str, spans: int) -> list[Span]:
    return [replace(span(f"{i:016x}", i, i + 1), trace_id=letter * 32) for i in range(spans)]


def test_a_layout_is_found_by_trace_and_number_of_spans() -> None:
    cache, laid = TraceCache(), lay_out(trace("a", 3))
    cache.put(laid)
    assert cache.get("a" * 32, 3) is laid
    assert cache.get("a" * 32, 4) is None
    assert cache.get("b" * 32, 3) is None


def test_the_trace_used_longest_ago_makes_room() -> None:
    cache = TraceCache(kept_spans=10)
    for letter in "ab":
        cache.put(lay_out(trace(letter, 4)))
    cache.get("a" * 32, 4)
    cache.put(lay_out(trace("c", 4)))
    assert [cache.get(letter * 32, 4) is not None for letter in "abc"] == [True, False, True]


def test_a_trace_larger_than_the_room_is_kept_alone() -> None:
    cache = TraceCache(kept_spans=2)
    cache.put(lay_out(trace("a", 5)))
    assert cache.get("a" * 32, 5) is not None


def test_a_layout_serves_again_only_for_a_trace_that_ended_a_while_ago() -> None:
    cache, laid = TraceCache(), lay_out(trace("a", 3))
    cache.put(laid)
    assert cache.settled("a" * 32, laid.end_ns + SETTLED_NS) is laid
    assert cache.settled("a" * 32, laid.end_ns + SETTLED_NS - 1) is None
    assert cache.settled("b" * 32, laid.end_ns + SETTLED_NS) is None


def test_a_layout_does_not_serve_again_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, laid = TraceCache(), lay_out(trace("a", 3))
    cache.put(laid)
    later = time.monotonic() + REUSED_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert cache.settled("a" * 32, laid.end_ns + SETTLED_NS) is None
