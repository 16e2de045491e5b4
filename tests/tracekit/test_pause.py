"""What calls say about the time before them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tracekit import lifecycle, traced
from tracekit.lifecycle import PAUSES, Pauses

S = 10**9


class Clocks:
    """The wall clock and the one that stands still with the machine, in nanoseconds."""

    def __init__(self) -> None:
        self.wall = 1000 * S
        self.steady = 5 * S

    def go(self, seconds: float, frozen: float = 0) -> None:
        self.wall += round((seconds + frozen) * S)
        self.steady += round(seconds * S)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clocks]:
    made = Clocks()
    monkeypatch.setattr(lifecycle, "_now", lambda: (made.wall, made.steady))
    yield made


def test_the_first_call_has_nothing_before_it(clocks: Clocks) -> None:
    assert Pauses().begins() == {}


def test_a_call_says_how_long_nothing_ran_before_it(clocks: Clocks) -> None:
    pauses = Pauses()
    pauses.begins()
    pauses.ended()
    pauses.flushed(20_000_000)
    clocks.go(3)
    assert pauses.begins() == {"tracekit.idle_ms": 3000.0, "tracekit.previous_flush_ms": 20.0}


def test_time_in_which_the_clock_stood_still_is_told_apart(clocks: Clocks) -> None:
    pauses = Pauses()
    pauses.begins()
    pauses.ended()
    clocks.go(1, frozen=60)
    assert pauses.begins() == {"tracekit.idle_ms": 61_000.0, "tracekit.frozen_ms": 60_000.0}


def test_a_corrected_wall_clock_is_no_freeze_and_never_negative(clocks: Clocks) -> None:
    pauses = Pauses()
    pauses.begins()
    pauses.ended()
    clocks.go(1, frozen=-2)
    assert pauses.begins() == {"tracekit.idle_ms": 0.0}


def test_beside_another_call_nothing_is_idle(clocks: Clocks) -> None:
    pauses = Pauses()
    pauses.begins()
    clocks.go(1)
    assert pauses.begins() == {}
    pauses.ended()
    clocks.go(1)
    assert pauses.begins() == {}
    pauses.ended()
    pauses.ended()
    clocks.go(2)
    assert pauses.begins() == {"tracekit.idle_ms": 2000.0}


def test_the_second_call_of_a_process_carries_it(recorded: Any) -> None:
    PAUSES.__init__()  # type: ignore[misc]
    handler = traced(name="call", handler=True)(lambda event, context: None)
    handler({}, None)
    time.sleep(0.05)
    handler({}, None)
    first, second = (found.attributes or {} for found in recorded.all if found.name == "call")
    assert "tracekit.idle_ms" not in first
    assert second["tracekit.idle_ms"] >= 40 and "tracekit.previous_flush_ms" in second


@pytest.mark.parametrize(
    ("kind", "cold"),
    [("on-demand", True), ("provisioned-concurrency", False), ("snap-start", False), ("", True)],
)
def test_how_a_process_was_made_is_told_apart_from_cold(
    recorded: Any, monkeypatch: pytest.MonkeyPatch, kind: str, cold: bool
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    handler = traced(name="call", handler=True)(lambda event, context: None)
    handler({}, None)
    handler({}, None)
    first, second = (found.attributes or {} for found in recorded.all if found.name == "call")
    assert (first["faas.coldstart"], second["faas.coldstart"]) == (cold, False)
    assert (first.get("tracekit.initialization_type", ""), "tracekit.initialization_type" in second) == (
        kind,
        False,
    )
