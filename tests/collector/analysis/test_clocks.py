"""Clocks that disagree are found where a call starts before its caller, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.analysis.clocks import LEAST_NS, skews
from collector.model import Kind, Span
from tests.collector.analysis.spans import span

MS = 1_000_000


def called(start_ms: float, caller: Kind = Kind.CLIENT, callee: Kind = Kind.SERVER, **more: object) -> Span:
    """A call in another process."""
    start = round(start_ms * MS)
    made = span("callee", start, start + 5 * MS, "caller", kind=callee, service="stock")
    return replace(made, resource_id=2, **more)  # type: ignore[arg-type]


def calling(kind: Kind = Kind.CLIENT) -> Span:
    return span("caller", 100 * MS, 120 * MS, kind=kind)


@pytest.mark.parametrize(
    ("caller", "callee"),
    [(Kind.CLIENT, Kind.SERVER), (Kind.PRODUCER, Kind.CONSUMER), (Kind.INTERNAL, Kind.SERVER)],
)
def test_a_call_that_starts_before_its_caller_tells_how_far_its_clock_is_behind(
    caller: Kind, callee: Kind
) -> None:
    (found,) = skews([calling(caller), called(60, callee=callee)])
    assert (found.caller.span_id, found.callee.span_id, found.ns) == ("caller", "callee", 40 * MS)


@pytest.mark.parametrize("start_ms", [100, 110, 119, 500], ids=str)
def test_a_call_that_starts_later_is_no_proof_wherever_it_ends(start_ms: int) -> None:
    assert skews([calling(), called(start_ms)]) == ()


def test_less_than_clocks_are_read_to_is_no_proof() -> None:
    assert skews([calling(), called(100 - (LEAST_NS - 1) / MS)]) == ()
    assert len(skews([calling(), called(100 - LEAST_NS / MS)])) == 1


def test_a_cold_start_may_precede_the_call_that_met_it() -> None:
    assert skews([calling(), called(60, callee=Kind.INTERNAL, phase="cold_start")]) == ()


@pytest.mark.parametrize("key", ["messaging.operation", "messaging.operation.type"])
def test_who_waits_for_messages_may_do_so_before_there_is_one(key: str) -> None:
    waiting = called(60, callee=Kind.CONSUMER, attributes={key: "receive"})
    assert skews([calling(Kind.PRODUCER), waiting]) == ()
    assert skews([calling(Kind.PRODUCER), replace(waiting, attributes={key: "process"})])


def test_one_process_has_one_clock() -> None:
    assert skews([calling(Kind.INTERNAL), replace(called(60), resource_id=1)]) == ()


def test_each_two_processes_are_named_once_with_the_largest_first() -> None:
    near, far = called(90), replace(called(50), span_id="far")
    other = replace(called(10), span_id="other", resource_id=3)
    again = [replace(calling(), span_id="b", start_ns=200 * MS), replace(called(95), parent_span_id="b")]
    assert [(s.callee.span_id, s.ns // MS) for s in skews([calling(), near, far, other])] == [
        ("other", 90), ("far", 50),
    ]  # fmt: skip
    assert [s.ns // MS for s in skews([calling(), near, *again])] == [105]
